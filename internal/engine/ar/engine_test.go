package ar

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/internal/model/tokenizer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var tiny = qwen3omni.Tiny() // read-only, so all tests share it

func newTinyThinker(t *testing.T, cfg Config) *Engine {
	t.Helper()
	e := NewThinker(tiny, tokenizer.NewPieces(qwen3omni.TinyVocabulary()), cfg)
	t.Cleanup(func() { e.Close() })
	return e
}

func newTinyTalker(t *testing.T, chunks Chunks, cfg Config) *Engine {
	t.Helper()
	e := NewTalker(tiny, chunks, cfg)
	t.Cleanup(func() { e.Close() })
	return e
}

func sampled(seed uint64, most int) engine.Sampling {
	return engine.Sampling{Temperature: 1, TopP: 1, RepetitionPenalty: 1, Seed: seed, MaxTokens: most}
}

// prompt is a chat prompt of n words.
func prompt(n int) []int32 {
	c := tiny.Config
	ids := []int32{c.IMStart, c.User, c.Newline}
	ids = append(ids, tokenizer.NewPieces(qwen3omni.TinyVocabulary()).Encode(strings.Repeat(" time", n))...)
	return append(ids, c.IMEnd, c.Newline, c.IMStart, c.Assistant, c.Newline)
}

// run reads a stream to its end.
func run(t *testing.T, s engine.Stream) (outs []engine.Output) {
	t.Helper()
	for {
		out, err := s.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		outs = append(outs, out)
		if out.Finish != "" {
			<-s.Done()
			return outs
		}
	}
}

func open(t *testing.T, e *Engine, req engine.Request) engine.Stream {
	t.Helper()
	s, err := e.Start(req)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tokensOf(outs []engine.Output) (ids []int32) {
	for _, o := range outs {
		ids = append(ids, o.Tokens...)
	}
	return ids
}

func TestPrefillInPiecesGivesTheSameTokens(t *testing.T) {
	req := engine.Request{Tokens: prompt(30), Sampling: sampled(7, 40)}
	want := tokensOf(run(t, open(t, newTinyThinker(t, Config{}), req)))
	for _, cfg := range []Config{{MaxBatchedTokens: 3}, {MaxBatchedTokens: 16, BlockSize: 5}, {BlockSize: 1}} {
		var steps []Step
		cfg.Listeners = []Listener{{Stepped: func(s *Step) { steps = append(steps, *s) }}}
		e := newTinyThinker(t, cfg)
		if got := tokensOf(run(t, open(t, e, req))); !slices.Equal(got, want) {
			t.Errorf("a budget of %d: %v, want %v", cfg.MaxBatchedTokens, got, want)
		}
		e.Close() // the steps are all told
		if most := cfg.MaxBatchedTokens; most > 0 && (steps[0].Prefill.Rows != most || steps[1].Prefill.Rows != most) {
			t.Errorf("a budget of %d prefilled %d rows, then %d", most, steps[0].Prefill.Rows, steps[1].Prefill.Rows)
		}
	}
}

func TestThinkerHandsOverEachTokenOnceAnotherFollows(t *testing.T) {
	req := engine.Request{Tokens: prompt(3), Sampling: sampled(3, 12), Handover: true}
	req.Sampling.IgnoreEOS = true
	outs := run(t, open(t, newTinyThinker(t, Config{}), req))
	ids := tokensOf(outs)
	width := tiny.Thinker.Decoder().Hidden()
	row := make([]float32, width)
	var text []float32
	for i, o := range outs {
		e := o.Payload.(*engine.Embeddings)
		if (len(e.Prompt) > 0) != (i == 0) {
			t.Errorf("output %d carries %d prompt values", i, len(e.Prompt))
		}
		text = append(text, e.Text...)
	}
	if len(text) != (len(ids)-1)*width {
		t.Fatalf("%d text rows for %d tokens; the last one is never spoken", len(text)/width, len(ids))
	}
	for i, id := range ids[:len(ids)-1] {
		tiny.Thinker.Embed(row, []int32{id})
		if !slices.Equal(text[i*width:(i+1)*width], row) {
			t.Errorf("row %d is not the embedding of token %d", i, id)
		}
	}
	if u := outs[len(outs)-1].Usage; u != (engine.Usage{PromptTokens: len(req.Tokens), CompletionTokens: 12}) {
		t.Errorf("usage %+v", u)
	}
}

func TestTextOnlyRequestsHandNothingOver(t *testing.T) {
	for _, o := range run(t, open(t, newTinyThinker(t, Config{}), engine.Request{Tokens: prompt(1), Sampling: sampled(1, 5)})) {
		if o.Payload != nil {
			t.Errorf("payload %T", o.Payload)
		}
	}
}

// speak runs the talker on a text of n rows that arrive in pieces.
func speak(t *testing.T, e *Engine, n, piece int, seed uint64) (codes []int32) {
	t.Helper()
	width := tiny.Thinker.Decoder().Hidden()
	head := make([]float32, 3*width)
	tiny.Thinker.Embed(head, tiny.Config.AssistantHead())
	text := make([]float32, n*width)
	for i := range n {
		tiny.Thinker.Embed(text[i*width:(i+1)*width], []int32{int32(20 + i)})
	}
	s := open(t, e, engine.Request{Voice: "aiden", Sampling: sampled(seed, 60)})
	go func() {
		defer s.CloseSend()
		if s.Send(context.Background(), &engine.Embeddings{Prompt: head, Width: width}) != nil {
			return
		}
		for at := 0; at < n; at += piece {
			rows := text[at*width : min(at+piece, n)*width]
			if s.Send(context.Background(), &engine.Embeddings{Text: rows, Width: width}) != nil {
				return // the speech ended first
			}
		}
	}()
	for _, o := range run(t, s) {
		if f, ok := o.Payload.(*engine.Frames); ok {
			codes = append(codes, f.Codes...)
		}
	}
	return codes
}

func TestTalkerSaysTheSameHoweverItsTextArrives(t *testing.T) {
	for seed := range uint64(4) {
		want := speak(t, newTinyTalker(t, DefaultChunks, Config{}), 20, 20, seed)
		for _, piece := range []int{1, 3} {
			if got := speak(t, newTinyTalker(t, Chunks{1, 2}, Config{}), 20, piece, seed); !slices.Equal(got, want) {
				t.Errorf("seed %d, %d rows at a time: %d codes differ from %d", seed, piece, len(got), len(want))
			}
		}
	}
}

func TestFramesAreGatheredAsPlanned(t *testing.T) {
	req := engine.Request{Tokens: []int32{5, 6, 7}, Sampling: sampled(2, 21)}
	req.Sampling.IgnoreEOS = true
	var sizes []int
	for _, o := range run(t, open(t, newTinyTalker(t, Chunks{First: 4, Then: 7}, Config{}), req)) {
		if f, ok := o.Payload.(*engine.Frames); ok {
			sizes = append(sizes, len(f.Codes)/f.Groups)
		}
	}
	if want := []int{4, 7, 7, 2}; !slices.Equal(sizes, want) { // 21 tokens make 20 frames
		t.Errorf("hops of %v frames, want %v", sizes, want)
	}
}

func TestTextWithoutARowEndsSilently(t *testing.T) {
	s := open(t, newTinyTalker(t, DefaultChunks, Config{}), engine.Request{Sampling: sampled(1, 9)})
	s.CloseSend()
	outs := run(t, s)
	if len(outs) != 1 || outs[0].Finish != engine.FinishStop || outs[0].Payload != nil || outs[0].Usage.CompletionTokens != 0 {
		t.Errorf("%+v", outs)
	}
}

func TestTalkerRefusesWhatIsNoEmbedding(t *testing.T) {
	s := open(t, newTinyTalker(t, DefaultChunks, Config{}), engine.Request{Sampling: sampled(1, 9)})
	if err := s.Send(t.Context(), &engine.Audio{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(t.Context()); err == nil || !strings.Contains(err.Error(), "*engine.Audio") {
		t.Errorf("Recv = %v", err)
	}
	<-s.Done()
}

func TestUnknownVoiceIsRefused(t *testing.T) {
	if _, err := newTinyTalker(t, DefaultChunks, Config{}).Start(engine.Request{Voice: "nobody"}); err == nil || !strings.Contains(err.Error(), "ethan") {
		t.Errorf("Start = %v", err)
	}
}

func TestSequenceEndsAtTheModelsLength(t *testing.T) {
	ids := prompt(10)
	req := engine.Request{Tokens: ids, Sampling: sampled(1, 1000)}
	req.Sampling.IgnoreEOS = true
	outs := run(t, open(t, newTinyThinker(t, Config{MaxModelLen: 40}), req))
	if got := len(ids) + len(tokensOf(outs)); got != 40 || outs[len(outs)-1].Finish != engine.FinishLength {
		t.Errorf("%d positions, %s", got, outs[len(outs)-1].Finish)
	}
}

func TestPromptBeyondTheModelsLengthIsRefused(t *testing.T) {
	for _, cfg := range []Config{{MaxModelLen: 20}, {Blocks: 2, BlockSize: 10}} {
		e := newTinyThinker(t, cfg)
		if _, err := e.Start(engine.Request{Tokens: prompt(30), Sampling: sampled(1, 5)}); err == nil || !strings.Contains(err.Error(), "may have 20") {
			t.Errorf("Start = %v", err)
		}
		run(t, open(t, e, engine.Request{Tokens: prompt(1), Sampling: sampled(1, 5)}))
	}
}

func TestTalkersPromptBeyondItsLengthFailsItself(t *testing.T) {
	s := open(t, newTinyTalker(t, DefaultChunks, Config{MaxModelLen: 5}), engine.Request{Sampling: sampled(1, 9)})
	width := tiny.Thinker.Decoder().Hidden()
	if err := s.Send(t.Context(), &engine.Embeddings{Prompt: make([]float32, 3*width), Text: make([]float32, width), Width: width}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(t.Context()); err == nil || !strings.Contains(err.Error(), "may have 5") {
		t.Errorf("Recv = %v", err)
	}
	<-s.Done()
}

func TestCloseEndsStreamsAndRefusesNewOnes(t *testing.T) {
	e := NewThinker(tiny, tokenizer.Bytes{}, Config{})
	s := open(t, e, engine.Request{Tokens: prompt(1), Sampling: sampled(1, 4000)})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	for {
		out, err := s.Recv(t.Context())
		if errors.Is(err, engine.ErrClosed) || out.Finish != "" {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Start(engine.Request{Tokens: prompt(1)}); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Start = %v", err)
	}
}

func BenchmarkTalkerFrames(b *testing.B) {
	e := NewTalker(tiny, DefaultChunks, Config{})
	defer e.Close()
	req := engine.Request{Tokens: []int32{5, 6, 7}, Sampling: sampled(2, 101)}
	req.Sampling.IgnoreEOS = true
	b.ReportAllocs()
	for b.Loop() {
		s, err := e.Start(req)
		if err != nil {
			b.Fatal(err)
		}
		for {
			out, err := s.Recv(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			if out.Finish != "" {
				break
			}
		}
	}
	perFrame := b.Elapsed().Seconds() / float64(b.N) / 100
	b.ReportMetric(perFrame/0.08, "rtf")
}
