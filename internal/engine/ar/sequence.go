package ar

import (
	"errors"

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

	blocks    []int32 // the block table; nil until admitted
	computed  int     // rows that the KV cache holds
	generated int     // tokens chosen
	scheduled int     // rows in the step under way
	limit     int     // rows that the block table holds

	finished engine.FinishReason // set once it has handed out its last output
}

// finish hands out the sequence's last output.
func (s *sequence) finish(out engine.Output, reason engine.FinishReason) {
	out.Finish = reason
	out.Usage = s.program.usage()
	s.finished = reason
	s.Put(out)
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
