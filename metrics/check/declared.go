package check

import (
	"math"
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/metrics"
)

// declared holds the page's families against the table's: every one is there
// with its type and labels, and none is unknown under our prefixes.
func (c *checker) declared() {
	known := map[string]bool{}
	for _, f := range c.table {
		known[f.Name] = true
		if f.Foreign {
			continue
		}
		c.report.Families++
		on := c.page.Families[f.Name]
		switch {
		case on == nil && c.shape.reference && !c.expectedOfReference(f):
		case on == nil && c.unnamed(f):
		case on == nil:
			c.find(0, f.Name, "is not on the page")
		default:
			c.family(f, on)
		}
	}
	var unknown []string
	for _, name := range c.page.names() {
		switch {
		case known[name] || !ours(name):
		case c.shape.reference:
			unknown = append(unknown, name)
		default:
			c.find(c.page.Families[name].Line, name, "is not in the table")
		}
	}
	if len(unknown) > 0 {
		c.note("families that Limelight does not have: %s", strings.Join(unknown, ", "))
	}
	if !c.shape.reference {
		c.oneModel()
	}
}

// ours says whether the table answers for a name.
func ours(name string) bool {
	return strings.HasPrefix(name, enginePrefix) || strings.HasPrefix(name, ourPrefix)
}

// expectedOfReference says whether a page of vLLM-Omni has the family too.
func (c *checker) expectedOfReference(f metrics.Family) bool {
	switch {
	case strings.HasPrefix(f.Name, ourPrefix), optional(f):
		return false
	case strings.HasPrefix(f.Name, omniPrefix), strings.HasPrefix(f.Name, "http_"):
		return true
	}
	return len(c.shape.ar) > 0 // engine families are there if any is
}

// unnamed says whether the page need not name the family: an option is off, or
// nobody can tell.
func (c *checker) unnamed(f metrics.Family) bool {
	return slices.ContainsFunc(f.NamedWith, func(n metrics.Need) bool { return n != metrics.NeedStats || !c.shape.stats })
}

// family holds one family of the page against its declaration.
func (c *checker) family(f metrics.Family, on *Family) {
	if on.Kind != string(f.Kind) {
		if on.Kind == "" {
			c.find(on.Line, f.Name, "has no TYPE line, it is a %s", f.Kind)
		} else {
			c.find(on.Line, f.Name, "is a %s here, the table has a %s", on.Kind, f.Kind)
		}
		return
	}
	if !f.Always && !c.shape.stats && !c.shape.reference && len(on.Samples) > 0 {
		c.find(on.Samples[0].Line, f.Name, "has samples although statistics are off")
	}
	wrong := map[string]bool{} // one finding for each kind of fault, not for each line
	once := func(s Sample, kind, format string, args ...any) {
		if !wrong[kind] {
			wrong[kind] = true
			c.find(s.Line, f.Name, format, args...)
		}
	}
	for _, s := range on.Samples {
		// The reference's info families carry whatever its configuration holds.
		if missing, extra := difference(f, s); (missing != "" || extra != "") && !(c.shape.reference && strings.HasSuffix(f.Name, "_info")) {
			if missing != "" {
				once(s, "missing "+missing, "label %s is missing", missing)
			}
			if extra != "" {
				once(s, "extra "+extra, "label %s is not in the table", extra)
			}
			continue
		}
		for _, l := range s.Labels {
			values, closed := f.Values[l.Name]
			switch {
			case closed && !slices.Contains(values, l.Value) && !(l.Name == f.Option && decimal(l.Value)):
				if !c.shape.reference {
					once(s, l.Name+l.Value, "%s=%q is not in the closed set %s", l.Name, l.Value, strings.Join(values, ", "))
				}
			case isID(l.Name) && !decimal(l.Value):
				once(s, l.Name, "%s=%q is not a decimal id", l.Name, l.Value)
			}
		}
		c.value(f, s, once)
	}
}

// value looks at a sample's number by itself.
func (c *checker) value(f metrics.Family, s Sample, once func(Sample, string, string, ...any)) {
	whole := f.Kind == metrics.Histogram && !strings.HasSuffix(s.Name, "_sum") ||
		f.Kind != metrics.Histogram && (f.Unit == "requests" || f.Unit == "tokens" || f.Unit == "frames")
	switch {
	case math.IsNaN(s.Value) || math.IsInf(s.Value, 0):
		once(s, "finite", "%v is no value", s.Value)
	case s.Value < 0:
		once(s, "negative", "%v is below zero", s.Value)
	case whole && s.Value != math.Trunc(s.Value):
		once(s, "whole", "%v is no whole number", s.Value)
	}
}

// difference returns the first label that a sample lacks and the first that it
// should not have.
func difference(f metrics.Family, s Sample) (missing, extra string) {
	for _, name := range f.Labels {
		if _, ok := s.Label(name); !ok {
			missing = name
			break
		}
	}
	for _, l := range s.Labels {
		own := l.Name == "le" && strings.HasSuffix(s.Name, "_bucket") || l.Name == "quantile" && f.Kind == metrics.Summary
		if !own && !slices.Contains(f.Labels, l.Name) {
			extra = l.Name
			break
		}
	}
	return missing, extra
}

func isID(label string) bool {
	switch label {
	case "stage", "replica", "from_stage", "from_replica", "to_stage", "to_replica":
		return true
	}
	return false
}

func decimal(id string) bool {
	if id == "" || len(id) > 1 && id[0] == '0' {
		return false
	}
	return strings.Trim(id, "0123456789") == ""
}

// oneModel asks that all families speak of one model.
func (c *checker) oneModel() {
	first := ""
	for _, f := range c.table {
		for _, s := range c.page.samples(f.Name, "") {
			name, ok := s.Label("model_name")
			if !ok {
				continue
			}
			if first == "" {
				first = name
			}
			if name != first {
				c.find(s.Line, f.Name, "model_name is %q, other families have %q", name, first)
				return
			}
		}
	}
}
