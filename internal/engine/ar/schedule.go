package ar

import "github.com/limelight-omni/limelight/internal/engine"

// admit takes in what arrived, drops what was aborted, and moves sequences
// that have something to prefill from waiting to running, oldest first, while
// there is a place and there are blocks. A sequence whose input has not come
// yet does not hold up those behind it.
func (e *Engine) admit() {
	e.mu.Lock()
	e.waiting = append(e.waiting, e.arrived...)
	clear(e.arrived)
	e.arrived = e.arrived[:0]
	e.mu.Unlock()

	e.running = e.keep(e.running, func(s *sequence) bool { return true })
	blocked := false
	e.waiting = e.keep(e.waiting, func(s *sequence) bool {
		if err := s.program.intake(s.Exchange); err != nil {
			e.release(s, err)
			return false
		}
		if s.program.over() {
			s.finish(engine.Output{}, engine.FinishStop)
			e.release(s, nil)
			return false
		}
		if blocked || s.program.rows() == 0 || len(e.running) >= e.cfg.MaxSeqs {
			return true
		}
		most := min(s.program.most(), e.cfg.MaxModelLen)
		if s.program.rows() > most || most > e.blocks.capacity() {
			e.release(s, tooLong(max(s.program.rows(), most), min(e.cfg.MaxModelLen, e.blocks.capacity())))
			return false
		}
		blocks, ok := e.blocks.take(most)
		if !ok {
			blocked = true // first come, first served: nobody overtakes on blocks
			return true
		}
		s.blocks, s.limit = blocks, most
		s.life.PromptTokens, s.life.Scheduled = s.program.rows(), e.now()
		e.tell.admitted(&s.life)
		e.running = append(e.running, s)
		return false
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

// schedule chooses the rows of the next step: what each running sequence has
// ready, up to the budget, decodes before prefills since they are older. A
// sequence whose outputs nobody takes is left out. It is false when no
// sequence has anything to do.
func (e *Engine) schedule() bool {
	e.batch = e.batch[:0]
	budget := e.cfg.MaxBatchedTokens
	e.running = e.keep(e.running, func(s *sequence) bool {
		s.scheduled = 0
		if err := s.program.intake(s.Exchange); err != nil {
			e.release(s, err)
			return false
		}
		ready := s.program.rows() - s.computed
		if ready == 0 || budget == 0 || !s.Room() {
			return true
		}
		s.scheduled = min(ready, budget)
		budget -= s.scheduled
		e.batch = append(e.batch, s)
		return true
	})
	return len(e.batch) > 0
}
