package ar

import (
	"slices"

	"github.com/limelight-omni/limelight/internal/engine"
)

// collect takes in what arrived, drops what was aborted, lets every sequence
// take the input that it needs, and ends those that need no step for it.
func (e *Engine) collect() {
	e.mu.Lock()
	e.waiting = append(e.waiting, e.arrived...)
	clear(e.arrived)
	e.arrived = e.arrived[:0]
	e.mu.Unlock()

	e.running = e.keep(e.running, func(s *sequence) bool {
		err := s.program.intake(s.Exchange)
		if err != nil {
			e.release(s, err)
		}
		return err == nil
	})
	e.waiting = e.keep(e.waiting, func(s *sequence) bool {
		err := s.program.intake(s.Exchange)
		if err == nil {
			err = e.measure(s)
		}
		switch {
		case err != nil:
			e.release(s, err)
			return false
		case s.program.over():
			s.finish(engine.Output{}, engine.FinishStop)
			e.release(s, nil)
			return false
		}
		return true
	})
}

// keep filters a list in place by want, after dropping the sequences that were
// aborted.
func (e *Engine) keep(list []*sequence, want func(*sequence) bool) []*sequence {
	kept := list[:0]
	for _, s := range list {
		if s.Aborted() {
			e.release(s, engine.ErrAborted)
			continue
		}
		if want(s) {
			kept = append(kept, s)
		}
	}
	clear(list[len(kept):])
	return kept
}

// schedule chooses the rows of the next step, up to the budget of tokens: those
// of the running sequences, and then of the waiting ones, the oldest first. It
// is false when there is nothing to do.
func (e *Engine) schedule() bool {
	e.report = Step{Began: e.now()}
	e.budget = e.cfg.MaxBatchedTokens
	for _, s := range e.running {
		s.scheduled = 0
	}
	if preempted := e.proceed(); !preempted || e.idle() {
		e.admit()
	}
	e.batch = e.batch[:0]
	for _, s := range e.running {
		if s.scheduled > 0 {
			e.batch = append(e.batch, s)
		}
	}
	return len(e.batch) > 0
}

// proceed schedules the running sequences in the order of their admission. Only
// the last one can be within its prefill, as a prefill that is cut short uses
// the budget up, so decodes always come first. A sequence whose outputs nobody
// takes is left out. When the blocks run out, sequences are preempted, the last
// one first, until there are enough or the sequence itself has lost its own. It
// is true when any was preempted.
func (e *Engine) proceed() (preempted bool) {
	for i := 0; i < len(e.running) && e.budget > 0; i++ {
		s := e.running[i]
		n := min(s.program.rows()-s.computed, e.budget)
		if n == 0 || !s.Room() {
			continue
		}
		for e.blocks.need(len(s.blocks), s.computed+n) > e.blocks.free && i < len(e.running) {
			e.preempt(len(e.running) - 1)
			preempted = true
		}
		if i < len(e.running) {
			e.extend(s, n)
		}
	}
	return preempted
}

// extend schedules the sequence's next n rows and gives it the blocks for them,
// of which there must be enough.
func (e *Engine) extend(s *sequence, n int) {
	for range e.blocks.need(len(s.blocks), s.computed+n) {
		s.blocks = append(s.blocks, e.blocks.take())
	}
	s.scheduled = n
	e.budget -= n
}

// preempt takes a running sequence's blocks and puts it in front of those that
// wait. Its tokens are kept; its rows will be computed again.
func (e *Engine) preempt(i int) {
	s := e.running[i]
	e.running = slices.Delete(e.running, i, i+1)
	e.waiting = slices.Insert(e.waiting, 0, s)
	e.blocks.drop(s.blocks)
	s.blocks, s.computed = s.blocks[:0], 0
	s.life.Preemptions++
	e.tell.preempted(&s.life)
}

// admit moves sequences from waiting to running. If that leaves the step empty
// because those who could go on lack what others hold who cannot, it takes it
// from those whose outputs nobody takes: a slow reader stops no other request.
func (e *Engine) admit() {
	for i := len(e.running) - 1; e.admitReady() && e.idle(); {
		for i >= 0 && e.running[i].Room() {
			i--
		}
		if i < 0 {
			return
		}
		e.preempt(i)
		i--
	}
}

// idle is true while the step is empty.
func (e *Engine) idle() bool { return e.budget == e.cfg.MaxBatchedTokens }

// admitReady moves sequences from waiting to running while there are a place,
// rows left of the budget, and blocks for all the rows that the sequence has so
// far. Nobody overtakes an older one that lacks a place or blocks; one that lacks
// its input, or a reader of its outputs, holds up nobody. It is true when one
// was left that lacks a place or blocks.
func (e *Engine) admitReady() (lacking bool) {
	left := e.waiting[:0]
	for i, s := range e.waiting {
		if !s.ready() {
			left = append(left, s)
			continue
		}
		if e.budget == 0 || len(e.running) >= e.cfg.MaxSeqs || !e.open(s) {
			lacking = true
			left = append(left, e.waiting[i:]...)
			break
		}
		e.running = append(e.running, s)
	}
	clear(e.waiting[len(left):])
	e.waiting = left
	return lacking
}

// open gives a waiting sequence the blocks that the prefix cache has for it and
// those for its first rows. It is false when there are not enough for all of
// its rows.
func (e *Engine) open(s *sequence) bool {
	rows := s.program.rows()
	e.find(s, rows-1) // the last row is always computed: it says what follows
	free := e.blocks.free
	for _, b := range e.found {
		if e.blocks.blocks[b].holders == 0 {
			free--
		}
	}
	if e.blocks.need(len(e.found), rows) > free {
		return false
	}
	for _, b := range e.found {
		e.blocks.hold(b)
	}
	s.blocks = append(s.blocks[:0], e.found...)
	s.offered = len(e.found)
	s.computed = len(e.found) * e.cfg.BlockSize
	e.extend(s, min(rows-s.computed, e.budget))
	if s.life.Scheduled.IsZero() {
		s.fresh = true
		s.life.Scheduled, s.life.PromptTokens, s.life.CachedTokens = e.report.Began, rows, s.computed
		if e.blocks.prefixes != nil {
			s.life.LookedUp = rows
		}
		e.tell.admitted(&s.life)
	}
	return true
}

// find looks the sequence's first blocks up, at most those that hold so many
// rows, and leaves what it finds in e.found.
func (e *Engine) find(s *sequence, rows int) {
	e.found = e.found[:0]
	if e.blocks.prefixes == nil {
		return
	}
	n := rows / e.cfg.BlockSize
	s.hashes, e.content = chain(s.hashes, n, e.cfg.BlockSize, s.program, e.content)
	for k := range n {
		b := e.blocks.prefixes.find(&s.hashes[k])
		if b == none {
			return
		}
		e.found = append(e.found, b)
	}
}

// offer lets later sequences find the blocks that the sequence has filled.
func (e *Engine) offer(s *sequence) {
	full := s.computed / e.cfg.BlockSize
	if e.blocks.prefixes == nil || full == s.offered {
		return
	}
	s.hashes, e.content = chain(s.hashes, full, e.cfg.BlockSize, s.program, e.content)
	for ; s.offered < full; s.offered++ {
		e.blocks.prefixes.remember(s.blocks[s.offered], &s.hashes[s.offered])
	}
}
