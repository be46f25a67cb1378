// Package benchmarks compares Limelight's parts with other people's, in the
// same run. It is a module of its own so that what it compares with is no
// dependency of Limelight.
package benchmarks

import (
	"bytes"
	"os"
	"testing"
	"time"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/protoparser/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// enginePage is a page that an engine wrote: of 80 KB for vLLM.
func enginePage(b *testing.B, engine string) []byte {
	text, err := os.ReadFile("../metrics/testdata/engines/" + engine + ".txt")
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// BenchmarkPage reads a page with each contender in turn, and reports what each
// reached in its best turn. A turn is shorter than a time slice of the kernel's,
// so that on a machine that others use the best ones are undisturbed.
func BenchmarkPage(b *testing.B) {
	for _, engine := range []string{"vllm", "sglang"} {
		b.Run(engine, func(b *testing.B) { readInTurns(b, enginePage(b, engine)) })
	}
}

func readInTurns(b *testing.B, text []byte) {
	var page merge.Page
	var rows vm.Rows
	var metadata vm.MetadataRows
	s := string(text)
	refused := func(line string) { b.Error(line) }
	contenders := []struct {
		name  string
		reads int // in a turn
		read  func()
	}{
		{"relabel", 8, func() {
			page.Read(text, merge.Source{ModelName: "omni", Replica: 1}, merge.EngineFamilies)
		}},
		{"VictoriaMetrics", 8, func() { rows.UnmarshalWithErrLogger(s, refused) }},
		{"VictoriaMetrics-metadata", 8, func() { rows, metadata = vm.UnmarshalWithMetadata(rows, metadata, s, refused) }},
		{"expfmt", 1, func() {
			parser := expfmt.NewTextParser(model.LegacyValidation)
			if _, err := parser.TextToMetricFamilies(bytes.NewReader(text)); err != nil {
				b.Fatal(err)
			}
		}},
	}
	best := make([]time.Duration, len(contenders)) // for one read
	for b.Loop() {
		for i, c := range contenders {
			began := time.Now()
			for range c.reads {
				c.read()
			}
			if took := time.Since(began) / time.Duration(c.reads); best[i] == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	b.ReportMetric(0, "ns/op") // a turn of all of them says nothing
	for i, c := range contenders {
		b.ReportMetric(float64(len(text))/best[i].Seconds()/1e6, c.name+"-MB/s")
	}
}
