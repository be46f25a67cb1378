package metrics

import (
	"iter"
	"math"
	"sort"

	dto "github.com/prometheus/client_model/go"
)

// Series is one child of a family at one moment.
type Series struct {
	// Family is the name in the table's spelling, whatever the page's prefix.
	Family string
	Kind   Kind
	Labels []SeriesLabel
	// Value is that of a counter or a gauge.
	Value float64
	// Bounds and Counts are a histogram's buckets: upper bounds in ascending
	// order, without +Inf, and how many values were at or below each. Count is
	// how many there were in all, Sum what they add up to.
	Bounds, Counts []float64
	Count, Sum     float64
}

// SeriesLabel is one label of a Series.
type SeriesLabel struct{ Name, Value string }

// Label returns a label's value, empty if the series has none of that name.
func (s *Series) Label(name string) string {
	for i := range s.Labels {
		if s.Labels[i].Name == name {
			return s.Labels[i].Value
		}
	}
	return ""
}

// Read goes through the children of the families that are wanted and that this
// server records itself, as they are when the loop begins. Those of the process
// and of Go are not among them. Engines elsewhere are
// not scraped for it, so that what their own pages have is missing. One Series
// is used for all: who keeps one must copy it.
func (m *Metrics) Read(want func(family string) bool) iter.Seq[*Series] {
	return func(yield func(*Series) bool) {
		if m == nil {
			return
		}
		m.forget()
		gathered, _ := m.registry.Gather() // what could be gathered comes with the error
		var s Series
		for _, f := range gathered {
			if !want(f.GetName()) {
				continue
			}
			s.Family = f.GetName()
			for _, child := range f.Metric {
				if s.take(child) && !yield(&s) {
					return
				}
			}
		}
	}
}

// take fills the series from a gathered child; false for one of another kind.
func (s *Series) take(child *dto.Metric) bool {
	s.Labels, s.Bounds, s.Counts = s.Labels[:0], s.Bounds[:0], s.Counts[:0]
	for _, l := range child.Label {
		s.Labels = append(s.Labels, SeriesLabel{l.GetName(), l.GetValue()})
	}
	switch {
	case child.Counter != nil:
		s.Kind, s.Value = Counter, child.Counter.GetValue()
	case child.Gauge != nil:
		s.Kind, s.Value = Gauge, child.Gauge.GetValue()
	case child.Histogram != nil:
		h := child.Histogram
		s.Kind, s.Count, s.Sum = Histogram, float64(h.GetSampleCount()), h.GetSampleSum()
		for _, b := range h.Bucket {
			s.Bounds, s.Counts = append(s.Bounds, b.GetUpperBound()), append(s.Counts, float64(b.GetCumulativeCount()))
		}
		s.finite()
	default:
		return false
	}
	return true
}

// finite takes the bucket +Inf off, which an exemplar may have brought.
func (s *Series) finite() {
	n := sort.Search(len(s.Bounds), func(i int) bool { return math.IsInf(s.Bounds[i], 1) })
	s.Bounds, s.Counts = s.Bounds[:n], s.Counts[:n]
}
