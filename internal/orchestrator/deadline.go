package orchestrator

import (
	"errors"
	"fmt"
	"time"

	"github.com/limelight-omni/limelight/metrics"
)

// ErrRequestTimeout is the failure of a request whose time is up.
var ErrRequestTimeout = errors.New("request timeout")

// deadline ends one request when its time is up: from its arrival until its
// answer is made. The flight's mu guards it.
type deadline struct {
	timer *time.Timer // nil without a bound
	met   bool        // the answer is made; what is left is to write its end
}

// expired is how the time of a request came to be up.
type expired struct {
	within time.Duration
	part   metrics.ExpiredPart
}

func (e *expired) Unwrap() error { return ErrRequestTimeout }

func (e *expired) Error() string {
	text := fmt.Sprintf("%v: no whole answer within %v", ErrRequestTimeout, e.within)
	switch e.part {
	case metrics.ExpiredAdmission:
		text += "; the request was still waiting for a place"
	case metrics.ExpiredReply:
		text += "; the client was behind or the answer was being made"
	}
	return text
}

// watchDeadline begins to watch, before the request can be dispatched.
func (f *flight) watchDeadline() {
	if within := f.o.requestTimeout; within > 0 {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.deadline.timer = time.AfterFunc(f.req.Arrived.Add(within).Sub(f.o.now()), f.expire)
	}
}

// expire ends the request as an error, unless its answer is made. A stage is
// blamed only if it is being waited for.
func (f *flight) expire() {
	waiting := f.o.waits(f)
	f.mu.Lock()
	if f.deadline.met || f.ended != "" {
		f.mu.Unlock()
		return
	}
	k, behind := f.awaited(), f.silence.behind > 0
	f.mu.Unlock()
	up := &expired{within: f.o.requestTimeout, part: metrics.ExpiredReply}
	switch {
	case waiting:
		up.part = metrics.ExpiredAdmission
	case k >= 0 && !behind:
		up.part = metrics.ExpiredStages
		f.fail(k, up)
		return
	}
	f.failWith(up)
}

// meet says that the answer is made and that its end is about to be written: the
// request's time is up no more. It returns the failure of a request that has
// failed before.
func (f *flight) meet() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.deadline.met = true
	f.stopDeadline()
	return nil
}

// stopDeadline ends the watch. The caller holds mu.
func (f *flight) stopDeadline() {
	if f.deadline.timer != nil {
		f.deadline.timer.Stop()
	}
}

// waits says whether a request is in the queue.
func (o *Orchestrator) waits(f *flight) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f.queued != nil
}
