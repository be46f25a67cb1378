package check

import (
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/metrics"
)

// children asks for every child whose labels are a closed set, for each
// replica, stage or edge that the page shows. vLLM-Omni makes most children at
// their first event, so of its pages nothing of the kind is asked.
func (c *checker) children() {
	if c.shape.reference {
		return
	}
	for _, f := range c.table {
		on := c.page.Families[f.Name]
		if f.Foreign || f.Always || on == nil || on.Kind != string(f.Kind) || c.shape.lacks(f) != "" {
			continue
		}
		if len(on.Samples) == 0 && (optional(f) || c.shape.hosted) {
			continue // the option is off
		}
		scopes, ok := c.scopes(f)
		if !ok {
			continue
		}
		for _, scope := range scopes {
			for _, values := range combinations(f) {
				c.exists(f, append(slices.Clone(scope), values...))
			}
		}
	}
}

// exists asks for one child.
func (c *checker) exists(f metrics.Family, labels []Label) {
	suffix := ""
	if f.Kind == metrics.Histogram || f.Kind == metrics.Summary {
		suffix = "_count"
	}
	if len(c.page.samples(f.Name, suffix, labels...)) == 0 {
		slices.SortFunc(labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
		c.find(c.page.Families[f.Name].Line, f.Name, "the child %s is missing", Sample{Labels: labels}.labels())
	}
}

// scopes lists the label sets, closed ones aside, that the family must have a
// child for; false if nobody can know them.
func (c *checker) scopes(f metrics.Family) ([][]Label, bool) {
	var open []string
	for _, l := range f.Labels {
		if _, closed := f.Values[l]; !closed && l != "model_name" {
			open = append(open, l)
		}
	}
	slices.Sort(open)
	switch {
	case f.Kind == metrics.Gauge && slices.Contains(f.Needs, metrics.NeedPages):
		return nil, false // there is none before a page came
	case len(open) == 0:
		return [][]Label{nil}, true
	case slices.Equal(open, []string{"stage"}):
		var scopes [][]Label
		for _, id := range stages(c.shape.among(f)) {
			scopes = append(scopes, []Label{{"stage", id}})
		}
		return scopes, true
	case slices.Equal(open, []string{"replica", "stage"}):
		var scopes [][]Label
		for _, p := range sorted(c.shape.among(f)) {
			scopes = append(scopes, p.labels())
		}
		return scopes, true
	case slices.Contains(f.Needs, metrics.NeedHops):
		return c.edges(), true
	}
	return nil, false
}

// edges lists the edges that any of the transfer families shows: each of them
// has to show all of them, at their first hop.
func (c *checker) edges() [][]Label {
	var edges [][]Label
	seen := map[string]bool{}
	for _, f := range c.table {
		if !slices.Contains(f.Needs, metrics.NeedHops) {
			continue
		}
		for _, s := range c.page.samples(f.Name, "_count") {
			edge := slices.DeleteFunc(slices.Clone(s.Labels), func(l Label) bool { return l.Name == "model_name" })
			if key := (Sample{Labels: edge}).labels(); !seen[key] {
				seen[key] = true
				edges = append(edges, edge)
			}
		}
	}
	return edges
}

// combinations lists all combinations of a family's closed label values.
func combinations(f metrics.Family) [][]Label {
	all := [][]Label{nil}
	for _, name := range f.Labels {
		values, closed := f.Values[name]
		if !closed {
			continue
		}
		var longer [][]Label
		for _, labels := range all {
			for _, v := range values {
				longer = append(longer, append(slices.Clone(labels), Label{name, v}))
			}
		}
		all = longer
	}
	return all
}
