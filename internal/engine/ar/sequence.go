package ar

import (
	"errors"
	"fmt"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
)

// Depths of a sequence's buffers. The intake is short, since the sequence
// takes from it only what it needs next; the outputs absorb a step's jitter.
const (
	intakeDepth = 16
	outputDepth = 16
)

// sequence is one request inside the engine.
type sequence struct {
	*engine.Exchange
	req     engine.Request
	life    Life
	program program
	sampler *sampler
	now     func() time.Time

	limit     int         // rows that it may come to have; 0 until its prompt is known
	blocks    []int32     // the block table
	hashes    []blockHash // of its first full blocks, as far as they were needed
	offered   int         // blocks that the prefix cache was told of
	computed  int         // rows that the KV cache holds
	decided   int         // rows behind which it chose its newest token
	generated int         // tokens chosen
	scheduled int         // rows in the step under way
	fresh     bool        // the step under way is its first
	since     time.Time   // up to here its work was told

	finished engine.FinishReason // set once it has its last output
	last     engine.Output       // goes out when all is told of it
	err      error               // how it ended, nil being well
}

// measure bounds the sequence by what the engine holds, once its prompt is known.
func (e *Engine) measure(s *sequence) error {
	rows := s.program.rows()
	if s.limit > 0 || rows == 0 {
		return nil
	}
	if rows >= e.cfg.MaxModelLen {
		return fmt.Errorf("the prompt has %d tokens; prompt and reply together may have %d", rows, e.cfg.MaxModelLen)
	}
	s.limit = min(s.program.most(), e.cfg.MaxModelLen)
	full := ceilDiv(s.limit, e.cfg.BlockSize)
	s.blocks = make([]int32, 0, full)
	if !e.cfg.NoPrefixCaching {
		s.hashes = make([]blockHash, 0, full)
	}
	return nil
}

// ready says whether a waiting sequence could go on: it has a row that none of
// its tokens was chosen behind, and somebody takes its outputs.
func (s *sequence) ready() bool { return s.program.rows() > s.decided && s.Room() }

// finish sets the sequence's last output. It goes out with the sequence, so that
// whoever has it finds all that it took in the numbers.
func (s *sequence) finish(out engine.Output, reason engine.FinishReason) {
	out.Finish = reason
	out.Usage = s.program.usage()
	s.finished, s.last = reason, out
}

// leave hands out the last output, if there is one, and ends the sequence.
func (s *sequence) leave() {
	if s.finished != "" && s.err == nil {
		s.Put(s.last)
	}
	s.End(s.err)
}

// give hands out an output of the step under way.
func (s *sequence) give(out engine.Output) {
	s.tellWork(s.now())
	s.Put(out)
}

// tellWork tells the exchange of the work since it was told last.
func (s *sequence) tellWork(now time.Time) {
	s.Worked(now.Sub(s.since))
	s.since = now
}

// reason is why a sequence ended that err, or its last output, brings to its end.
func (s *sequence) reason(err error) engine.FinishReason {
	switch {
	case err == nil:
		return s.finished
	case errors.Is(err, engine.ErrAborted):
		return engine.FinishAbort
	}
	return engine.FinishError
}
