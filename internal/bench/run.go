package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Result is what a run measured.
type Result struct {
	Options Options
	Began   time.Time
	// Duration runs from the first intended start to the last end.
	Duration time.Duration
	Records  []*Record
}

// Run loads the server. It returns what was measured so far, and ctx's cause,
// when ctx ends first.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	c := newClient(&o)
	defer c.http.CloseIdleConnections()
	if o.Model == "" {
		var err error
		if o.Model, err = c.firstModel(ctx); err != nil {
			return nil, err
		}
	}
	for i := range o.Warmups {
		if t := c.do(ctx, o.Prompts[i%len(o.Prompts)], o.clock.now(), false); t.Outcome == Failed {
			return nil, fmt.Errorf("warm-up: %s", t.Err)
		}
	}
	if o.Warmed != nil {
		if err := o.Warmed(ctx); err != nil {
			return nil, err
		}
	}
	r := &run{o: &o, client: c, result: Result{Options: o, Began: o.clock.now()}}
	if o.open() {
		r.openLoop(ctx)
	} else {
		r.closedLoop(ctx)
	}
	r.work.Wait()
	r.result.Duration = o.clock.now().Sub(r.result.Began)
	return &r.result, context.Cause(ctx)
}

// firstModel asks the server what it serves.
func (c *client) firstModel(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.o.BaseURL+"/v1/models", nil)
	if err != nil {
		return "", fmt.Errorf("models: %w", err)
	}
	if c.o.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.APIKey)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.o.BaseURL, short(err))
	}
	defer resp.Body.Close()
	var list struct{ Data []struct{ ID string } }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list.Data) == 0 {
		return "", fmt.Errorf("%s/v1/models: status %d lists no model; name one with --model", c.o.BaseURL, resp.StatusCode)
	}
	return list.Data[0].ID, nil
}

// run is a run under way.
type run struct {
	o      *Options
	client *client
	work   sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	result Result
	begun  int
}

// claim returns the index of the next request, false when there is none left.
func (r *run) claim(at time.Time) (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.o.Duration > 0 {
		if at.Sub(r.result.Began) >= r.o.Duration {
			return 0, false
		}
	} else if r.begun == r.o.NumPrompts {
		return 0, false
	}
	r.begun++
	return r.begun - 1, true
}

// one sends request i, whose intended start is start.
func (r *run) one(ctx context.Context, i int, start time.Time) {
	if r.o.Progress != nil {
		r.o.Progress.Started()
	}
	leave := r.o.AbortEvery > 0 && (i+1)%r.o.AbortEvery == 0
	t := r.client.do(ctx, r.o.Prompts[i%len(r.o.Prompts)], start, leave)
	t.Start = start.Sub(r.result.Began)
	record := measure(t, r.o.Continuity)
	r.mu.Lock()
	r.result.Records = append(r.result.Records, record)
	r.mu.Unlock()
	if r.o.Progress != nil {
		r.o.Progress.Ended(record)
	}
}

// openLoop starts requests by the schedule. When all connections are busy a
// request waits, and its wait counts: its clock runs from the intended start.
func (r *run) openLoop(ctx context.Context) {
	plan := newSchedule(r.o)
	var places chan struct{}
	if r.o.MaxConcurrency > 0 {
		places = make(chan struct{}, r.o.MaxConcurrency)
	}
	for ctx.Err() == nil {
		start := r.result.Began.Add(plan.next())
		i, ok := r.claim(start)
		if !ok {
			return
		}
		r.o.clock.until(ctx.Done(), start)
		if ctx.Err() != nil {
			return
		}
		r.work.Go(func() {
			if places != nil {
				select {
				case places <- struct{}{}:
				case <-ctx.Done():
					return
				}
				defer func() { <-places }()
			}
			r.one(ctx, i, start)
		})
	}
}

// closedLoop keeps as many requests under way as it may, all of them at once
// without a bound. Workers start evenly over the ramp.
func (r *run) closedLoop(ctx context.Context) {
	workers := r.o.MaxConcurrency
	if workers <= 0 {
		workers = r.o.NumPrompts
	}
	for w := range workers {
		r.work.Go(func() {
			r.o.clock.until(ctx.Done(), r.result.Began.Add(r.o.RampUp*time.Duration(w)/time.Duration(workers)))
			for ctx.Err() == nil {
				now := r.o.clock.now()
				i, ok := r.claim(now)
				if !ok {
					return
				}
				r.one(ctx, i, now)
			}
		})
	}
}
