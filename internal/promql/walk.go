package promql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
)

// value is what is known of an expression's result.
type value struct {
	scalar bool // a number or a string, which has no labels
	labels map[string]bool
	open   bool
	ranged bool     // a range of each series
	of     []series // the series that it is a plain selection of
	bucket bool     // made of classic buckets, which le tells apart
}

func labelled(labels []string) map[string]bool {
	set := make(map[string]bool, len(labels))
	for _, l := range labels {
		set[l] = true
	}
	return set
}

// walk goes through one expression.
type walk struct {
	catalog         *Catalog
	names, families []string
	errs            []error
}

func (w *walk) wrong(format string, args ...any) {
	w.errs = append(w.errs, fmt.Errorf(format, args...))
}

// needs asks a value for a label.
func (w *walk) needs(v value, label, what string) {
	if !v.open && !v.labels[label] {
		w.wrong("%s has no label %s", what, label)
	}
}

func (w *walk) value(e metricsql.Expr) value {
	switch e := e.(type) {
	case *metricsql.NumberExpr, *metricsql.StringExpr, *metricsql.DurationExpr:
		return value{scalar: true}
	case *metricsql.MetricExpr:
		return w.selector(e)
	case *metricsql.RollupExpr:
		return w.rollup(e)
	case *metricsql.FuncExpr:
		return w.call(e)
	case *metricsql.AggrFuncExpr:
		return w.aggregate(e)
	case *metricsql.BinaryOpExpr:
		return w.operator(e)
	}
	w.wrong("%s is not PromQL", e.AppendString(nil))
	return value{open: true}
}

// selector looks its series up.
func (w *walk) selector(e *metricsql.MetricExpr) value {
	text := string(e.AppendString(nil))
	if len(e.LabelFilterss) != 1 {
		w.wrong("%s: one set of matchers is needed", text)
		return value{open: true}
	}
	var v value
	filters := e.LabelFilterss[0]
	at := slices.IndexFunc(filters, func(f metricsql.LabelFilter) bool { return f.Label == "__name__" })
	if at < 0 || filters[at].IsNegative {
		w.wrong("%s names no series", text)
		return value{open: true}
	}
	for _, name := range alternatives(filters[at]) {
		s, known := w.catalog.series[name]
		if !known {
			w.wrong("there is no series %s", name)
			return value{open: true}
		}
		w.names = append(w.names, name)
		if s.family.Group != "" { // those of the Go collector are in no group
			w.families = append(w.families, s.family.Name)
		}
		for i, f := range filters {
			if i != at {
				w.matcher(name, s, f)
			}
		}
		v.of = append(v.of, s)
		v.open = v.open || s.open
		v.bucket = v.bucket || s.bucket
		if v.labels == nil {
			v.labels = labelled(s.labels)
		}
		for l := range v.labels {
			if !slices.Contains(s.labels, l) {
				delete(v.labels, l)
			}
		}
	}
	return v
}

// alternatives are the values that a matcher allows, as far as they are
// written out.
func alternatives(f metricsql.LabelFilter) []string {
	if !f.IsRegexp {
		return []string{f.Value}
	}
	return strings.Split(strings.NewReplacer("[.]", ".", "[+]", "+").Replace(f.Value), "|")
}

// matcher asks a series for the label and, where they are known, the values
// that a matcher names.
func (w *walk) matcher(name string, s series, f metricsql.LabelFilter) {
	w.needs(value{labels: labelled(s.labels), open: s.open}, f.Label, name)
	closed, known := s.family.Values[f.Label]
	for _, text := range alternatives(f) {
		switch {
		case f.IsRegexp && strings.ContainsAny(text, `.*+?()[]{}^$\`) && f.Label != "le", text == "":
		case known && s.family.Option != f.Label && !slices.Contains(closed, text):
			w.wrong("%s is never %s of %s", text, f.Label, name)
		case f.Label == "le" && !s.family.Lengths:
			bound, err := strconv.ParseFloat(text, 64)
			if err != nil || text != "+Inf" && !slices.Contains(s.family.Buckets, bound) {
				w.wrong("%s has no bucket %s", name, text)
			}
		}
	}
}

func (w *walk) rollup(e *metricsql.RollupExpr) value {
	v := w.value(e.Expr)
	if e.At != nil {
		w.value(e.At)
	}
	if e.Window == nil {
		return v
	}
	if _, plain := e.Expr.(*metricsql.MetricExpr); !plain && e.Step == nil && !e.InheritStep {
		w.wrong("%s: a range of what is no selection needs a colon", e.AppendString(nil))
	}
	v.ranged = true
	return v
}
