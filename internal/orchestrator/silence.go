package orchestrator

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// ErrStageTimeout is the failure of a stage that gave no output for so long
// that it is taken for dead.
var ErrStageTimeout = errors.New("stage timeout")

// silence watches one request for stages that give no output. What counts is
// the request as a whole: while any of its stages gives outputs, those behind
// it may be waiting for enough of them; and while the client is behind, all of
// them may be held up by it. Only when neither is so for the whole timeout, the
// first stage that is being waited for has gone silent.
//
// One timer serves a request. It is not touched when an output comes: when it
// fires, it looks when the newest one came.
type silence struct {
	timeout time.Duration
	waits   []atomic.Int32 // by stage: the choices that its pump waits for

	// The flight's mu guards the rest.
	timer    *time.Timer
	over     bool      // the request holds no stage any more
	behind   int       // pumps that wait for the client
	caughtUp time.Time // when the client last was no longer behind
}

// listen begins to watch.
func (f *flight) listen() {
	if f.silence.timeout <= 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silence.timer = time.AfterFunc(f.silence.timeout, f.hear)
}

// deafen ends the watch.
func (f *flight) deafen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silence.over = true
	if f.silence.timer != nil {
		f.silence.timer.Stop()
	}
}

// hear ends the request if it has been silent for the whole timeout, and looks
// again later otherwise.
func (f *flight) hear() {
	f.mu.Lock()
	if f.silence.over || f.ended != "" {
		f.mu.Unlock()
		return
	}
	rest := f.silence.timeout
	if f.silence.behind == 0 {
		rest -= f.o.now().Sub(f.newest())
	}
	k := f.awaited()
	if rest > 0 || k < 0 {
		if rest <= 0 {
			rest = f.silence.timeout
		}
		f.silence.timer.Reset(rest)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	f.fail(k, fmt.Errorf("%w: no output for %v", ErrStageTimeout, f.silence.timeout))
}

// newest is when the request last got on: at its dispatch, with an output of
// any stage, or when the client caught up. The caller holds mu.
func (f *flight) newest() time.Time {
	newest := f.dispatched
	if f.silence.caughtUp.After(newest) {
		newest = f.silence.caughtUp
	}
	for k := range f.legs {
		if at := f.legs[k].lastOutput; at.After(newest) {
			newest = at
		}
	}
	return newest
}

// awaited is the first stage that is being waited for, or -1.
func (f *flight) awaited() int {
	for k := range f.silence.waits {
		if f.silence.waits[k].Load() > 0 {
			return k
		}
	}
	return -1
}

// clientBehind keeps that a pump has to wait for the client, until the function
// that it returns is called.
func (f *flight) clientBehind() (caughtUp func()) {
	f.mu.Lock()
	f.silence.behind++
	f.mu.Unlock()
	return func() {
		now := f.o.now()
		f.mu.Lock()
		f.silence.behind--
		f.silence.caughtUp = now
		f.mu.Unlock()
	}
}
