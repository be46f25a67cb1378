package metrics

import (
	"io"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// shownFamily is one of this server's families as it stands on a page.
type shownFamily struct {
	name     string
	kind     merge.Kind
	gathered *dto.MetricFamily // nil if it has no child
	declared Family            // if it has none
}

// shownFamilies are all of them, by name.
type shownFamilies []shownFamily

var kinds = map[dto.MetricType]merge.Kind{
	dto.MetricType_COUNTER:   merge.Counter,
	dto.MetricType_GAUGE:     merge.Gauge,
	dto.MetricType_HISTOGRAM: merge.Histogram,
	dto.MetricType_SUMMARY:   merge.Summary,
	dto.MetricType_UNTYPED:   merge.Untyped,
}

// families gathers them. Engines elsewhere have their children from the start.
func (m *Metrics) families(as format) shownFamilies {
	if m.scrapes != nil {
		for _, a := range m.scrapes.scraper.Load().Ages() {
			m.scraped(a.Source)
		}
	}
	gathered, _ := prometheus.Gatherers{m.registry, m.process}.Gather() // what could be gathered comes with the error
	gathered = m.renamed(gathered)
	if as != textFormat {
		m.addUnits(gathered)
	}
	all := make(shownFamilies, 0, len(gathered)+len(m.table))
	for _, f := range gathered {
		all = append(all, shownFamily{name: f.GetName(), kind: kinds[f.GetType()], gathered: f})
	}
	for _, f := range m.childless(gathered) {
		all = append(all, shownFamily{name: f.Name, kind: merge.Kind(f.Kind), declared: f})
	}
	slices.SortFunc(all, func(a, b shownFamily) int { return strings.Compare(a.name, b.name) })
	if as == openFormat {
		all.settleNames()
	}
	return all
}

// settleNames makes gathered counters untyped whose name without _total, which
// OpenMetrics gives a counter, is that of another family. The Go collector has
// such a pair.
func (all shownFamilies) settleNames() {
	for i := range all {
		f := &all[i]
		base, ok := strings.CutSuffix(f.name, "_total")
		if !ok || f.kind != merge.Counter || f.gathered == nil || all.kind([]byte(base)) == "" {
			continue
		}
		f.kind, f.gathered.Type = merge.Untyped, dto.MetricType_UNTYPED.Enum()
		for _, child := range f.gathered.Metric {
			child.Untyped = &dto.Untyped{Value: child.GetCounter().Value}
		}
	}
}

// kind is that of a family, empty if there is none of the name.
func (all shownFamilies) kind(name []byte) merge.Kind {
	i, found := slices.BinarySearchFunc(all, name, func(f shownFamily, name []byte) int {
		switch {
		case f.name < string(name):
			return -1
		case f.name > string(name):
			return 1
		}
		return 0
	})
	if !found {
		return ""
	}
	return all[i].kind
}

// write writes the family: its children, or its name alone.
func (f shownFamily) write(w io.Writer, open bool) error {
	var err error
	switch {
	case f.gathered == nil && open:
		openHeader(w, f.declared)
	case f.gathered == nil:
		header(w, f.declared)
	case open:
		_, err = expfmt.MetricFamilyToOpenMetrics(w, f.gathered)
	default:
		_, err = expfmt.MetricFamilyToText(w, f.gathered)
	}
	return err
}
