package promql

import (
	"strings"

	"github.com/VictoriaMetrics/metricsql"
)

// priority is how tightly an operator binds.
func priority(op string) int {
	switch strings.ToLower(op) {
	case "or":
		return 1
	case "and", "unless":
		return 2
	case "==", "!=", "<", ">", "<=", ">=":
		return 3
	case "+", "-":
		return 4
	case "*", "/", "%", "atan2":
		return 5
	}
	return 6
}

// losesParentheses says whether VictoriaMetrics up to 1.140 takes a / (b / c) for
// a / b / c: it writes queries out and reads them again, and leaves out the
// parentheses of a right side that is made of plain selections, with an operator
// that binds as tightly. One that names the labels it matches on keeps them.
func losesParentheses(e *metricsql.BinaryOpExpr) bool {
	right, ok := e.Right.(*metricsql.BinaryOpExpr)
	return ok && priority(right.Op) == priority(e.Op) && plain(right)
}

// plain says whether an expression is made of selections and numbers alone.
func plain(e metricsql.Expr) bool {
	switch e := e.(type) {
	case *metricsql.NumberExpr, *metricsql.MetricExpr:
		return true
	case *metricsql.BinaryOpExpr:
		return e.GroupModifier.Op == "" && plain(e.Left) && plain(e.Right)
	}
	return false
}
