package ar

import (
	"math"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

// draw samples n times from the same logits and counts the tokens.
func draw(p engine.Sampling, logits []float32, n int) map[int32]int {
	if p.RepetitionPenalty == 0 {
		p.RepetitionPenalty = 1
	}
	if p.TopP == 0 {
		p.TopP = 1
	}
	s := newSampler(p)
	var buf []candidate
	counts := map[int32]int{}
	for range n {
		var id int32
		id, buf = s.choose(append([]float32(nil), logits...), buf)
		counts[id]++
	}
	return counts
}

func logs(p ...float64) []float32 {
	l := make([]float32, len(p))
	for i, v := range p {
		l[i] = float32(math.Log(v))
	}
	return l
}

func TestZeroTemperatureTakesTheLikeliestAndTheLowestOfEquals(t *testing.T) {
	if got := draw(engine.Sampling{}, []float32{1, 3, 3, 2}, 5); got[1] != 5 {
		t.Errorf("%v", got)
	}
}

func TestFrequenciesFollowTheProbabilities(t *testing.T) {
	const n = 40000
	for name, c := range map[string]struct {
		p    engine.Sampling
		want []float64
	}{
		"as they are":               {engine.Sampling{Temperature: 1}, []float64{.5, .3, .15, .05}},
		"temperature flattens":      {engine.Sampling{Temperature: 2}, []float64{.3790, .2936, .2076, .1199}},
		"top-k keeps the likeliest": {engine.Sampling{Temperature: 1, TopK: 2}, []float64{.625, .375, 0, 0}},
		"top-p keeps the nucleus":   {engine.Sampling{Temperature: 1, TopP: .79}, []float64{.625, .375, 0, 0}},
		"top-p takes what reaches":  {engine.Sampling{Temperature: 1, TopP: .81}, []float64{.5263, .3158, .1579, 0}},
		"min-p drops the unlikely":  {engine.Sampling{Temperature: 1, MinP: .25}, []float64{.5263, .3158, .1579, 0}},
	} {
		got := draw(c.p, logs(.5, .3, .15, .05), n)
		for id, want := range c.want {
			share := float64(got[int32(id)]) / n
			if math.Abs(share-want) > 4*math.Sqrt(want*(1-want)/n)+1e-3 || want == 0 && share != 0 {
				t.Errorf("%s: token %d has share %.4f, want %.4f", name, id, share, want)
			}
		}
	}
}

func TestSeedMakesChoicesRepeatable(t *testing.T) {
	run := func(seed uint64) (ids []int32) {
		s := newSampler(engine.Sampling{Temperature: 1, TopP: 1, RepetitionPenalty: 1, Seed: seed})
		for range 50 {
			id, _ := s.choose(make([]float32, 100), nil)
			ids = append(ids, id)
			id, _ = s.chooseResidual(make([]float32, 100), nil)
			ids = append(ids, id)
		}
		return ids
	}
	a, b, c := run(1), run(1), run(2)
	same := 0
	for i := range a {
		if a[i] != b[i] {
			t.Fatal("the same seed chose differently")
		}
		if a[i] == c[i] {
			same++
		}
	}
	if same == len(a) {
		t.Error("another seed chose the same")
	}
}

func TestRepetitionPenaltyWeighsEachSeenTokenOnce(t *testing.T) {
	s := newSampler(engine.Sampling{RepetitionPenalty: 2})
	s.note(4, 0, 0, 2)
	logits := []float32{4, 3, -1, -2}
	s.penalize(logits)
	for i, want := range []float32{2, 3, -2, -2} {
		if logits[i] != want {
			t.Errorf("token %d: %v, want %v", i, logits[i], want)
		}
	}
}

func TestSuppressedTokensAreNeverChosen(t *testing.T) {
	inf := float32(math.Inf(-1))
	if got := draw(engine.Sampling{Temperature: 2}, []float32{inf, 0, inf, 0}, 2000); got[0] != 0 || got[2] != 0 {
		t.Errorf("%v", got)
	}
}

func TestChoosingAllocatesNothing(t *testing.T) {
	s := newSampler(engine.Sampling{Temperature: 1, TopP: .9, TopK: 50, RepetitionPenalty: 1.1})
	logits := make([]float32, 300)
	s.note(len(logits), 1)
	buf := make([]candidate, 0, len(logits))
	if n := testing.AllocsPerRun(100, func() { s.choose(logits, buf) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkChoose(b *testing.B) {
	s := newSampler(engine.Sampling{Temperature: 1, TopP: 1, RepetitionPenalty: 1})
	logits := make([]float32, 3072)
	buf := make([]candidate, 0, len(logits))
	b.ReportAllocs()
	for b.Loop() {
		s.choose(logits, buf)
	}
}
