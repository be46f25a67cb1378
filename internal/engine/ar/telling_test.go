package ar

import (
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

// A user who has the whole reply finds all of it in the numbers.
func TestLastOutputComesAfterAllIsTold(t *testing.T) {
	var stream engine.Stream
	steps, ended, stepped := 0, 0, 0
	early := func() {
		if _, done := take(stream); done {
			t.Error("the last output was there before all was told")
		}
	}
	e := assemble(tinyThinker(), Config{Listeners: []Listener{{
		Ended:   func(*Life, engine.FinishReason) { ended++; early() },
		Stepped: func(s *Step) { stepped += s.Outputs; early() },
	}}})
	stream = open(t, e, engine.Request{Tokens: prompt(3), Sampling: sampled(1, 5)})
	for e.pass() {
		steps++
	}
	if _, done := take(stream); !done || ended != 1 || stepped != steps {
		t.Errorf("complete: %v, %d steps, %d tokens told, %d ends", done, steps, stepped, ended)
	}
}
