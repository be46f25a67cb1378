package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/internal/promql"
)

// Recorded series of objectives. All have the labels job, model_name and
// objective: an objective is about a service, whatever its servers, stages and
// replicas.
const (
	events       = "job_model:limelight_objective_events:rate5m"
	badEvents    = "job_model:limelight_objective_bad:rate5m"
	badRatio     = "job_model:limelight_objective_bad:ratio_rate" // and the window
	badIncrease  = "job_model:limelight_objective_bad:increase"   // and the window
	windowRatio  = "job_model:limelight_objective_bad:ratio_window"
	budgetLeft   = "job_model:limelight_objective_budget:remaining_ratio"
	targetRatio  = "objective:limelight_objective_target:ratio"
	thresholdSet = "objective:limelight_objective_threshold:value"
)

// refusedForWantOfRoom are the refusals that count against availability: the
// request was right and the service could not take it. Each is a 503.
const refusedForWantOfRoom = "too_many_bodies|too_many_streams|queue_full|draining|no_replica"

// objectiveRecords count the events of every objective, and their shares over
// the windows up to six hours.
func (b *builder) objectiveRecords() []Rule {
	var rules []Rule
	for _, o := range b.objectives.Objectives {
		total, bad := counted(o)
		label := map[string]string{"objective": o.Name}
		rules = append(rules,
			Rule{Record: targetRatio, Expr: fmt.Sprintf("vector(%s)", decimal(o.Target)), Labels: label},
			Rule{Record: events, Expr: total, Labels: label},
			Rule{Record: badEvents, Expr: bad, Labels: label},
		)
		if o.Threshold != 0 {
			rules = append(rules, Rule{Record: thresholdSet, Expr: fmt.Sprintf("vector(%s)", decimal(o.Threshold)), Labels: label})
		}
	}
	return append(rules, b.windowRecords(fast, badRatio)...)
}

// counted are the rates of an objective's events and of its bad events. There
// is no bad one where there is no event at all, and the bad are 0, not absent,
// where every event is good. Both are read from the families at one instant: a
// vmalert finds what it recorded only at a later evaluation, and the difference of
// two instants would be bad events that nobody had.
func counted(o objective.Objective) (total, bad string) {
	const by = "job, model_name"
	if o.Family.Name == objective.Availability {
		refused := fmt.Sprintf("rate(limelight_requests_refused_total%s[5m])", matchers(o.Labels, fmt.Sprintf("reason=~%q", refusedForWantOfRoom)))
		total = sumBy(by, fmt.Sprintf("rate(%s%s[5m])", o.Family.Name, matchers(o.Labels, `finished_reason!="abort"`)), refused)
		bad = sumBy(by, fmt.Sprintf("rate(%s%s[5m])", o.Family.Name, matchers(o.Labels, `finished_reason="error"`)), refused)
		return total, bad + "\nor\n" + total + " * 0"
	}
	total = sumBy(by, fmt.Sprintf("rate(%s_count%s[5m])", o.Family.Name, matchers(o.Labels)))
	good := sumBy(by, fmt.Sprintf("rate(%s_bucket%s[5m])", o.Family.Name, matchers(o.Labels, promql.Bound(o.Threshold))))
	// Sums of floats in another order differ in the last bit; no count is negative.
	return total, fmt.Sprintf("clamp_min(\n%s\n- %s,\n0)", total, good)
}

// matchers are an objective's labels and more, in braces; empty if there are
// none.
func matchers(labels map[string]string, more ...string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, fmt.Sprintf("%s=%q", name, labels[name]))
	}
	all = append(all, more...)
	if len(all) == 0 {
		return ""
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// windowRecords are the shares of bad events over the windows that are
// evaluated at an interval. They come from the recorded rates, whose sums over
// time weigh every event alike, so that three days cost little to look over.
func (b *builder) windowRecords(every time.Duration, name string) []Rule {
	var rules []Rule
	for _, w := range ratioWindows {
		if w.every != every {
			continue
		}
		at := duration(w.length)
		rules = append(rules, Rule{Record: name + at, Expr: ratioOver(at)})
		if w.counted {
			// A rate that is summed over the evaluations of a window is a number of
			// events once it is multiplied with the time between two of them.
			rules = append(rules, Rule{
				Record: badIncrease + at,
				Expr:   fmt.Sprintf("sum_over_time(%s[%s]) * %s", badEvents, at, b.scale.seconds(fast)),
			})
		}
	}
	return rules
}

func ratioOver(window string) string {
	if window == "5m" { // the window of the rates themselves
		return fmt.Sprintf("%s\n/ (%s > 0)", badEvents, events)
	}
	return fmt.Sprintf("sum_over_time(%s[%s])\n/ (sum_over_time(%s[%s]) > 0)", badEvents, window, events, window)
}

// budgetRecords are the shares of bad events over the long windows, and what is
// left of the error budgets: 1 is all of it, 0 none, and below 0 the objective
// is missed. Where nothing happened all of it is left.
func (b *builder) budgetRecords() []Rule {
	window := duration(b.objectives.Window)
	return append(b.windowRecords(slow, badRatio),
		Rule{Record: windowRatio, Expr: ratioOver(window)},
		Rule{
			Record: budgetLeft,
			Expr: fmt.Sprintf("1 - %s\n  / on (objective) group_left () (1 - %s)\nor %s * 0 + 1",
				windowRatio, targetRatio, events),
		})
}

// decimal writes a number without the last bits' noise.
func decimal(v float64) string { return strconv.FormatFloat(v, 'g', 12, 64) }
