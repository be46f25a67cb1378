// Package codec is the embedded code2wav engine: it decodes codec frames to
// sound for many requests, each with a stream state of its own, so that chunks
// of any size join without a seam and no frame is decoded twice.
package codec

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
)

// Depths of a sequence's buffers, in chunks.
const (
	intakeDepth = 8
	outputDepth = 8
)

// pieceFrames is the most codec frames that are decoded in one turn: it bounds
// the scratch, and the time that others wait, however much a hop carries.
const pieceFrames = 64

// RejectedMalformed is the reason of a RejectedError for frames with the wrong
// number of groups or with codes that are not in the codebook.
const RejectedMalformed = "malformed_codec"

// Engine runs one code2wav replica: one goroutine that decodes one chunk at a
// time, taking the requests in turn.
type Engine struct {
	model   *qwen3omni.Code2Wav
	scratch *qwen3omni.Code2WavScratch
	maxSeqs int

	wake   chan struct{}
	closed chan struct{}
	gone   chan struct{}

	mu      sync.Mutex // guards the fields below
	arrived []*sequence
	closing bool

	// The loop alone uses the rest.
	waiting []*sequence
	running []*sequence
}

// sequence is one request inside the engine.
type sequence struct {
	*engine.Exchange
	state  *qwen3omni.Code2WavStream // nil until the request has a place
	frames int
	rest   []int32 // codes that were taken and are not decoded yet
}

// New makes an engine that works for at most maxSeqs requests at a time;
// default 64.
func New(m *qwen3omni.Code2Wav, maxSeqs int) *Engine {
	if maxSeqs <= 0 {
		maxSeqs = 64
	}
	e := &Engine{
		model:   m,
		scratch: m.NewScratch(),
		maxSeqs: maxSeqs,
		wake:    make(chan struct{}, 1),
		closed:  make(chan struct{}),
		gone:    make(chan struct{}),
	}
	go e.loop()
	return e
}

// Start implements engine.Engine.
func (e *Engine) Start(engine.Request) (engine.Stream, error) {
	s := &sequence{Exchange: engine.NewExchange(intakeDepth, outputDepth, e.signal)}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return nil, engine.ErrClosed
	}
	e.arrived = append(e.arrived, s)
	e.signal()
	return s.Exchange, nil
}

// Close implements engine.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	if !e.closing {
		e.closing = true
		close(e.closed)
	}
	e.mu.Unlock()
	<-e.gone
	return nil
}

func (e *Engine) signal() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *Engine) loop() {
	defer close(e.gone)
	for {
		select {
		case <-e.closed:
			e.endAll()
			return
		default:
		}
		e.admit()
		if e.round() {
			runtime.Gosched() // whoever waits for an output takes it before the next turn
			continue
		}
		select {
		case <-e.wake:
		case <-e.closed:
		}
	}
}

func (e *Engine) endAll() {
	e.mu.Lock()
	all := append(append(e.arrived, e.waiting...), e.running...)
	e.arrived = nil
	e.mu.Unlock()
	for _, s := range all {
		s.End(engine.ErrClosed)
	}
	e.waiting, e.running = nil, nil
}

// admit gives places to those that wait, oldest first.
func (e *Engine) admit() {
	e.mu.Lock()
	e.waiting = append(e.waiting, e.arrived...)
	clear(e.arrived)
	e.arrived = e.arrived[:0]
	e.mu.Unlock()
	e.waiting = keep(e.waiting, func(s *sequence) bool {
		if s.Aborted() {
			s.End(engine.ErrAborted)
			return false
		}
		if len(e.running) >= e.maxSeqs {
			return true
		}
		s.state = e.model.NewStream()
		e.running = append(e.running, s)
		return false
	})
}

// round decodes at most one chunk for each running request. It is false when
// there was nothing to do.
func (e *Engine) round() bool {
	worked := false
	e.running = keep(e.running, func(s *sequence) bool {
		if s.Aborted() {
			worked = true // a place is free now
			s.End(engine.ErrAborted)
			return false
		}
		if !s.Room() {
			return true
		}
		if len(s.rest) > 0 {
			worked = true
			return e.decode(s)
		}
		p, ok, last := s.Take()
		switch {
		case ok:
			worked = true
			return e.take(s, p) && e.decode(s)
		case last:
			worked = true
			s.Put(engine.Output{Finish: engine.FinishStop, Usage: engine.Usage{PromptTokens: s.frames}})
			s.End(nil)
			return false
		}
		return true
	})
	return worked
}

// take checks a payload. It is false when the request has ended.
func (e *Engine) take(s *sequence, p engine.Payload) bool {
	frames, ok := p.(*engine.Frames)
	if !ok {
		s.End(fmt.Errorf("code2wav: payload %T is not codec frames", p))
		return false
	}
	if frames.Groups != e.model.Groups() {
		err := fmt.Errorf("code2wav: frames of %d code groups, the model has %d", frames.Groups, e.model.Groups())
		s.End(&engine.RejectedError{Reason: RejectedMalformed, Err: err})
		return false
	}
	s.rest = frames.Codes
	return true
}

// decode turns the next piece of what was taken into sound. It is false when
// the request has ended.
func (e *Engine) decode(s *sequence) bool {
	began := time.Now()
	piece := s.rest[:min(len(s.rest), pieceFrames*e.model.Groups())]
	s.rest = s.rest[len(piece):]
	samples, err := s.state.Decode(e.scratch, nil, piece)
	if err != nil {
		if errors.Is(err, qwen3omni.ErrMalformedCodec) {
			err = &engine.RejectedError{Reason: RejectedMalformed, Err: err}
		}
		s.End(fmt.Errorf("code2wav: %w", err))
		return false
	}
	s.frames += len(piece) / e.model.Groups()
	s.Worked(time.Since(began))
	s.Put(engine.Output{Payload: &engine.Audio{Samples: samples, Rate: e.model.SampleRate()}})
	return true
}

// keep filters a list in place.
func keep(list []*sequence, want func(*sequence) bool) []*sequence {
	kept := list[:0]
	for _, s := range list {
		if want(s) {
			kept = append(kept, s)
		}
	}
	clear(list[len(kept):])
	return kept
}

var _ engine.Engine = (*Engine)(nil)
