package ar

import (
	"fmt"
	"slices"
)

// reference is the scheduler said plainly: lists that are searched from end to
// end, prefixes that are kept whole, nothing that is fast. It is asked for each
// step's plan before the engine is.
type reference struct {
	cfg     Config
	running []*referenced
	waiting []*referenced
	free    []*memory // the next to be given out first
	all     []*memory
}

// referenced is a sequence as the reference sees it.
type referenced struct {
	name     int
	seq      *sequence // asked for its input rows only
	room     bool      // somebody takes its outputs
	table    []*memory
	computed int
	decided  int
	admitted bool
}

// memory is a block: who holds it, and what it holds if that can be found.
type memory struct {
	holders int
	prefix  string
}

// plan is what a step is to do.
type plan struct {
	rows      map[int]int // by sequence
	admitted  []int       // sequences with the tokens that the cache had for them
	preempted []int
}

func newReference(cfg Config) *reference {
	r := &reference{cfg: cfg}
	for range cfg.Blocks {
		m := &memory{}
		r.all, r.free = append(r.all, m), append(r.free, m)
	}
	return r
}

func (q *referenced) known() int { return q.seq.program.rows() }

// prefix is everything that the first n blocks of a sequence are made of.
func (r *reference) prefix(q *referenced, n int) string {
	return string(q.seq.program.content(nil, 0, n*r.cfg.BlockSize))
}

func (r *reference) need(q *referenced, rows int) int {
	return max(0, (rows+r.cfg.BlockSize-1)/r.cfg.BlockSize-len(q.table))
}

func (r *reference) give(q *referenced, rows int) {
	for range r.need(q, rows) {
		m := r.free[0]
		r.free = r.free[1:]
		m.prefix, m.holders = "", 1
		q.table = append(q.table, m)
	}
}

func (r *reference) drop(q *referenced) {
	for _, m := range slices.Backward(q.table) {
		if m.holders--; m.holders > 0 {
			continue
		}
		if m.prefix != "" {
			r.free = append(r.free, m)
		} else {
			r.free = slices.Insert(r.free, 0, m)
		}
	}
	q.table, q.computed = nil, 0
}

// remove forgets a sequence that ended.
func (r *reference) remove(q *referenced) {
	r.drop(q)
	gone := func(o *referenced) bool { return o == q }
	r.running = slices.DeleteFunc(r.running, gone)
	r.waiting = slices.DeleteFunc(r.waiting, gone)
}

func (r *reference) preempt(i int, p *plan) {
	q := r.running[i]
	r.running = slices.Delete(r.running, i, i+1)
	r.waiting = slices.Insert(r.waiting, 0, q)
	r.drop(q)
	delete(p.rows, q.name)
	p.preempted = append(p.preempted, q.name)
}

func (r *reference) left(p *plan) int {
	n := r.cfg.MaxBatchedTokens
	for _, rows := range p.rows {
		n -= rows
	}
	return n
}

func (r *reference) plan() *plan {
	p := &plan{rows: map[int]int{}}
	for _, decodes := range []bool{true, false} {
		for i := 0; i < len(r.running); i++ {
			q := r.running[i]
			ready := q.known() - q.computed
			n := min(ready, r.left(p))
			if n == 0 || !q.room || (ready == 1) != decodes {
				continue
			}
			for r.need(q, q.computed+n) > len(r.free) && slices.Contains(r.running, q) {
				r.preempt(len(r.running)-1, p)
			}
			if slices.Contains(r.running, q) {
				r.give(q, q.computed+n)
				p.rows[q.name] = n
			}
		}
	}
	if len(p.preempted) > 0 && len(p.rows) > 0 {
		return p
	}
	for r.admit(p) && len(p.rows) == 0 {
		stalled := -1
		for i, q := range r.running {
			if !q.room {
				stalled = i
			}
		}
		if stalled < 0 {
			break
		}
		r.preempt(stalled, p)
	}
	return p
}

// admit is true when a sequence that could go on was left for want of a place,
// of blocks or of rows.
func (r *reference) admit(p *plan) bool {
	for i := 0; i < len(r.waiting); {
		q := r.waiting[i]
		if !q.room || q.known() <= q.decided {
			i++
			continue
		}
		if r.left(p) == 0 || len(r.running) == r.cfg.MaxSeqs {
			return true
		}
		var found []*memory
		for n := 1; !r.cfg.NoPrefixCaching && n*r.cfg.BlockSize < q.known(); n++ {
			at := slices.IndexFunc(r.all, func(m *memory) bool { return m.prefix == r.prefix(q, n) })
			if at < 0 {
				break
			}
			found = append(found, r.all[at])
		}
		unheld := 0
		for _, m := range found {
			if m.holders == 0 {
				unheld++
			}
		}
		q.table = found
		if r.need(q, q.known()) > len(r.free)-unheld {
			q.table = nil
			return true
		}
		for _, m := range found {
			m.holders++
			r.free = slices.DeleteFunc(r.free, func(f *memory) bool { return f == m })
		}
		q.computed = len(found) * r.cfg.BlockSize
		n := min(q.known()-q.computed, r.left(p))
		r.give(q, q.computed+n)
		p.rows[q.name] = n
		if !q.admitted {
			q.admitted = true
			p.admitted = append(p.admitted, q.name, q.computed)
		}
		r.waiting = slices.Delete(r.waiting, i, i+1)
		r.running = append(r.running, q)
	}
	return false
}

// executed takes in that a step has computed its plan. Known are the rows that
// each sequence had when the step began.
func (r *reference) executed(p *plan, known map[int]int) {
	for _, q := range r.running {
		if p.rows[q.name] == 0 {
			continue
		}
		full := q.computed / r.cfg.BlockSize
		q.computed += p.rows[q.name]
		if q.computed == known[q.name] {
			q.decided = q.computed
		}
		for n := full + 1; !r.cfg.NoPrefixCaching && n*r.cfg.BlockSize <= q.computed; n++ {
			prefix := r.prefix(q, n)
			if !slices.ContainsFunc(r.all, func(m *memory) bool { return m.prefix == prefix }) {
				q.table[n-1].prefix = prefix
			}
		}
	}
}

// check compares the engine's books with the reference's: the order of the
// sequences, the length of each block table, which blocks are shared by whom,
// how many are free.
func (r *reference) check(e *Engine) error {
	if err := sameOrder("running", e.running, r.running); err != nil {
		return err
	}
	if err := sameOrder("waiting", e.waiting, r.waiting); err != nil {
		return err
	}
	block := map[*memory]int32{}
	memories := map[int32]*memory{}
	holders := map[int32]int32{}
	for i, q := range r.running {
		s := e.running[i]
		if s.computed != q.computed || len(s.blocks) != len(q.table) {
			return fmt.Errorf("sequence %d: %d rows in %d blocks, want %d in %d", q.name, s.computed, len(s.blocks), q.computed, len(q.table))
		}
		for k, b := range s.blocks {
			m := q.table[k]
			if other, met := block[m]; met && other != b {
				return fmt.Errorf("sequence %d: block %d is %d, others share %d", q.name, k, b, other)
			}
			if other, met := memories[b]; met && other != m {
				return fmt.Errorf("sequence %d: block %d is %d, which holds something else", q.name, k, b)
			}
			block[m], memories[b] = b, m
			holders[b]++
		}
	}
	for b := range e.blocks.blocks {
		if e.blocks.blocks[b].holders != holders[int32(b)] {
			return fmt.Errorf("block %d has %d holders, %d sequences use it", b, e.blocks.blocks[b].holders, holders[int32(b)])
		}
	}
	listed := 0
	for b := e.blocks.first; b != none; b = e.blocks.blocks[b].next {
		listed++
	}
	if listed != e.blocks.free || listed != len(r.free) || listed+len(holders) != len(e.blocks.blocks) {
		return fmt.Errorf("%d free blocks are listed, %d counted, %d in use of %d, want %d free", listed, e.blocks.free, len(holders), len(e.blocks.blocks), len(r.free))
	}
	return nil
}

func sameOrder(list string, got []*sequence, want []*referenced) error {
	same := slices.EqualFunc(got, want, func(s *sequence, q *referenced) bool { return s == q.seq })
	if !same {
		return fmt.Errorf("%d sequences %s, want %d, or another order", len(got), list, len(want))
	}
	return nil
}
