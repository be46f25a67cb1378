package objective

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/limelight-omni/limelight/internal/config"
	"github.com/limelight-omni/limelight/metrics"
)

// Bounds of what a file may say.
const (
	leastDays, mostDays = 1, 90
	leastTarget         = 0.5
	mostTarget          = 0.99999
	mostMinBadEvents    = 1_000_000
)

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	dayForm  = regexp.MustCompile(`^([0-9]{1,4})d$`)
)

// decoder reads a document. It goes on after an error, so that a file's errors
// are reported together.
type decoder struct {
	file   string
	errors config.Errors
}

func (d *decoder) fail(n *yaml.Node, key, format string, args ...any) {
	d.errors = append(d.errors, &config.Error{File: d.file, Line: n.Line, Name: key, Message: fmt.Sprintf(format, args...)})
}

// keys reads a mapping: what decode has no entry for is an error.
func (d *decoder) keys(n *yaml.Node, path string, known []string, decode map[string]func(key string, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "must be a section of keys and values, got %s", shown(n))
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		key := name.Value
		if path != "" {
			key = path + "." + key
		}
		read := decode[name.Value]
		switch first, twice := lines[name.Value]; {
		case twice:
			d.fail(name, key, "given twice, first in line %d", first)
		case read != nil:
			lines[name.Value] = name.Line
			read(key, value)
		default:
			d.fail(name, key, "unknown key%s", meant(name.Value, known, "keys here"))
		}
	}
}

// set reads the whole document.
func (d *decoder) set(root *yaml.Node) *Set {
	s := &Set{Window: 30 * 24 * time.Hour, MinBadEvents: 5}
	if root == nil {
		d.errors = append(d.errors, &config.Error{File: d.file, Message: "holds no objective"})
		return s
	}
	listed := false
	d.keys(root, "", []string{"window", "min_bad_events", "objectives"}, map[string]func(string, *yaml.Node){
		"window": func(key string, n *yaml.Node) {
			days := 0
			if m := dayForm.FindStringSubmatch(n.Value); n.Kind == yaml.ScalarNode && m != nil {
				days, _ = strconv.Atoi(m[1])
			}
			if days < leastDays || days > mostDays {
				d.fail(n, key, "must be whole days from %dd to %dd, as 30d, got %s", leastDays, mostDays, shown(n))
				return
			}
			s.Window = time.Duration(days) * 24 * time.Hour
		},
		"min_bad_events": func(key string, n *yaml.Node) {
			v, err := strconv.Atoi(n.Value)
			if n.ShortTag() != "!!int" || err != nil || v < 1 || v > mostMinBadEvents {
				d.fail(n, key, "must be a whole number from 1 to %d, got %s", mostMinBadEvents, shown(n))
				return
			}
			s.MinBadEvents = v
		},
		"objectives": func(key string, n *yaml.Node) {
			listed = true
			d.objectives(s, key, n)
		},
	})
	if !listed && len(d.errors) == 0 {
		d.fail(root, "objectives", "missing: at least one objective is needed")
	}
	return s
}

func (d *decoder) objectives(s *Set, key string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		d.fail(n, key, "must be a list of at least one objective, got %s", shown(n))
		return
	}
	lines := map[string]int{}
	for i, item := range n.Content {
		before := len(d.errors)
		o := d.objective(fmt.Sprintf("%s[%d]", key, i), item)
		if len(d.errors) > before {
			continue
		}
		if first, twice := lines[o.Name]; twice {
			d.fail(item, fmt.Sprintf("%s[%d].name", key, i), "%s is the name of the objective in line %d", o.Name, first)
			continue
		}
		lines[o.Name] = item.Line
		s.Objectives = append(s.Objectives, o)
	}
}

// objective reads one item of the list.
func (d *decoder) objective(path string, n *yaml.Node) Objective {
	var o Objective
	at := map[string]*yaml.Node{}
	take := func(name string) func(string, *yaml.Node) {
		return func(_ string, v *yaml.Node) { at[name] = v }
	}
	before := len(d.errors)
	known := []string{"name", "family", "threshold", "target", "labels"}
	decode := map[string]func(string, *yaml.Node){}
	for _, name := range known {
		decode[name] = take(name)
	}
	d.keys(n, path, known, decode)
	if len(d.errors) > before {
		return o
	}
	for _, name := range []string{"name", "family", "target"} {
		if at[name] == nil {
			d.fail(n, path+"."+name, "missing")
		}
	}
	if v := at["name"]; v != nil {
		if o.Name = v.Value; v.Kind != yaml.ScalarNode || !nameForm.MatchString(o.Name) {
			d.fail(v, path+".name", "must be small letters, digits and underscores, a letter first, 40 at most, got %s", shown(v))
		}
	}
	if v := at["target"]; v != nil {
		var ok bool
		if o.Target, ok = number(v); !ok || o.Target < leastTarget || o.Target > mostTarget {
			d.fail(v, path+".target", "must be a share from %v to %v, as 0.95, got %s", leastTarget, mostTarget, shown(v))
		}
	}
	if v := at["family"]; v != nil {
		d.family(&o, path, v, at["threshold"])
	}
	if v := at["labels"]; v != nil && o.Family.Name != "" {
		d.labels(&o, path+".labels", v)
	}
	return o
}

// family reads what an objective is measured by, and its threshold.
func (d *decoder) family(o *Objective, path string, family, threshold *yaml.Node) {
	all := metrics.Families()
	i := slices.IndexFunc(all, func(f metrics.Family) bool { return f.Name == family.Value })
	if i < 0 || family.Kind != yaml.ScalarNode {
		var names []string
		for _, f := range measured() {
			names = append(names, f.Name)
		}
		d.fail(family, path+".family", "%s is no family of docs/metrics.md%s", shown(family), meant(family.Value, names, ""))
		return
	}
	f := all[i]
	switch {
	case f.Name == Availability && threshold != nil:
		d.fail(threshold, path+".threshold", "%s has none: a request ends well or as an error", f.Name)
	case f.Name == Availability:
		o.Family = f
	case f.Kind != metrics.Histogram:
		hint := ""
		if strings.Contains(f.Name, "continuity") {
			hint = "; the underrun's threshold of 0.1 is the same as threshold_ms=\"100\""
		}
		d.fail(family, path+".family", "%s is a %s: an objective is measured by a histogram or by %s%s", f.Name, f.Kind, Availability, hint)
	case len(f.Buckets) == 0:
		d.fail(family, path+".family", "the buckets of %s depend on the model, so no threshold is always one of its bounds", f.Name)
	case threshold == nil:
		d.fail(family, path+".threshold", "missing; the bucket bounds of %s are %s", f.Name, bounds(f))
	default:
		v, ok := number(threshold)
		if !ok || !slices.Contains(f.Buckets, v) {
			d.fail(threshold, path+".threshold", "must be one of the bucket bounds of %s, in %s: %s; got %s", f.Name, f.Unit, bounds(f), shown(threshold))
			return
		}
		o.Family, o.Threshold = f, v
	}
}

// labels reads the values that an event must have.
func (d *decoder) labels(o *Objective, path string, n *yaml.Node) {
	decode := map[string]func(string, *yaml.Node){}
	o.Labels = map[string]string{}
	labels := o.Family.Labels
	if o.Family.Name == Availability {
		labels = []string{"model_name"} // how a request ended is what the objective tells apart
	}
	for _, label := range labels {
		decode[label] = func(key string, v *yaml.Node) {
			switch allowed := o.Family.Values[label]; {
			case v.Kind != yaml.ScalarNode || v.Value == "":
				d.fail(v, key, "must be a label's value, got %s", shown(v))
			case allowed != nil && !slices.Contains(allowed, v.Value):
				d.fail(v, key, "must be one of %s, got %s", strings.Join(allowed, ", "), shown(v))
			default:
				o.Labels[label] = v.Value
			}
		}
	}
	d.keys(n, path, labels, decode)
}

func number(n *yaml.Node) (float64, bool) {
	if tag := n.ShortTag(); tag != "!!float" && tag != "!!int" {
		return 0, false
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	return v, err == nil
}

func bounds(f metrics.Family) string {
	texts := make([]string, len(f.Buckets))
	for i, b := range f.Buckets {
		texts[i] = strconv.FormatFloat(b, 'f', -1, 64)
	}
	return strings.Join(texts, " ")
}

// meant says what a wrong name most likely stands for, or what there is.
func meant(name string, known []string, what string) string {
	if best := config.Closest(name, known); best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	if what == "" {
		return ""
	}
	return fmt.Sprintf("; the %s are %s", what, strings.Join(known, ", "))
}

// shown is a node's value for an error.
func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	const most = 60
	if len(n.Value) > most {
		return strconv.Quote(strings.ToValidUTF8(n.Value[:most], "") + "…")
	}
	return strconv.Quote(n.Value)
}
