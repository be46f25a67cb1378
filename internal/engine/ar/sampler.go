package ar

import (
	"cmp"
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
	seen   []bool // ids that the repetition penalty applies to; nil if it is off
}

func newSampler(p engine.Sampling) *sampler {
	s := &sampler{Sampling: p}
	s.random.Seed(p.Seed, 0x6c696d656c696768) // any constant: the stream of this sampler
	return s
}

// note makes the repetition penalty apply to ids from now on.
func (s *sampler) note(vocab int, ids ...int32) {
	if s.RepetitionPenalty == 1 {
		return
	}
	if s.seen == nil {
		s.seen = make([]bool, vocab)
	}
	for _, id := range ids {
		s.seen[id] = true
	}
}

// choose picks the next token from its logits, which it changes. Buf is room
// for candidates and is returned, possibly grown. The order is vLLM's:
// penalties, temperature, min-p, top-k, top-p. Ties go to the lowest id.
func (s *sampler) choose(logits []float32, buf []candidate) (int32, []candidate) {
	s.penalize(logits)
	if s.Temperature == 0 {
		best := 0
		for i, l := range logits {
			if l > logits[best] {
				best = i
			}
		}
		return int32(best), buf
	}
	buf = s.candidates(logits, buf[:0])
	var sum float64
	for _, c := range buf {
		sum += c.p
	}
	// 53 random bits, as math/rand's Float64 makes them.
	left := float64(s.random.Uint64()<<11>>11) / (1 << 53) * sum
	for _, c := range buf {
		if left -= c.p; left < 0 {
			return c.id, buf
		}
	}
	return buf[len(buf)-1].id, buf // rounding left a crumb
}

// penalize applies the repetition penalty, once for each distinct id, as CTRL
// (Keskar et al., 2019) has it.
func (s *sampler) penalize(logits []float32) {
	penalty := float32(s.RepetitionPenalty)
	for id, seen := range s.seen {
		switch {
		case !seen:
		case logits[id] < 0:
			logits[id] *= penalty
		default:
			logits[id] /= penalty
		}
	}
}

// candidates lists what may be chosen, with weights proportional to the
// probabilities. The list is by id unless top-k or top-p need it by weight.
func (s *sampler) candidates(logits []float32, list []candidate) []candidate {
	most := math.Inf(-1)
	for _, l := range logits {
		most = max(most, float64(l))
	}
	for id, l := range logits {
		w := math.Exp((float64(l) - most) / s.Temperature)
		if w >= s.MinP && w > 0 {
			list = append(list, candidate{int32(id), w})
		}
	}
	if s.TopK <= 0 && s.TopP >= 1 {
		return list
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.p, a.p), cmp.Compare(a.id, b.id))
	})
	if s.TopK > 0 && s.TopK < len(list) {
		list = list[:s.TopK]
	}
	if s.TopP < 1 {
		var all, sum float64
		for _, c := range list {
			all += c.p
		}
		for i, c := range list {
			if sum += c.p; sum >= s.TopP*all {
				return list[:i+1]
			}
		}
	}
	return list
}

// chooseResidual picks a residual code of a frame: greedily if the sequence is
// greedy, otherwise with the fixed parameters of the reference's code
// predictor (temperature 1, top-k 50, top-p 0.8).
func (s *sampler) chooseResidual(logits []float32, buf []candidate) (int32, []candidate) {
	r := sampler{Sampling: engine.Sampling{Temperature: 1, TopK: 50, TopP: 0.8}, random: s.random}
	if s.Temperature == 0 {
		r.Temperature = 0
	}
	id, buf := r.choose(logits, buf)
	s.random = r.random
	return id, buf
}
