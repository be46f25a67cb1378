// Package objective holds the service level objectives: which share of events
// has to be how good. They are declared once, in a strict YAML file; recording
// rules, alerts and the colours of the live page are made from them.
package objective

import (
	"slices"
	"time"

	"github.com/limelight-omni/limelight/metrics"
)

// Availability is the family whose objective is the share of requests that end
// well. It has no threshold: an end as error is bad, and so is a refusal for
// want of room; an abort is the client's wish and counts as neither.
const Availability = "vllm:omni_requests_success_total"

// Set is all objectives of a service.
type Set struct {
	// Window is the time that error budgets are for; whole days, default 30.
	Window time.Duration
	// MinBadEvents is the number of bad events in an alert's long window below
	// which it stays silent; default 5.
	MinBadEvents int
	// Objectives are in the order of the file; names differ.
	Objectives []Objective
}

// Objective is one of them.
type Objective struct {
	// Name tells it from the others: small letters, digits and underscores.
	Name string
	// Family is what it is measured by: a histogram, or Availability.
	Family metrics.Family
	// Threshold is what an event must not exceed to be good, in the family's unit.
	// It is one of the family's bucket bounds; 0 for Availability.
	Threshold float64
	// Target is the share of events that have to be good, from 0.5 to below 1.
	Target float64
	// Labels are the values that an event must have to count; nil for all events.
	Labels map[string]string
}

// Budget is the share of events that may be bad.
func (o Objective) Budget() float64 { return 1 - o.Target }

// Of lists the objectives that are measured by a family, in their order.
func (s *Set) Of(family string) []Objective {
	var of []Objective
	for _, o := range s.Objectives {
		if o.Family.Name == family {
			of = append(of, o)
		}
	}
	return of
}

// measured lists the families that an objective can be measured by.
func measured() []metrics.Family {
	return slices.DeleteFunc(metrics.Families(), func(f metrics.Family) bool {
		return f.Name != Availability && (f.Kind != metrics.Histogram || len(f.Buckets) == 0)
	})
}
