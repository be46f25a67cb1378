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
	hidden := e.model.decoder().Hidden()
	report := &e.report
	b := &e.buffers
	b.segments, b.deciding = b.segments[:0], b.deciding[:0]
	rows := 0
	for _, s := range e.batch {
		rows += s.scheduled
	}
	b.x = slices.Grow(b.x[:0], rows*hidden)[:rows*hidden]
	at := 0
	for _, s := range e.batch {
		s.since = report.Began
		s.program.embed(b.x[at*hidden:(at+s.scheduled)*hidden], s.computed, s.computed+s.scheduled)
		b.segments = append(b.segments, qwen3omni.Segment{Rows: s.scheduled, Start: s.computed, Blocks: s.blocks})
		at += s.scheduled
		work := &report.Decode
		if s.fresh || s.scheduled > 1 {
			work = &report.Prefill
		}
		s.fresh = false
		work.add(s.scheduled, s.computed+s.scheduled)
	}
	e.model.decoder().Forward(e.scratch, b.x, b.segments, e.kv)

	b.last = b.last[:0]
	at = 0
	for _, s := range e.batch {
		at += s.scheduled
		s.computed += s.scheduled
		e.offer(s)
		if s.computed == s.program.rows() {
			s.decided = s.computed
			b.deciding = append(b.deciding, s)
			b.last = append(b.last, b.x[(at-1)*hidden:at*hidden]...)
		}
	}
	if len(b.deciding) > 0 {
		e.model.decide(b.deciding, b.last)
		e.count(b.deciding, report)
	}
	worked := e.now()
	for _, s := range e.batch {
		s.tellWork(worked)
	}
	e.running = e.keep(e.running, func(s *sequence) bool {
		if s.finished != "" {
			e.release(s, nil)
		}
		return s.finished == ""
	})
	report.Took = e.now().Sub(report.Began)
	report.State = e.publish()
	e.tell.stepped(report)
	e.depart()
}

// count tells of the token that each of the sequences has chosen.
func (e *Engine) count(chose []*sequence, report *Step) {
	now := e.now()
	for _, s := range chose {
		l := &s.life
		l.Generated = s.generated
		first, gap := l.FirstToken.IsZero(), now.Sub(l.LastToken)
		if first {
			l.FirstToken, gap = now, now.Sub(l.Arrived)
			report.PromptTokens += l.PromptTokens - l.CachedTokens
		}
		l.LastToken = now
		report.Outputs++
		e.tell.token(l, first, gap)
	}
}
