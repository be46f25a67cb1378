package ar

import (
	"math"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/tokenizer"
)

// scores holds one step's log probabilities as the model gave them, before the
// sampler changes them: what vLLM calls raw log probabilities.
type scores struct {
	logits []float32   // [vocab]
	total  float64     // the logarithm of the sum of their exponentials
	top    []candidate // the likeliest tokens with their logits, the likeliest first
}

// take keeps the logits and finds the n likeliest tokens.
func (s *scores) take(logits []float32, n int) {
	s.logits = append(s.logits[:0], logits...)
	most := math.Inf(-1)
	for _, l := range logits {
		most = max(most, float64(l))
	}
	var sum float64
	for _, l := range logits {
		sum += math.Exp(float64(l) - most)
	}
	s.total = most + math.Log(sum)
	s.top = likeliest(logits, n, s.top[:0])
}

// of describes the token that was chosen, and the likeliest ones.
func (s *scores) of(chosen int32, tok tokenizer.Tokenizer) engine.Logprobs {
	token := func(id int32, rank int) engine.TokenLogprob {
		return engine.TokenLogprob{
			ID: id, Text: tok.Piece(id), Logprob: float32(float64(s.logits[id]) - s.total), Rank: rank,
		}
	}
	rank := 1
	for _, l := range s.logits {
		if l > s.logits[chosen] {
			rank++
		}
	}
	all := engine.Logprobs{Chosen: token(chosen, rank)}
	if len(s.top) > 0 {
		all.Top = make([]engine.TokenLogprob, len(s.top))
	}
	for i, c := range s.top {
		all.Top[i] = token(c.id, i+1)
	}
	return all
}
