package metrics

import (
	"bytes"
	"fmt"
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// encoder writes the families of one page in one format.
type encoder interface {
	// own writes a family of this server: its children, or its name alone. Below
	// them come the samples of engines elsewhere, if their cursor stands there.
	own(f shownFamily) error
	// elsewhere writes the family of engines elsewhere that the cursor stands at.
	elsewhere() error
	// end writes what ends a page.
	end() error
}

func newEncoder(w io.Writer, as format, cursor *merge.Cursor) encoder {
	if as == protobufFormat {
		return &protobufEncoder{
			to:     expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeProtoDelim)),
			cursor: cursor,
			parser: expfmt.NewTextParser(model.LegacyValidation),
		}
	}
	return textEncoder{w: w, cursor: cursor, open: as == openFormat}
}

// textEncoder writes the text format or OpenMetrics. Samples of engines
// elsewhere are copied as they are.
type textEncoder struct {
	w      io.Writer
	cursor *merge.Cursor
	open   bool
}

func (e textEncoder) own(f shownFamily) error {
	if err := f.write(e.w, e.open); err != nil {
		return err
	}
	if string(e.cursor.Name()) != f.name {
		return nil
	}
	return e.cursor.WriteSamples(e.w, f.kind)
}

func (e textEncoder) elsewhere() error { return e.cursor.WriteFamily(e.w) }

func (e textEncoder) end() error {
	if !e.open {
		return nil
	}
	_, err := expfmt.FinalizeOpenMetrics(e.w)
	return err
}

// protobufEncoder writes Prometheus' protobuf format: a message for each family,
// its length before it. It is the only format that carries native histograms.
// Samples of engines elsewhere, which are text, are parsed for it.
type protobufEncoder struct {
	to     expfmt.Encoder
	cursor *merge.Cursor
	text   bytes.Buffer // one family of engines elsewhere
	parser expfmt.TextParser
}

func (e *protobufEncoder) own(f shownFamily) error {
	family := f.gathered
	if family == nil {
		family = f.declared.message()
	}
	if string(e.cursor.Name()) == f.name {
		e.text.Reset()
		fmt.Fprintf(&e.text, "# TYPE %s %s\n", f.name, f.kind)
		if err := e.cursor.WriteSamples(&e.text, f.kind); err != nil {
			return err
		}
		family.Metric = append(family.Metric, e.parsed(f.name).GetMetric()...)
	}
	return e.to.Encode(family)
}

func (e *protobufEncoder) elsewhere() error {
	name := string(e.cursor.Name())
	e.text.Reset()
	if err := e.cursor.WriteFamily(&e.text); err != nil {
		return err
	}
	if family := e.parsed(name); family != nil {
		return e.to.Encode(family)
	}
	return nil
}

// parsed is the family of a name as the text has it, nil if it has no samples.
// Whatever merge takes over can be parsed; else the family would be missing.
func (e *protobufEncoder) parsed(name string) *dto.MetricFamily {
	families, err := e.parser.TextToMetricFamilies(&e.text)
	if err != nil {
		return nil
	}
	return families[name]
}

func (e *protobufEncoder) end() error { return nil }

// message is the family without a child, of which the format knows the name, the
// help and the type.
func (f Family) message() *dto.MetricFamily {
	return &dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: messageTypes[f.Kind].Enum()}
}

var messageTypes = map[Kind]dto.MetricType{
	Counter:   dto.MetricType_COUNTER,
	Gauge:     dto.MetricType_GAUGE,
	Histogram: dto.MetricType_HISTOGRAM,
	Summary:   dto.MetricType_SUMMARY,
}

// Interface guards.
var (
	_ encoder = textEncoder{}
	_ encoder = (*protobufEncoder)(nil)
)
