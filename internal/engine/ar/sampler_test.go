package ar

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

// neutral completes parameters with those that change nothing.
func neutral(p engine.Sampling) engine.Sampling {
	if p.RepetitionPenalty == 0 {
		p.RepetitionPenalty = 1
	}
	if p.TopP == 0 {
		p.TopP = 1
	}
	if p.MaxTokens == 0 {
		p.MaxTokens = 1000
	}
	return p
}

// draw samples n times from the same logits and counts the tokens.
func draw(p engine.Sampling, logits []float32, n int) map[int32]int {
	s := newSampler(neutral(p))
	var room candidateRoom
	counts := map[int32]int{}
	for range n {
		counts[s.choose(slices.Clone(logits), nil, &room)]++
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
		s := newSampler(neutral(engine.Sampling{Temperature: 1, Seed: seed}))
		var room candidateRoom
		for range 50 {
			ids = append(ids, s.choose(make([]float32, 100), nil, &room), s.chooseResidual(make([]float32, 100), &room))
		}
		return ids
	}
	a, b, c := run(1), run(1), run(2)
	if !slices.Equal(a, b) {
		t.Error("the same seed chose differently")
	}
	if slices.Equal(a, c) {
		t.Error("another seed chose the same")
	}
}

func TestSuppressedTokensAreNeverChosen(t *testing.T) {
	if got := draw(engine.Sampling{Temperature: 2}, []float32{never, 0, never, 0}, 2000); got[0] != 0 || got[2] != 0 {
		t.Errorf("%v", got)
	}
}

func TestPenaltiesFollowWhatWasGenerated(t *testing.T) {
	s := newSampler(neutral(engine.Sampling{RepetitionPenalty: 2, FrequencyPenalty: .5, PresencePenalty: .25}))
	s.prompt(5, []int32{0, 0, 2})
	logits := func() []float32 { return []float32{4, 3, -1, -2, 9} }
	var room candidateRoom
	for range 2 {
		if id := s.choose(logits(), nil, &room); id != 4 {
			t.Fatalf("chose %d", id)
		}
	}
	got := logits()
	s.process(got, nil)
	// Token 0 and 2 stood in the prompt, token 4 was generated twice.
	if want := []float32{2, 3, -2, -2, 4.5 - 2*.5 - .25}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestBiasIsAddedBeforeThePenalties(t *testing.T) {
	s := newSampler(neutral(engine.Sampling{RepetitionPenalty: 2, LogitBias: []engine.TokenBias{{ID: 1, Bias: 3}, {ID: 2, Bias: -100}}}))
	s.prompt(3, []int32{1})
	got := []float32{1, 1, 1}
	s.process(got, nil)
	if want := []float32{1, 2, -99}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestOnlyAllowedTokensAreChosen(t *testing.T) {
	got := []float32{0, 1, 2, 3, 4}
	newSampler(neutral(engine.Sampling{AllowedTokens: []int32{3, 1, 3}})).process(got, nil)
	if want := []float32{never, 1, never, 3, never}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestBadWordsAreNeverCompleted(t *testing.T) {
	s := newSampler(neutral(engine.Sampling{Temperature: 1, Seed: 5, BadWords: [][]int32{{0}, {1, 2}, {2, 2, 1}}}))
	var room candidateRoom
	var ids []int32
	for range 3000 {
		ids = append(ids, s.choose(make([]float32, 3), nil, &room))
	}
	met := map[[2]int32]bool{}
	for i := 2; i < len(ids); i++ {
		a, b, c := ids[i-2], ids[i-1], ids[i]
		if c == 0 || b == 1 && c == 2 || a == 2 && b == 2 && c == 1 {
			t.Fatalf("tokens %d to %d are %d %d %d", i-2, i, a, b, c)
		}
		met[[2]int32{b, c}] = true
	}
	if !met[[2]int32{1, 1}] {
		t.Errorf("the beginning of a bad word was refused too: pairs %v", met)
	}
}

func TestEndsWaitForTheLeastNumberOfTokens(t *testing.T) {
	s := newSampler(neutral(engine.Sampling{MinTokens: 3, StopTokens: []int32{1}}))
	var room candidateRoom
	var ids []int32
	for range 4 {
		ids = append(ids, s.choose([]float32{9, 8, 1, 0}, []int32{0}, &room))
	}
	if want := []int32{2, 2, 2, 0}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
}

func TestNothingLeftToChooseIsAnEnd(t *testing.T) {
	for _, temperature := range []float64{0, 1} {
		s := newSampler(neutral(engine.Sampling{Temperature: temperature, TopK: 2, TopP: .5, AllowedTokens: []int32{1}, BadWords: [][]int32{{1}}}))
		if id := s.choose(make([]float32, 4), []int32{3}, &candidateRoom{}); id != 3 {
			t.Errorf("temperature %v: chose %d", temperature, id)
		}
	}
}

// plainCandidates is what candidates is held against: everything sorted, then
// cut by min-p, top-k and top-p one after the other.
func plainCandidates(p engine.Sampling, logits []float32) map[int32]float64 {
	list := sorted(logits)
	if p.TopK > 0 && p.TopK < len(list) {
		list = list[:p.TopK]
	}
	most, all := list[0].p, 0.0
	for i := range list {
		list[i].p = math.Exp((list[i].p - most) / p.Temperature)
	}
	list = slices.DeleteFunc(list, func(c candidate) bool { return c.p < p.MinP })
	for _, c := range list {
		all += c.p
	}
	kept, sum := map[int32]float64{}, 0.0
	for _, c := range list {
		kept[c.id] = c.p
		if sum += c.p; p.TopP < 1 && sum >= p.TopP*all {
			break
		}
	}
	return kept
}

func TestPartialSelectionKeepsWhatSortingKeeps(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	var room candidateRoom
	for seed := range uint64(300) {
		logits := randomLogits(seed, 1+random.IntN(300))
		logits[0] = 1
		p := engine.Sampling{Temperature: .1 + 3*random.Float64(), TopP: 1}
		if random.IntN(3) > 0 {
			p.TopK = random.IntN(350)
		}
		if random.IntN(3) > 0 {
			p.TopP = .01 + .98*random.Float64()
		}
		if random.IntN(3) == 0 {
			p.MinP = random.Float64() / 3
		}
		want := plainCandidates(p, logits)
		got := newSampler(p).candidates(logits, &room)
		if len(got) != len(want) {
			t.Fatalf("seed %d, %+v: %d candidates, want %d", seed, p, len(got), len(want))
		}
		for _, c := range got {
			if want[c.id] != c.p {
				t.Fatalf("seed %d, %+v: token %d weighs %v, want %v", seed, p, c.id, c.p, want[c.id])
			}
		}
	}
}

func TestRepetitionIsSeenAtTheTail(t *testing.T) {
	for _, c := range []struct {
		ids  []int32
		r    engine.Repetition
		want bool
	}{
		{[]int32{1, 2, 3, 1, 2, 3, 1, 2, 3}, engine.Repetition{MaxPattern: 3, MinPattern: 2, MinCount: 3}, true},
		{[]int32{1, 2, 3, 1, 2, 3}, engine.Repetition{MaxPattern: 3, MinPattern: 2, MinCount: 3}, false},
		{[]int32{9, 9, 5, 6, 5, 6}, engine.Repetition{MaxPattern: 8, MinCount: 2}, true},
		{[]int32{1, 2, 3, 1, 2, 4}, engine.Repetition{MaxPattern: 3, MinCount: 2}, false},
		{[]int32{5, 6, 5, 6, 5, 6}, engine.Repetition{MaxPattern: 5, MinPattern: 3, MinCount: 2}, false},
		{[]int32{7, 7}, engine.Repetition{MaxPattern: 1, MinCount: 2}, true},
		{[]int32{7, 7}, engine.Repetition{}, false},
	} {
		r := newRecent(&engine.Sampling{Repetition: c.r, MaxTokens: 100})
		for i := range int32(300) { // what came long before does not matter
			r.add(1000 + i)
		}
		for _, id := range c.ids {
			r.add(id)
		}
		if r.repeats() != c.want {
			t.Errorf("%v with %+v: %v", c.ids, c.r, r.repeats())
		}
	}
}

func TestChoosingAllocatesNothing(t *testing.T) {
	s := newSampler(engine.Sampling{
		Temperature: 1, TopP: .9, TopK: 50, RepetitionPenalty: 1.1, FrequencyPenalty: .1, MaxTokens: 300, MinTokens: 200,
		LogitBias: []engine.TokenBias{{ID: 3, Bias: 1}}, StopTokens: []int32{9}, BadWords: [][]int32{{4, 5}},
		Repetition: engine.Repetition{MaxPattern: 4, MinCount: 3},
	})
	logits := make([]float32, 300)
	s.prompt(len(logits), []int32{1})
	eos := []int32{2}
	var room candidateRoom
	choose := func() {
		clear(logits)
		s.choose(logits, eos, &room)
		s.repeats()
	}
	choose()
	if n := testing.AllocsPerRun(100, choose); n != 0 {
		t.Errorf("%v allocations", n)
	}
	s.TopK = 0
	if n := testing.AllocsPerRun(100, choose); n != 0 {
		t.Errorf("%v allocations without top-k", n)
	}
}

// BenchmarkChoose shows the time of one choice over Qwen's vocabulary.
func BenchmarkChoose(b *testing.B) {
	const vocab = 151936
	random := rand.New(rand.NewPCG(1, 1))
	scores := make([]float32, vocab)
	for i := range scores {
		scores[i] = float32(random.NormFloat64() * 3)
	}
	for _, c := range []struct {
		name string
		p    engine.Sampling
	}{
		{"greedy", engine.Sampling{}},
		{"all", engine.Sampling{Temperature: 1}},
		{"top-k=50", engine.Sampling{Temperature: 1, TopK: 50}},
		{"top-k=50,top-p=0.8", engine.Sampling{Temperature: 1, TopK: 50, TopP: .8}},
		{"top-p=0.95", engine.Sampling{Temperature: 1, TopP: .95}},
		{"min-p=0.05", engine.Sampling{Temperature: 1, MinP: .05}},
		{"top-k=50,penalties", engine.Sampling{Temperature: 1, TopK: 50, RepetitionPenalty: 1.1, PresencePenalty: .5}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newSampler(neutral(c.p))
			s.prompt(vocab, []int32{1, 2, 3})
			logits := make([]float32, vocab)
			var room candidateRoom
			s.choose(slices.Clone(scores), nil, &room)
			b.ReportAllocs()
			for b.Loop() {
				copy(logits, scores)
				s.choose(logits, nil, &room)
			}
		})
	}
}
