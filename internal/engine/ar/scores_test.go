package ar

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
)

// randomLogits are n normal scores, some of them equal, some impossible.
func randomLogits(seed uint64, n int) []float32 {
	random := rand.New(rand.NewPCG(seed, 1))
	logits := make([]float32, n)
	for i := range logits {
		logits[i] = float32(math.Round(random.NormFloat64()*30)) / 10
		if random.IntN(20) == 0 {
			logits[i] = float32(math.Inf(-1))
		}
	}
	return logits
}

// sorted lists all possible tokens, the likeliest first: what partial selection
// is held against.
func sorted(logits []float32) (all []candidate) {
	for id, l := range logits {
		if !math.IsInf(float64(l), -1) {
			all = append(all, candidate{int32(id), float64(l)})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		switch {
		case a.p > b.p:
			return -1
		case a.p < b.p:
			return 1
		}
		return int(a.id - b.id)
	})
	return all
}

func TestLikeliestIsTheHeadOfTheSortedList(t *testing.T) {
	for seed := range uint64(20) {
		logits := randomLogits(seed, 200)
		want := sorted(logits)
		for _, k := range []int{0, 1, 2, 7, 50, len(want), 200, 1000} {
			got := likeliest(logits, k, nil)
			if !slices.Equal(got, want[:min(k, len(want))]) {
				t.Fatalf("seed %d, k %d: %v, want %v", seed, k, got, want[:min(k, len(want))])
			}
		}
	}
}

func TestLogprobsAreTheModelsOwn(t *testing.T) {
	// Neither the penalty nor top-p shows in the numbers.
	outs := run(t, open(t, newTinyThinker(t, Config{}), engine.Request{Tokens: prompt(4), Sampling: engine.Sampling{
		Temperature: 1, TopP: .5, RepetitionPenalty: 3, Seed: 4, MaxTokens: 8, IgnoreEOS: true, Logprobs: true, TopLogprobs: 5,
	}}))
	ids := prompt(4)
	for i, out := range outs {
		raw := thinkerLogits(ids)
		var sum float64
		for _, l := range raw {
			sum += math.Exp(float64(l))
		}
		if len(out.Logprobs) != len(out.Tokens) || len(out.Logprobs[0].Top) != 5 {
			t.Fatalf("output %d: %+v", i, out.Logprobs)
		}
		want := sorted(raw)
		check := func(got engine.TokenLogprob, id int32) {
			t.Helper()
			rank := 1 + slices.IndexFunc(want, func(c candidate) bool { return c.id == id })
			exact := float64(raw[id]) - math.Log(sum)
			if got.ID != id || math.Abs(float64(got.Logprob)-exact) > 1e-5 || got.Rank != rank {
				t.Errorf("output %d: %+v, want token %d at rank %d with %v", i, got, id, rank, exact)
			}
		}
		check(out.Logprobs[0].Chosen, out.Tokens[0])
		for k, top := range out.Logprobs[0].Top {
			check(top, want[k].id)
		}
		ids = append(ids, out.Tokens...)
	}
}

// thinkerLogits are the scores that follow ids, by one pass without a cache of
// earlier steps.
func thinkerLogits(ids []int32) []float32 {
	d := tiny.Thinker.Decoder()
	x := make([]float32, len(ids)*d.Hidden())
	tiny.Thinker.Embed(x, ids)
	blocks := make([]int32, ceilDiv(len(ids), 16))
	for i := range blocks {
		blocks[i] = int32(i)
	}
	d.Forward(d.NewScratch(), x, []qwen3omni.Segment{{Rows: len(ids), Blocks: blocks}}, d.NewKVCache(len(blocks), 16))
	logits := make([]float32, tiny.Thinker.Vocab())
	tiny.Thinker.Logits(logits, x[len(x)-d.Hidden():], 1)
	return logits
}
