// Package rules makes the recording rules and the alerts of a Prometheus (or a
// vmalert) that watches Limelight or vLLM-Omni, from the family table and the
// objectives.
//
// Expressions are written with the windows that they have in production; a time
// scale divides all of them, together with the groups' intervals, so that the
// same alerts can be seen to fire within seconds.
package rules

import (
	"cmp"
	"time"

	"github.com/limelight-omni/limelight/internal/objective"
)

// Runbooks is where the pages of docs/runbooks are read by default.
const Runbooks = "https://github.com/limelight-omni/limelight/blob/main/docs/runbooks/"

// Options say what rules are made for.
type Options struct {
	// Objectives become burn rate alerts; nil is objective.Default.
	Objectives *objective.Set
	// TimeScale divides every window, wait and interval; 0 is 1.
	TimeScale int
	// Runbooks is the address that a runbook's file name is put behind; empty is
	// the constant of the same name.
	Runbooks string
	// Job is a regular expression of the scrape jobs whose targets are servers;
	// empty is DefaultJob.
	Job string
}

// DefaultJob finds the job of deploy/prometheus.yml, and that of
// deploy/kubernetes, whose name begins with the namespace.
const DefaultJob = ".*limelight.*"

// File is a rule file.
type File struct {
	Groups []Group `yaml:"groups"`
}

// Group is evaluated together, from first to last.
type Group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Rules    []Rule `yaml:"rules"`
}

// Rule records a series or raises an alert.
type Rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// The severities: somebody is woken, or somebody looks within the week.
const (
	page   = "page"
	ticket = "ticket"
)

// Intervals between two evaluations. Long windows move slowly and cost more.
const (
	fast = 30 * time.Second
	slow = 2 * time.Minute
)

// builder holds what all rules of a file share.
type builder struct {
	objectives *objective.Set
	scale      scale
	runbooks   string
	job        string
}

// Build makes the file.
func Build(o Options) *File {
	b := &builder{
		objectives: o.Objectives,
		scale:      scale(max(1, o.TimeScale)),
		runbooks:   cmp.Or(o.Runbooks, Runbooks),
		job:        cmp.Or(o.Job, DefaultJob),
	}
	if b.objectives == nil {
		b.objectives = objective.Default()
	}
	return &File{Groups: []Group{
		b.group("limelight-objectives", fast, b.objectiveRecords(), b.pages()),
		b.group("limelight-budgets", slow, b.budgetRecords(), b.tickets()),
		b.group("limelight-records", fast, b.records()),
		b.group("limelight-pipeline", fast, b.alerts(pipelineAlerts)),
		b.group("limelight-audio", fast, b.alerts(audioAlerts)),
		b.group("limelight-page", fast, b.alerts(pageAlerts)),
	}}
}

// group brings the rules' windows to the time scale.
func (b *builder) group(name string, interval time.Duration, parts ...[]Rule) Group {
	g := Group{Name: name, Interval: b.scale.text(interval)}
	for _, part := range parts {
		for _, r := range part {
			r.Expr = b.scale.expr(r.Expr)
			g.Rules = append(g.Rules, r)
		}
	}
	return g
}

// alert finishes an alert: its runbook is named after it.
func (b *builder) alert(r Rule, severity, summary, description, dashboard string) Rule {
	if r.Labels == nil {
		r.Labels = map[string]string{}
	}
	r.Labels["severity"] = severity
	r.Annotations = map[string]string{
		"summary":     summary,
		"description": description,
		"runbook_url": b.runbooks + r.Alert + ".md",
		"dashboard":   dashboard,
	}
	return r
}
