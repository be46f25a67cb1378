package check

import (
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/metrics"
)

// moved asks that every family has moved which the page's pipeline can move.
// What a request does not move, by the table, is not asked for.
func (c *checker) moved(earlier []*Page) {
	var still []string // gauges of which one page cannot tell
	for _, f := range c.table {
		on := c.page.Families[f.Name]
		if f.Foreign || f.Constant != "" || on == nil {
			continue
		}
		if !c.shape.stats && !f.Always || c.shape.reference && strings.HasPrefix(f.Name, ourPrefix) {
			continue
		}
		if c.shape.lacks(f) != "" || len(on.Samples) == 0 && c.shape.hosted || optional(f) && (len(on.Samples) == 0 || c.shape.reference) {
			continue // vLLM has children at zero without the option
		}
		if f.Kind == metrics.Gauge {
			pages := append(slices.Clone(earlier), c.page)
			if slices.ContainsFunc(pages, func(p *Page) bool { return c.differs(f, p) }) {
				continue
			}
			if len(earlier) == 0 {
				still = append(still, f.Name)
				continue
			}
			c.find(on.Line, f.Name, "never moved: none of the pages shows another value")
			continue
		}
		suffix := ""
		if f.Kind != metrics.Counter {
			suffix = "_count"
		}
		if c.page.Sum(f.Name, suffix) == 0 {
			var outcomes []string
			for _, o := range f.At {
				outcomes = append(outcomes, string(o))
			}
			c.find(on.Line, f.Name, "never moved; what moves it: %s", strings.Join(outcomes, ", "))
		}
	}
	if len(still) > 0 {
		c.note("one page cannot tell whether these gauges ever moved: %s", strings.Join(still, ", "))
	}
}

// differs says whether a gauge of a page is not what it is at rest: another
// value than on this page, or another than zero if the page is this one.
func (c *checker) differs(f metrics.Family, p *Page) bool {
	for _, s := range p.samples(f.Name, "") {
		if p == c.page {
			if s.Value != 0 && !slices.Contains(f.Labels, "state") { // one of the states is always 1
				return true
			}
			continue
		}
		now := c.page.samples(f.Name, "", s.Labels...)
		if len(now) == 0 || now[0].Value != s.Value {
			return true
		}
	}
	return false
}
