package ar

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/limelight-omni/limelight/internal/engine"
)

// sampler chooses one sequence's tokens. Its random numbers are the
// sequence's own, so that the choices do not depend on who else is in the
// batch.
type sampler struct {
	engine.Sampling
	random rand.PCG
	chosen int // tokens so far
	seen   occurrences
	recent recent
}

func newSampler(p engine.Sampling) *sampler {
	s := &sampler{Sampling: p, recent: newRecent(&p)}
	s.AllowedTokens = slices.Sorted(slices.Values(p.AllowedTokens))
	s.random.Seed(p.Seed, 0x6c696d656c696768) // any constant: the stream of this sampler
	return s
}

// prompt takes in what stands before the first token, whose ids are below vocab.
func (s *sampler) prompt(vocab int, ids []int32) {
	if s.RepetitionPenalty == 1 && s.PresencePenalty == 0 && s.FrequencyPenalty == 0 {
		return
	}
	s.seen.prompt(vocab, ids, s.MaxTokens)
}

// choose picks the next token from its logits, which it changes. Eos are the
// tokens at which the stage ends a sequence. Ties go to the lowest id. When the
// parameters leave nothing to choose, which only their misuse can bring about,
// the choice is the first of eos.
func (s *sampler) choose(logits []float32, eos []int32, room *candidateRoom) int32 {
	s.process(logits, eos)
	id, ok := s.pick(logits, room)
	if !ok && len(eos) > 0 {
		id = eos[0]
	}
	s.chosen++
	s.seen.generated(id)
	s.recent.add(id)
	return id
}

// process applies what changes single logits, in vLLM's order.
func (s *sampler) process(logits []float32, eos []int32) {
	if len(s.AllowedTokens) > 0 {
		allow(logits, s.AllowedTokens)
	}
	for _, word := range s.BadWords {
		if last := len(word) - 1; s.recent.endsIn(word[:last]) {
			logits[word[last]] = never
		}
	}
	for _, b := range s.LogitBias {
		logits[b.ID] += b.Bias
	}
	if s.chosen < s.MinTokens {
		for _, id := range eos {
			logits[id] = never
		}
		for _, id := range s.StopTokens {
			logits[id] = never
		}
	}
	s.seen.penalize(logits, &s.Sampling)
}

// repeats says whether the sequence has come to repeat itself, and may end.
func (s *sampler) repeats() bool { return s.chosen >= s.MinTokens && s.recent.repeats() }

// never is the logit of what cannot be chosen.
var never = float32(math.Inf(-1))

// allow makes all tokens but the given ones, in ascending order, impossible.
func allow(logits []float32, allowed []int32) {
	at := 0
	for _, id := range allowed {
		for ; at < int(id); at++ {
			logits[at] = never
		}
		at = int(id) + 1
	}
	for ; at < len(logits); at++ {
		logits[at] = never
	}
}

// pick draws a token, or takes the likeliest one if the sequence is greedy. It
// is false when no token can be chosen.
func (s *sampler) pick(logits []float32, room *candidateRoom) (int32, bool) {
	if s.Temperature == 0 {
		best := 0
		for i, l := range logits {
			if l > logits[best] {
				best = i
			}
		}
		return int32(best), logits[best] > never
	}
	// 53 random bits, as math/rand's Float64 makes them. A number is drawn for
	// every token, whatever there is to choose from.
	left := float64(s.random.Uint64()<<11>>11) / (1 << 53)
	list := s.candidates(logits, room)
	if len(list) == 0 {
		return 0, false
	}
	var sum float64
	for _, c := range list {
		sum += c.p
	}
	left *= sum
	for _, c := range list {
		if left -= c.p; left < 0 {
			return c.id, true
		}
	}
	return list[len(list)-1].id, true // rounding left a crumb
}

// chooseResidual picks a residual code of a frame: greedily if the sequence is
// greedy, otherwise with the fixed parameters of the reference's code
// predictor (temperature 1, top-k 50, top-p 0.8).
func (s *sampler) chooseResidual(logits []float32, room *candidateRoom) int32 {
	r := sampler{Sampling: engine.Sampling{Temperature: 1, TopK: 50, TopP: 0.8}, random: s.random}
	if s.Temperature == 0 {
		r.Temperature = 0
	}
	id, _ := r.pick(logits, room)
	s.random = r.random
	return id
}
