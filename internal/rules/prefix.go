package rules

import (
	"fmt"
	"strings"

	"github.com/limelight-omni/limelight/internal/promql"
	"github.com/limelight-omni/limelight/metrics"
)

// both reads an expression of omni families under each prefix that they may
// have. The expression must drop metric names or keep labels that tell servers
// apart, so that nothing stands twice.
func both(expr string) string {
	if !strings.Contains(expr, metrics.DefaultOmniPrefix) {
		return expr
	}
	ways := make([]string, len(promql.OmniPrefixes))
	for i, prefix := range promql.OmniPrefixes {
		ways[i] = promql.Omni(expr, prefix)
	}
	return strings.Join(ways, "\n  or ")
}

// sumBy adds the series of expressions up, each under each prefix. Expressions
// of several families are united rather than added, so a family that a page
// does not have takes nothing away; their series must differ in a label.
func sumBy(labels string, exprs ...string) string {
	all := make([]string, len(exprs))
	for i, e := range exprs {
		all[i] = both(e)
	}
	return fmt.Sprintf("sum by (%s) (\n  %s\n)", labels, strings.Join(all, "\n  or "))
}
