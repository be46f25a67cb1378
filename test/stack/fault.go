package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How long things may take: alerts to arrive after a fault was forced, and to
// be resolved after it was mended; and for how long further ones may follow.
const (
	arrival    = 100 * time.Second
	resolution = 100 * time.Second
	quiet      = 8 * time.Second
)

// fault is something that goes wrong, and the alerts that must tell of it.
type fault struct {
	name   string
	force  func(context.Context, *room) error
	mend   func(context.Context, *room) error
	expect []expected
	top    []view // what `limelight top` must show
}

// lingering are alerts whose windows are so long that they go on after the
// fault is mended.
func lingering(a alert) bool { return a.Labels["severity"] == "ticket" && a.Labels["window"] != "" }

// fault forces a fault, waits for its alerts, mends it and waits for their end.
// Whatever fires until then is the fault's, but for what goes on since an
// earlier one.
func (r *room) fault(ctx context.Context, f fault) error {
	before := map[string]bool{}
	for _, a := range r.hook.firing() {
		before[a.Fingerprint] = true
	}
	r.hook.forget()
	began := time.Now()
	if err := f.force(ctx, r); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	arrived := r.wait(ctx, arrival, func() bool {
		for _, found := range r.young(before) {
			if missing, _, _ := compare(f.expect, found); len(missing) > 0 {
				return false
			}
		}
		return true
	})
	time.Sleep(quiet)
	wrong := []error{r.look(ctx, f.top)}
	if err := f.mend(ctx, r); err != nil {
		return fmt.Errorf("%s: mend: %w", f.name, err)
	}
	resolved := r.wait(ctx, resolution, func() bool { return len(r.brief()) == 0 })

	for _, a := range r.brief() {
		wrong = append(wrong, fmt.Errorf("%s of %s was not resolved within %v", a, a.Labels["database"], resolution))
	}
	for database, found := range r.young(before) {
		missing, surplus, mute := compare(f.expect, found)
		for _, text := range missing {
			wrong = append(wrong, fmt.Errorf("%s did not arrive from %s", text, database))
		}
		for _, text := range surplus {
			wrong = append(wrong, fmt.Errorf("%s arrived from %s, which was not expected", text, database))
		}
		for _, text := range mute {
			wrong = append(wrong, errors.New(text))
		}
	}
	r.report.alerts(f.name, f.expect, r.hook.fired(), arrived, resolved, time.Since(began))
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("%s:\n%w", f.name, err)
	}
	return nil
}

// wait waits until something is so, for most at most, and returns how long.
func (r *room) wait(ctx context.Context, most time.Duration, so func() bool) time.Duration {
	began := time.Now()
	for !so() && time.Since(began) < most && ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
	}
	return time.Since(began)
}

// young are the alerts that fired since forget, by the database that found
// them, without those that fired before.
func (r *room) young(before map[string]bool) map[string][]alert {
	all := map[string][]alert{"prometheus": nil, "victoria": nil}
	for _, a := range r.hook.fired() {
		if !before[a.Fingerprint] {
			all[a.Labels["database"]] = append(all[a.Labels["database"]], a)
		}
	}
	return all
}

// brief are the alerts that fire and should not when nothing is wrong any more.
func (r *room) brief() (firing []alert) {
	for _, a := range r.hook.firing() {
		if !lingering(a) {
			firing = append(firing, a)
		}
	}
	return firing
}
