package ar

import (
	"slices"

	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
)

// stepBuffers hold a step's rows; they grow to the largest step and stay.
type stepBuffers struct {
	x        []float32 // [rows, hidden]
	last     []float32 // [deciding, hidden]
	segments []qwen3omni.Segment
	deciding []*sequence
}

// step computes the scheduled rows and lets the sequences whose rows are all
// computed decide.
func (e *Engine) step() {
	began := e.now()
	hidden := e.model.decoder().Hidden()
	var report Step
	b := &e.buffers
	b.segments, b.deciding = b.segments[:0], b.deciding[:0]
	rows := 0
	for _, s := range e.batch {
		rows += s.scheduled
	}
	b.x = slices.Grow(b.x[:0], rows*hidden)[:rows*hidden]
	at := 0
	for _, s := range e.batch {
		s.program.embed(b.x[at*hidden:(at+s.scheduled)*hidden], s.computed, s.computed+s.scheduled)
		b.segments = append(b.segments, qwen3omni.Segment{Rows: s.scheduled, Start: s.computed, Blocks: s.blocks})
		at += s.scheduled
		if s.generated == 0 {
			report.PrefillRows += s.scheduled
		} else {
			report.DecodeRows += s.scheduled
		}
	}
	e.model.decoder().Forward(e.scratch, b.x, b.segments, e.kv)

	b.last = b.last[:0]
	at = 0
	for _, s := range e.batch {
		at += s.scheduled
		s.computed += s.scheduled
		if s.computed == s.program.rows() {
			b.deciding = append(b.deciding, s)
			b.last = append(b.last, b.x[(at-1)*hidden:at*hidden]...)
		}
	}
	if len(b.deciding) > 0 {
		e.model.decide(b.deciding, b.last)
	}
	e.running = e.keep(e.running, func(s *sequence) bool {
		if s.finished {
			e.release(s, nil)
		}
		return !s.finished
	})
	if e.cfg.OnStep != nil {
		report.Began, report.Took = began, e.now().Sub(began)
		report.Sequences = len(e.batch)
		report.Running, report.Waiting = len(e.running), len(e.waiting)
		e.cfg.OnStep(report)
	}
}
