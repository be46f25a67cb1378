package rules

import (
	"strings"
	"time"
)

// alert declares one alert that is no objective's. An alert may be declared
// several times, each time for another part of what its runbook is about.
type alert struct {
	name     string
	severity string
	wait     time.Duration // how long the expression holds before anybody is told
	labels   map[string]string
	// expr is an expression of production; $job stands for the servers' jobs,
	// seconds(5m) for a number of seconds, each under the time scale.
	expr                 string
	summary, description string
	dashboard            string
}

// Dashboards that alerts point to.
const (
	pipelineDashboard = "Limelight / Pipeline"
	audioDashboard    = "Limelight / Audio"
	stagesDashboard   = "Limelight / Stages and replicas"
	hopsDashboard     = "Limelight / Hops"
	gatewayDashboard  = "Limelight / Gateway"
)

// Words of annotations.
const (
	theReplica = "replica {{ $labels.stage }}/{{ $labels.replica }} of {{ $labels.model_name }} at {{ $labels.instance }}"
	theModel   = "{{ $labels.model_name }} at {{ $labels.instance }}"
)

func (b *builder) alerts(declared []alert) []Rule {
	var rules []Rule
	for _, a := range declared {
		r := Rule{Alert: a.name, Expr: strings.ReplaceAll(strings.TrimSpace(a.expr), "$job", b.job), Labels: map[string]string{}}
		for name, value := range a.labels {
			r.Labels[name] = value
		}
		if a.wait > 0 {
			r.For = b.scale.text(a.wait)
		}
		rules = append(rules, b.alert(r, a.severity, a.summary, a.description, a.dashboard))
	}
	return rules
}
