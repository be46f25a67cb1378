package promql

import (
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
)

// Functions by what they take. What is not among them, one of the databases
// does not know.
var (
	rates   = []string{"rate", "irate", "increase"}
	slopes  = []string{"deriv", "delta", "idelta", "predict_linear"}
	overs   = []string{"avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time", "quantile_over_time", "stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time", "absent_over_time", "changes", "resets"}
	numbers = []string{"time", "scalar", "pi"}
	instant = []string{"abs", "absent", "ceil", "clamp", "clamp_max", "clamp_min", "exp", "floor", "histogram_quantile", "histogram_fraction", "label_join", "label_replace", "ln", "log2", "log10", "round", "sgn", "sort", "sort_desc", "sqrt", "timestamp", "vector"}
)

func (w *walk) call(e *metricsql.FuncExpr) value {
	if e.KeepMetricNames {
		w.wrong("%s: keep_metric_names is not PromQL", e.Name)
	}
	ranged := slices.Contains(slices.Concat(rates, slopes, overs), e.Name)
	if !ranged && !slices.Contains(slices.Concat(numbers, instant), e.Name) {
		w.wrong("%s is not a function of both databases", e.Name)
	}
	out := value{scalar: true, labels: map[string]bool{}} // without a vector among its arguments
	for _, arg := range e.Args {
		v := w.value(arg)
		if v.scalar {
			continue
		}
		if v.ranged != ranged {
			w.wrong("%s: %s where there should be the other of a range and an instant", e.Name, arg.AppendString(nil))
		}
		for _, s := range v.of {
			if slices.Contains(rates, e.Name) && s.level {
				w.wrong("%s of %s, which is a gauge", e.Name, arg.AppendString(nil))
			}
			if slices.Contains(slopes, e.Name) && s.cumulative {
				w.wrong("%s of %s, which only grows", e.Name, arg.AppendString(nil))
			}
		}
		out = value{labels: v.labels, open: v.open, bucket: v.bucket}
	}
	switch {
	case slices.Contains(numbers, e.Name):
		return value{scalar: true}
	case e.Name == "vector":
		out.scalar = false
	case e.Name == "histogram_quantile", e.Name == "histogram_fraction":
		if out.bucket {
			w.needs(out, "le", e.Name+"'s argument")
		}
		out.bucket = false
		delete(out.labels, "le")
	case e.Name == "label_replace", e.Name == "label_join":
		if len(e.Args) > 1 {
			if s, ok := e.Args[1].(*metricsql.StringExpr); ok && out.labels != nil {
				out.labels[s.S] = true
			}
		}
	}
	return out
}

var aggregations = []string{"sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values"}

func (w *walk) aggregate(e *metricsql.AggrFuncExpr) value {
	if !slices.Contains(aggregations, e.Name) || e.Limit != 0 || len(e.Args) == 0 {
		w.wrong("%s is not an aggregation of both databases", e.AppendString(nil))
		return value{open: true}
	}
	for _, arg := range e.Args[:len(e.Args)-1] {
		w.value(arg)
	}
	v := w.value(e.Args[len(e.Args)-1])
	if v.scalar || v.ranged {
		w.wrong("%s aggregates no instant vector", e.Name)
	}
	for _, l := range e.Modifier.Args {
		w.needs(v, l, "what "+e.Name+" takes")
	}
	out := value{bucket: v.bucket, labels: map[string]bool{}}
	switch {
	case e.Name == "topk" || e.Name == "bottomk":
		return value{labels: v.labels, open: v.open, bucket: v.bucket}
	case e.Modifier.Op == "without":
		out.open = v.open
		for l := range v.labels {
			if !slices.Contains(e.Modifier.Args, l) {
				out.labels[l] = true
			}
		}
	default:
		out.labels = labelled(e.Modifier.Args)
	}
	if e.Name == "count_values" {
		if s, ok := e.Args[0].(*metricsql.StringExpr); ok {
			out.labels[s.S] = true
		}
	}
	return out
}

var operators = []string{"+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless"}

func (w *walk) operator(e *metricsql.BinaryOpExpr) value {
	op := strings.ToLower(e.Op)
	if !slices.Contains(operators, op) || e.KeepMetricNames || e.JoinModifierPrefix != nil || e.FillLeft != nil || e.FillRight != nil {
		w.wrong("%s is not an operation of both databases", e.AppendString(nil))
	}
	if losesParentheses(e) {
		w.wrong("%s: VictoriaMetrics loses the parentheses: match the right side on labels", e.AppendString(nil))
	}
	left, right := w.value(e.Left), w.value(e.Right)
	if left.ranged || right.ranged {
		w.wrong("%s: an operand is a range", e.AppendString(nil))
	}
	switch {
	case left.scalar && right.scalar:
		return value{scalar: true}
	case left.scalar:
		return value{labels: right.labels, open: right.open, bucket: right.bucket}
	case right.scalar:
		return value{labels: left.labels, open: left.open, bucket: left.bucket}
	}
	out := value{labels: left.labels, open: left.open, bucket: left.bucket}
	if op == "or" {
		union := map[string]bool{}
		for _, side := range []value{left, right} {
			for l := range side.labels {
				union[l] = true
			}
		}
		return value{labels: union, open: left.open || right.open, bucket: left.bucket || right.bucket}
	}
	w.match(e, left, right)
	if op == "and" || op == "unless" {
		return out
	}
	many, one := left, right
	switch e.JoinModifier.Op {
	case "group_right":
		many, one = right, left
	case "":
		if e.GroupModifier.Op == "on" { // one to one: only these labels are left
			out.labels = labelled(e.GroupModifier.Args)
			return out
		}
	}
	out = value{labels: labelled(nil), open: many.open, bucket: many.bucket}
	for l := range many.labels {
		out.labels[l] = true
	}
	for _, l := range e.JoinModifier.Args {
		w.needs(one, l, "the one side")
		out.labels[l] = true
	}
	return out
}

// match asks whether the sides of an operator can have labels alike.
func (w *walk) match(e *metricsql.BinaryOpExpr, left, right value) {
	if e.GroupModifier.Op == "on" {
		for _, l := range e.GroupModifier.Args {
			w.needs(left, l, "the left side")
			w.needs(right, l, "the right side")
		}
		return
	}
	if left.open || right.open {
		return
	}
	for _, sides := range [][2]value{{left, right}, {right, left}} {
		for l := range sides[0].labels {
			if !sides[1].labels[l] && !slices.Contains(e.GroupModifier.Args, l) {
				w.wrong("%s: only one side has the label %s, so they never match", e.AppendString(nil), l)
			}
		}
	}
}
