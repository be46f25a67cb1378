package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// healthy is how long nothing is wrong before the first fault.
	healthy = 40 * time.Second
	// longestWindow is the longest short window of a budget's alert, 6 hours, at
	// its scale, and some seconds.
	longestWindow = 6*time.Hour/budgetScale + 20*time.Second
	// settled is when the first requests have ended and every series exists.
	settled = 15 * time.Second
)

// prove runs the stack through its phases. What is wrong is collected, since a
// fault whose alerts do not come takes nothing from the next one.
func (r *room) prove(ctx context.Context) error {
	defer r.close()
	began := time.Now()
	if err := r.begin(ctx); err != nil {
		return err
	}
	r.report.phase("started", time.Since(began))
	loading, stop := context.WithCancel(ctx)
	defer stop()
	for name, url := range map[string]string{"front": r.front, "relay": r.relay} {
		if err := r.load(loading, name, url); err != nil {
			return err
		}
	}
	loaded := time.Now()
	refusals := r.misbehave(loading)

	wrong := []error{r.calm(ctx)}
	for _, f := range faults {
		if r.only == "" || strings.Contains(f.name, r.only) {
			wrong = append(wrong, r.fault(ctx, f))
		}
	}
	wrong = append(wrong, r.queries(ctx), r.signals(ctx), r.panels(ctx, loaded.Add(settled)), r.rest(ctx), r.alive())
	if r.hold {
		r.report.write()
		fmt.Fprintf(r.report.out, "\n%v\n\nfront %s\nrelay %s\nPrometheus %s\nVictoriaMetrics %s\nAlertmanager %s\n",
			errors.Join(wrong...), r.front, r.relay, r.prometheus.url, r.victoria.url, r.alertmanager)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	stop()
	wrong = append(wrong, refusals(), context.Cause(ctx))
	r.report.phase("in all", time.Since(began))
	r.report.write()
	return errors.Join(wrong...)
}

// begin starts everything but the load.
func (r *room) begin(ctx context.Context) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	if err := r.watch(ctx); err != nil {
		return err
	}
	go r.flush(ctx)
	if err := r.scraped(ctx); err != nil {
		return err
	}
	// Now, or they would find that there is no server.
	if err := r.makeRules(ctx); err != nil {
		return err
	}
	return errors.Join(r.reload(ctx), r.startVMAlert(ctx))
}

// calm asks that no alert arrives while nothing is wrong.
func (r *room) calm(ctx context.Context) error {
	began := time.Now()
	select {
	case <-time.After(healthy):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.report.alerts("nothing", nil, r.hook.fired(), 0, 0, time.Since(began))
	var wrong []error
	for _, a := range r.hook.fired() {
		wrong = append(wrong, fmt.Errorf("healthy: %s arrived from %s: %s", a, a.Labels["database"], a.Annotations["description"]))
	}
	return errors.Join(wrong...)
}

// rest asks that every alert is resolved in the end, those too that go on for
// as long as their windows hold what was wrong.
func (r *room) rest(ctx context.Context) error {
	took := r.wait(ctx, longestWindow, func() bool { return len(r.hook.firing()) == 0 })
	r.report.phase("until the last ticket was resolved", took)
	var wrong []error
	for _, a := range r.hook.firing() {
		wrong = append(wrong, fmt.Errorf("at the end: %s of %s was not resolved", a, a.Labels["database"]))
	}
	return errors.Join(wrong...)
}

// alive asks that no process has ended but those that were killed.
func (r *room) alive() error {
	var wrong []error
	for _, p := range r.processes {
		if !p.running() && !p.killed {
			wrong = append(wrong, fmt.Errorf("%s ended by itself (%v):\n%s", p.name, p.err, p.tail()))
		}
	}
	return errors.Join(wrong...)
}
