// Package enginetest holds an engine for tests of what uses engines: its work
// for each request is a function of the test.
package enginetest

import (
	"sync"

	"github.com/limelight-omni/limelight/internal/engine"
)

// Script is the work for one request. It runs on a goroutine of its own.
type Script func(*Turn, engine.Request)

// Scripted is an engine that works by a script. It implements engine.Engine.
type Scripted struct {
	Script Script
	// Refuse says why a request is not even begun; nil begins all.
	Refuse func(engine.Request) error

	work sync.WaitGroup
}

// Start implements engine.Engine.
func (s *Scripted) Start(req engine.Request) (engine.Stream, error) {
	if s.Refuse != nil {
		if err := s.Refuse(req); err != nil {
			return nil, err
		}
	}
	t := &Turn{wake: make(chan struct{}, 1)}
	t.X = engine.NewExchange(2, 2, func() {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	})
	s.work.Go(func() {
		s.Script(t, req)
		t.X.End(engine.ErrAborted) // a script that ended its stream has done so already
	})
	return t.X, nil
}

// Close implements engine.Engine. It waits for the scripts.
func (s *Scripted) Close() error {
	s.work.Wait()
	return nil
}

// Turn is a script's side of one request; its calls wait.
type Turn struct {
	// X is the stream's exchange.
	X    *engine.Exchange
	wake chan struct{}
}

// Next returns the next payload; false at the end of the input or an abort.
func (t *Turn) Next() (engine.Payload, bool) {
	for !t.X.Aborted() {
		p, ok, last := t.X.Take()
		if ok || last {
			return p, ok
		}
		<-t.wake
	}
	return nil, false
}

// Give hands an output over, and ends the stream with the last one; false after
// an abort.
func (t *Turn) Give(out engine.Output) bool {
	for !t.X.Room() && !t.X.Aborted() {
		<-t.wake
	}
	t.X.Put(out)
	if out.Finish != "" {
		t.X.End(nil)
	}
	return !t.X.Aborted()
}

// WaitForAbort returns when the stream was aborted.
func (t *Turn) WaitForAbort() {
	for !t.X.Aborted() {
		<-t.wake
	}
}
