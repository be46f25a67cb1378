package ar

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/internal/model/tokenizer"
)

// finish runs a request alone through an engine whose loop does not run, with a
// talker's text sent beforehand.
func finish(t *testing.T, e *Engine, req engine.Request, text ...*engine.Embeddings) (got result) {
	t.Helper()
	s := open(t, e, req)
	for _, p := range text {
		if err := s.Send(over, p); err != nil {
			t.Fatal(err)
		}
	}
	s.CloseSend()
	for {
		worked := e.pass()
		outs, done := take(s)
		if got.add(outs); done {
			return got
		}
		if !worked {
			t.Fatal("the loop would sleep now, and the request has not ended")
		}
	}
}

func tinyThinker() model {
	return newThinker(tiny, tokenizer.NewPieces(qwen3omni.TinyVocabulary()))
}

func tinyTalker() model { return newTalker(tiny, DefaultChunks) }

// lookups collects what was found in the prefix cache for each admitted request.
func lookups(cfg Config) (Config, *[]Life) {
	var all []Life
	cfg.Listeners = append(cfg.Listeners, Listener{Admitted: func(l *Life) { all = append(all, *l) }})
	return cfg, &all
}

func TestPromptsWithOneBeginningShareItsWholeBlocks(t *testing.T) {
	ids := prompt(60)
	ids = ids[:len(ids)/16*16] // whole blocks: even so the last one is computed, since its last row is needed
	other := slices.Clone(ids)
	other[37] = 40
	for _, off := range []bool{false, true} {
		cfg, found := lookups(Config{NoPrefixCaching: off})
		e := assemble(tinyThinker(), cfg)
		for _, tokens := range [][]int32{ids, ids, other} {
			finish(t, e, engine.Request{Tokens: tokens, Sampling: sampled(1, 3)})
		}
		want := []int{0, len(ids) - 16, 32}
		looked := []int{len(ids), len(ids), len(other)}
		if off {
			want, looked = []int{0, 0, 0}, []int{0, 0, 0}
		}
		for i, l := range *found {
			if l.CachedTokens != want[i] || l.LookedUp != looked[i] {
				t.Errorf("caching off %v: prompt %d had %d tokens of %d, want %d of %d", off, i, l.CachedTokens, l.LookedUp, want[i], looked[i])
			}
		}
	}
}

func TestRepliesAreFoundAgainAsAPrompt(t *testing.T) {
	cfg, found := lookups(Config{BlockSize: 4})
	e := assemble(tinyThinker(), cfg)
	req := engine.Request{Tokens: prompt(2), Sampling: sampled(1, 20)}
	req.Sampling.IgnoreEOS = true
	reply := finish(t, e, req)
	req.Tokens = slices.Concat(req.Tokens, reply, prompt(1))
	finish(t, e, req)
	computed := len(prompt(2)) + len(reply) - 1 // nothing was computed for the reply's last token
	if got := (*found)[1].CachedTokens; got != computed/4*4 {
		t.Errorf("%d tokens found of %d", got, computed)
	}
}

func TestTwoVoicesOnOneTextShareTheTextAlone(t *testing.T) {
	width := tiny.Thinker.Decoder().Hidden()
	asked := prompt(30) // the user's message, and last the three rows of the reply's head
	text := &engine.Embeddings{Width: width, Prompt: make([]float32, len(asked)*width), Text: make([]float32, 6*width)}
	tiny.Thinker.Embed(text.Prompt, asked)
	tiny.Thinker.Embed(text.Text, []int32{40, 41, 42, 43, 44, 45})
	voices := tiny.Config.Voices()[:2]
	ask := func(voice string) engine.Request {
		req := engine.Request{Voice: voice, Sampling: sampled(4, 12)}
		req.Sampling.IgnoreEOS = true
		return req
	}
	var want []result
	for _, voice := range voices {
		want = append(want, finish(t, assemble(tinyTalker(), Config{NoPrefixCaching: true}), ask(voice), text))
	}
	if slices.Equal(want[0], want[1]) {
		t.Fatal("both voices say the same codes: the test shows nothing")
	}
	cfg, found := lookups(Config{BlockSize: 4})
	e := assemble(tinyTalker(), cfg)
	for i := range 4 {
		if got := finish(t, e, ask(voices[i%2]), text); !slices.Equal(got, want[i%2]) {
			t.Errorf("%s says other codes than without a cache", voices[i%2])
		}
	}
	rows := (*found)[0].PromptTokens
	beforeVoice := rows - 3 // the voice is in the third row from the end
	for i, want := range []int{0, beforeVoice / 4 * 4, (rows - 1) / 4 * 4, (rows - 1) / 4 * 4} {
		if got := (*found)[i].CachedTokens; got != want {
			t.Errorf("request %d found %d of %d rows, want %d", i, got, rows, want)
		}
	}
}

func TestPrefixUnusedForLongestIsEvictedFirst(t *testing.T) {
	cfg, found := lookups(Config{BlockSize: 8, Blocks: 10})
	e := assemble(tinyThinker(), cfg)
	ask := func(word string) int {
		ids := tokenizer.NewPieces(qwen3omni.TinyVocabulary()).Encode(strings.Repeat(word, 40))[:33]
		finish(t, e, engine.Request{Tokens: ids, Sampling: sampled(1, 1)})
		return (*found)[len(*found)-1].CachedTokens
	}
	// Each prompt takes five blocks, four of which can be found again: three
	// prompts do not fit, and lose their last blocks first.
	var got []int
	for _, word := range []string{" a", " b", " a", " c", " a", " b"} {
		got = append(got, ask(word))
	}
	if want := []int{0, 0, 32, 0, 32, 8}; !slices.Equal(got, want) {
		t.Errorf("found %v tokens, want %v", got, want)
	}
}

func TestSlowReaderYieldsItsBlocks(t *testing.T) {
	e := assemble(tinyThinker(), Config{Blocks: 8, MaxSeqs: 4})
	req := engine.Request{Tokens: prompt(10), Sampling: sampled(1, 80)}
	req.Sampling.IgnoreEOS = true
	want := finish(t, e, req)
	slow := open(t, e, req)
	for e.pass() {
	}
	if got := e.State(); got.Running != 1 {
		t.Fatalf("stalled, the engine is %+v", got)
	}
	req.Tokens = req.Tokens[1:] // another prompt: nothing is shared
	other := finish(t, e, req)
	if len(other) != 80 {
		t.Errorf("%d tokens beside a slow reader", len(other))
	}
	if got := e.State(); got != (State{Waiting: 1, FreeBlocks: 8, Blocks: 8}) {
		t.Errorf("the slow reader's request: %+v", got)
	}
	var got result
	for done := false; !done; e.pass() {
		var outs []engine.Output
		outs, done = take(slow)
		got.add(outs)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the slow reader has %d other tokens than a quick one, %d", len(got), len(want))
	}
}

func TestAbortedSequenceHoldsNothing(t *testing.T) {
	var reasons []engine.FinishReason
	e := assemble(tinyThinker(), Config{Blocks: 20, Listeners: []Listener{{
		Ended: func(_ *Life, reason engine.FinishReason) { reasons = append(reasons, reason) },
	}}})
	for range 2 {
		s := open(t, e, engine.Request{Tokens: prompt(10), Sampling: sampled(1, 80)})
		e.pass()
		s.Abort()
		e.pass()
		<-s.Done()
	}
	if got := e.State(); got != (State{FreeBlocks: 20, Blocks: 20}) {
		t.Errorf("%+v", got)
	}
	if want := []engine.FinishReason{engine.FinishAbort, engine.FinishAbort}; !slices.Equal(reasons, want) {
		t.Errorf("ended as %v", reasons)
	}
}

// TestLifeOfARequest follows a request through a preemption, on a clock that
// goes on by a second whenever it is read.
func TestTimesOfARequestAreThoseOfItsEvents(t *testing.T) {
	now := time.Unix(1000, 0)
	var lives []Life
	var gaps []time.Duration
	e := assemble(tinyThinker(), Config{Blocks: 4, now: func() time.Time { return now }, Listeners: []Listener{{
		Token: func(_ *Life, _ bool, gap time.Duration) { gaps = append(gaps, gap) },
		Ended: func(l *Life, _ engine.FinishReason) { lives = append(lives, *l) },
		// The step's work takes until now; what it brought about was told before.
		Stepped: func(*Step) { now = now.Add(time.Second) },
	}}})
	arrived := now.Add(-3 * time.Second)
	req := engine.Request{Tokens: prompt(10), Sampling: sampled(1, 20), Arrived: arrived}
	req.Sampling.IgnoreEOS = true
	s := open(t, e, req)
	queued := now
	now = now.Add(5 * time.Second)
	e.pass() // its first token
	take(s)
	first := now.Add(-time.Second)
	e.preempt(0)
	now = now.Add(9 * time.Second) // it waits
	for e.pass() {
		take(s)
	}
	l := lives[0]
	if l.Arrived != arrived || l.Queued != queued || l.Scheduled != first || l.FirstToken != first || l.Preemptions != 1 || l.Generated != 20 {
		t.Errorf("%+v", l)
	}
	want := slices.Repeat([]time.Duration{time.Second}, 20)
	want[0], want[1] = 8*time.Second, 10*time.Second
	if !slices.Equal(gaps, want) {
		t.Errorf("gaps %v, want %v", gaps, want)
	}
	if l.LastToken != first.Add(10*time.Second+18*time.Second) {
		t.Errorf("the last token at %v", l.LastToken)
	}
}

func TestLivesOfSampledBlocksAreTold(t *testing.T) {
	now := time.Unix(0, 0)
	at := func(seconds int) { now = time.Unix(int64(seconds), 0) }
	var told []BlockLife
	l := newBlockLives(2, 1, func() time.Time { return now }, listeners{{BlockEvicted: func(b *BlockLife) {
		c := *b
		c.Reuse = slices.Clone(b.Reuse)
		told = append(told, c)
	}}})
	l.began(0)
	for _, second := range []int{1, 3, 6, 10, 15} {
		at(second)
		l.found(0)
	}
	at(20)
	l.began(1)
	l.began(0)
	at(27)
	l.began(0)
	want := []BlockLife{
		{Lifetime: 20 * time.Second, Idle: 5 * time.Second, Reuse: []time.Duration{3 * time.Second, 4 * time.Second, 5 * time.Second}},
		{Lifetime: 7 * time.Second, Idle: 7 * time.Second},
	}
	same := func(a, b BlockLife) bool {
		return a.Lifetime == b.Lifetime && a.Idle == b.Idle && slices.Equal(a.Reuse, b.Reuse)
	}
	if !slices.EqualFunc(told, want, same) {
		t.Errorf("told %+v, want %+v", told, want)
	}
	never := newBlockLives(1, 1e-9, func() time.Time { return now }, listeners{{BlockEvicted: func(*BlockLife) { t.Error("told of a block that is not in the sample") }}})
	never.began(0)
	never.began(0)
}

func TestStepsOfTheThinkerAllocateNothing(t *testing.T) {
	stepsAllocateNothing(t, tinyThinker(), 100)
}

// A chunk of frames is handed over in memory of its own, so no chunk ends here.
func TestStepsOfTheTalkerBetweenChunksAllocateNothing(t *testing.T) {
	stepsAllocateNothing(t, newTalker(tiny, Chunks{First: 1000, Then: 1000}), 300)
}

func stepsAllocateNothing(t *testing.T, m model, warm int) {
	e := assemble(m, Config{Listeners: []Listener{{Stepped: func(*Step) {}}}})
	var streams []engine.Stream
	for i := range 4 {
		req := engine.Request{Tokens: prompt(10 + i), Sampling: sampled(uint64(i), 1000)}
		req.Sampling.IgnoreEOS = true
		streams = append(streams, open(t, e, req))
	}
	pass := func() {
		e.pass()
		for _, s := range streams {
			for {
				if _, err := s.Recv(over); err != nil {
					break
				}
			}
		}
	}
	for range warm {
		pass()
	}
	// A new KV block, a longer text: now and then something grows.
	if n := testing.AllocsPerRun(50, pass); n >= 1 {
		t.Errorf("%v allocations a step", n)
	}
}
