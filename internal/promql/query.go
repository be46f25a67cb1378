package promql

import (
	"errors"
	"fmt"
	"slices"

	"github.com/VictoriaMetrics/metricsql"
)

// Query is what an expression asks for.
type Query struct {
	// Series are the names of the series that it selects, sorted.
	Series []string
	// Families are the families of the table among them, under their names
	// there, sorted.
	Families []string
	// Labels are those that its results can have, sorted; Open says that they
	// may have others, as alerts do.
	Labels []string
	Open   bool
}

// Check reads an expression, in which variables of a dashboard have been
// replaced, and reports all that is wrong with it: what one of the databases
// cannot parse, series that cannot exist, labels that they do not have or that
// an aggregation took away, values outside of a label's closed set, buckets that
// a family does not have, sides of an operator that can never match, rates of
// gauges. The labels that are given are asked of the results.
func (c *Catalog) Check(expr string, labels ...string) (*Query, error) {
	parsed, err := metricsql.Parse(expr)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", expr, err)
	}
	w := walk{catalog: c}
	result := w.value(parsed)
	for _, l := range labels {
		w.needs(result, l, "the result")
	}
	if err := errors.Join(w.errs...); err != nil {
		return nil, fmt.Errorf("query %s: %w", expr, err)
	}
	q := &Query{Series: sorted(w.names), Families: sorted(w.families), Open: result.open}
	for l := range result.labels {
		q.Labels = append(q.Labels, l)
	}
	slices.Sort(q.Labels)
	return q, nil
}

func sorted(s []string) []string { slices.Sort(s); return slices.Compact(s) }
