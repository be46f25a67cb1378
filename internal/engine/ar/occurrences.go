package ar

import "github.com/limelight-omni/limelight/internal/engine"

// occurrences counts a sequence's tokens for the penalties. It is empty, and
// costs nothing, when no penalty is on.
type occurrences struct {
	times []int32 // by id: 0 for one that did not occur, else 1 more than it was generated
	ids   []int32 // those that occurred, each once
}

// prompt begins the count with the prompt's tokens; more tokens may follow.
func (o *occurrences) prompt(vocab int, ids []int32, more int) {
	o.times = make([]int32, vocab)
	o.ids = make([]int32, 0, min(vocab, len(ids)+more))
	for _, id := range ids {
		o.meet(id)
	}
}

func (o *occurrences) meet(id int32) {
	if o.times[id] == 0 {
		o.times[id] = 1
		o.ids = append(o.ids, id)
	}
}

func (o *occurrences) generated(id int32) {
	if o.times == nil {
		return
	}
	o.meet(id)
	o.times[id]++
}

// penalize applies the repetition penalty, once for each id that occurred, as
// CTRL (Keskar et al., 2019) has it, then the frequency and the presence
// penalty to those that were generated.
func (o *occurrences) penalize(logits []float32, p *engine.Sampling) {
	repetition, frequency, presence := float32(p.RepetitionPenalty), float32(p.FrequencyPenalty), float32(p.PresencePenalty)
	for _, id := range o.ids {
		l := logits[id]
		if l < 0 {
			l *= repetition
		} else {
			l /= repetition
		}
		if n := o.times[id] - 1; n > 0 {
			l -= frequency*float32(n) + presence
		}
		logits[id] = l
	}
}
