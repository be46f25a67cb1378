// Package promql writes the queries of dashboards and rules and holds them
// against the family table: every series that a query names is one that a
// database can have, with the labels that the query uses.
//
// Queries are for Prometheus from 2.42 on and for VictoriaMetrics, so they keep
// to what both know. That leaves out histogram_count and histogram_sum: counts
// and sums come from a histogram's classic series, which a Prometheus that
// takes native histograms has to keep (always_scrape_classic_histograms).
package promql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Series selects the series of one family.
type Series struct {
	// Name is the family's, as it is stored; for a histogram without a suffix.
	// It may begin with a variable of the dashboard.
	Name string
	// Match are matchers without their braces, `stage="1"` for instance.
	Match string
	// Window is the range of a rate: "5m", or a variable of the dashboard.
	Window string
}

// suffixed selects a histogram's classic series.
func (s Series) suffixed(suffix string, match ...string) Series {
	s.Name += suffix
	s.Match = strings.Join(slices.DeleteFunc(append([]string{s.Match}, match...), func(m string) bool { return m == "" }), ",")
	return s
}

// Instant is the selection by itself: gauges.
func (s Series) Instant() string {
	if s.Match == "" {
		return s.Name
	}
	return s.Name + "{" + s.Match + "}"
}

// each is the rate of each series.
func (s Series) each() string { return "rate(" + s.Instant() + "[" + s.Window + "])" }

// Aggregate is sum, max or another aggregation of an expression by labels;
// without labels there is one result.
func Aggregate(by string, expr string, labels ...string) string {
	if len(labels) == 0 {
		return by + "(" + expr + ")"
	}
	return by + " by (" + strings.Join(labels, ", ") + ") (" + expr + ")"
}

// Rate is a counter's rate a second.
func Rate(s Series, by ...string) string { return Aggregate("sum", s.each(), by...) }

// Count is the rate of a histogram's observations.
func Count(s Series, by ...string) string { return Rate(s.suffixed("_count"), by...) }

// Sum is the rate of the sum of a histogram's observations.
func Sum(s Series, by ...string) string { return Rate(s.suffixed("_sum"), by...) }

// Under is the rate of a histogram's observations that were at most bound,
// which has to be one of the family's buckets.
func Under(bound float64, s Series, by ...string) string {
	return Rate(s.suffixed("_bucket", Bound(bound)), by...)
}

// Bound matches a bucket in each way that its bound is written: as Go does, as
// Python does, and as Prometheus 3 stores it.
func Bound(bound float64) string {
	short := strconv.FormatFloat(bound, 'g', -1, 64)
	long := strconv.FormatFloat(bound, 'f', -1, 64)
	ways := []string{short, long}
	if !strings.Contains(long, ".") {
		ways = append(ways, long+".0")
	}
	ways = slices.Compact(ways)
	for i, w := range ways {
		ways[i] = strings.NewReplacer(".", "[.]", "+", "[+]").Replace(w)
	}
	return `le=~"` + strings.Join(ways, "|") + `"`
}

// Mean is a histogram's mean; nothing where nothing was observed.
func Mean(s Series, by ...string) string { return Ratio(Sum(s, by...), Count(s, by...)) }

// Ratio divides; there is no result, rather than NaN, where the divisor is not
// above zero.
func Ratio(a, b string) string { return operand(a) + " / (" + operand(b) + " > 0)" }

// operand puts what is not a single call in parentheses.
func operand(expr string) string {
	depth := 0
	for _, c := range expr {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '+', '-', '*', '/', '%', '>', '<', '=', '!':
			if depth == 0 {
				return "(" + expr + ")"
			}
		}
	}
	if strings.Contains(expr, " or ") || strings.Contains(expr, " and ") || strings.Contains(expr, " unless ") {
		return "(" + expr + ")"
	}
	return expr
}

// Quantile is the q-quantile of a histogram: that of its native form where
// there is one, else that of its classic buckets. There is no result, rather
// than NaN, where nothing was observed; so it is for values that are never
// negative.
func Quantile(q float64, s Series, by ...string) string {
	const form = "histogram_quantile(%g, %s) >= 0"
	native := Rate(s, by...)
	classic := Rate(s.suffixed("_bucket"), append([]string{"le"}, by...)...)
	return fmt.Sprintf(form+" or "+form, q, native, q, classic)
}

// Buckets is what a heat map shows: a histogram's native form where there is
// one, else the rates of its classic buckets.
func Buckets(s Series) string {
	native := Rate(s)
	return native + " or (" + Rate(s.suffixed("_bucket"), "le") + " unless on () " + native + ")"
}

// Share divides each result of part by the one result of whole that has the
// same labels on; none means that there is one whole. There is no result where
// the whole is not above zero.
func Share(part, whole string, on ...string) string {
	return operand(part) + " / on (" + strings.Join(on, ", ") + ") group_left () (" + operand(whole) + " > 0)"
}
