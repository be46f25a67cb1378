// Package check holds a metrics page against the family table: is everything
// on it that the table promises, nothing that it does not, and do the numbers
// agree with each other?
//
// It reads pages of Limelight and pages saved from vLLM-Omni, whose families
// have the same meaning; what the two do differently (prefix, _created series,
// children that appear late) is no finding.
package check

import (
	"slices"
	"strings"
)

// Page is a metrics page as it was read.
type Page struct {
	// Families by name: a counter's ends in _total, and vllm_omni: is read as
	// vllm:omni_.
	Families map[string]*Family
	// OpenMetrics says that the page is in that format, not in the text format.
	OpenMetrics bool
	// Faults are the lines that could not be read, and what else the format
	// does not allow.
	Faults []Finding

	created bool // the page has _created series
}

// Family is one family of a page.
type Family struct {
	Name string
	// Line is where the family is first named, counted from 1.
	Line int
	// Kind is what the TYPE line says; empty without one.
	Kind    string
	Samples []Sample

	helped bool
}

// Sample is one line with a value.
type Sample struct {
	Line int
	// Name is that of the family, with the suffix that the sample has.
	Name   string
	Labels []Label // sorted by name
	Value  float64
}

// Label is one label of a sample.
type Label struct{ Name, Value string }

// Label returns a label's value; false if the sample has none of that name.
func (s Sample) Label(name string) (string, bool) {
	i, found := slices.BinarySearchFunc(s.Labels, name, func(l Label, name string) int { return strings.Compare(l.Name, name) })
	if !found {
		return "", false
	}
	return s.Labels[i].Value, true
}

// key names the child that a sample belongs to: its labels but for those that
// tell the samples of one child apart.
func (s Sample) key() string { return s.labels("le", "quantile") }

// labels writes the sample's labels but for those left out.
func (s Sample) labels(without ...string) string {
	var b strings.Builder
	b.WriteByte('{')
	for _, l := range s.Labels {
		if slices.Contains(without, l.Name) {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(l.Name + `="` + l.Value + `"`)
	}
	b.WriteByte('}')
	return b.String()
}

// Finding is one thing that is wrong with a page.
type Finding struct {
	// Line is where, counted from 1; 0 if no one line is to blame.
	Line int
	// Family is whose fault it is; may be empty.
	Family string
	// Text says what is wrong.
	Text string
}

// names lists the families of a page in alphabetical order.
func (p *Page) names() []string {
	names := make([]string, 0, len(p.Families))
	for name := range p.Families {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// samples returns the family's samples whose name has the suffix ("_count";
// empty for a counter's or gauge's own), and those label values.
func (p *Page) samples(family, suffix string, labels ...Label) []Sample {
	f := p.Families[family]
	if f == nil {
		return nil
	}
	var found []Sample
	for _, s := range f.Samples {
		if s.Name == family+suffix && s.has(labels) {
			found = append(found, s)
		}
	}
	return found
}

func (s Sample) has(labels []Label) bool {
	for _, l := range labels {
		if v, ok := s.Label(l.Name); !ok || v != l.Value {
			return false
		}
	}
	return true
}

// Sum adds up the samples of a family whose name has the suffix ("_count"; empty
// for a counter's or gauge's own) and that have the label values.
func (p *Page) Sum(family, suffix string, labels ...Label) (sum float64) {
	for _, s := range p.samples(family, suffix, labels...) {
		sum += s.Value
	}
	return sum
}

// childless says whether the family is missing or has no sample.
func (p *Page) childless(family string) bool {
	f := p.Families[family]
	return f == nil || len(f.Samples) == 0
}
