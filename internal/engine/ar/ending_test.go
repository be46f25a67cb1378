package ar

import (
	"slices"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/internal/model/tokenizer"
)

func textOf(outs []engine.Output) string {
	var b strings.Builder
	for _, o := range outs {
		b.WriteString(o.Text)
	}
	return b.String()
}

// endless is a thinker's request that goes on to its bound of tokens.
func endless(seed uint64, most int) engine.Request {
	req := engine.Request{Tokens: prompt(3), Sampling: sampled(seed, most)}
	req.Sampling.LogitBias = []engine.TokenBias{{ID: tiny.Config.IMEnd, Bias: -100}}
	return req
}

// think runs a request on a thinker of its own.
func think(t *testing.T, req engine.Request) (outs []engine.Output, last engine.Output) {
	t.Helper()
	outs = run(t, open(t, newTinyThinker(t, Config{}), req))
	return outs, outs[len(outs)-1]
}

// spanning is a text of a reply from the middle of one token to the middle of
// the next, and the number of tokens up to there.
func spanning(t *testing.T, ids []int32) (stop string, tokens int) {
	t.Helper()
	tok := tokenizer.NewPieces(qwen3omni.TinyVocabulary())
	for i := 5; i < len(ids); i++ {
		a, b := tok.Piece(ids[i-1]), tok.Piece(ids[i])
		if len(a) > 3 && len(b) > 3 {
			return a[2:] + b[:3], i + 1
		}
	}
	t.Fatal("the reply has no two long tokens in a row")
	return "", 0
}

func TestStopStringEndsTheTextBeforeItself(t *testing.T) {
	req := endless(3, 40)
	whole, _ := think(t, req)
	stop, tokens := spanning(t, tokensOf(whole))
	before, _, _ := strings.Cut(textOf(whole), stop)

	req.Sampling.Stop = []string{"never said", stop}
	outs, last := think(t, req)
	if textOf(outs) != before || last.Finish != engine.FinishStop || last.StopReason != (engine.StopReason{Text: stop}) {
		t.Errorf("%q, %s, %+v; want %q", textOf(outs), last.Finish, last.StopReason, before)
	}
	if len(tokensOf(outs)) != tokens || last.Usage.CompletionTokens != tokens {
		t.Errorf("%d tokens, usage %+v; want %d: the last one completed the stop string", len(tokensOf(outs)), last.Usage, tokens)
	}
	req.Sampling.IncludeStop = true
	if outs, _ := think(t, req); textOf(outs) != before+stop {
		t.Errorf("with the stop string: %q, want %q", textOf(outs), before+stop)
	}
	req.Sampling.MinTokens = tokens + 1
	if outs, last := think(t, req); textOf(outs) != textOf(whole) || last.Finish != engine.FinishLength {
		t.Errorf("a stop string before the least number of tokens: %q, %s", textOf(outs), last.Finish)
	}
}

func TestTextHeldForAStopStringComesAtTheEnd(t *testing.T) {
	req := endless(3, 12)
	whole, _ := think(t, req)
	req.Sampling.Stop = []string{textOf(whole)[4:] + "?"}
	outs, last := think(t, req)
	if textOf(outs) != textOf(whole) || last.Finish != engine.FinishLength || len(last.Text) < 8 {
		t.Errorf("%q, %s; want %q with its end held back", textOf(outs), last.Finish, textOf(whole))
	}
}

func TestStopTokenEndsWithoutItsText(t *testing.T) {
	req := endless(3, 40)
	whole, _ := think(t, req)
	ids := tokensOf(whole)
	at := 6
	for slices.Contains(ids[:at], ids[at]) {
		at++
	}
	req.Sampling.StopTokens = []int32{ids[at]}
	outs, last := think(t, req)
	if want := textOf(whole[:at]); textOf(outs) != want || last.Finish != engine.FinishStop || last.StopReason != (engine.StopReason{Token: ids[at], IsToken: true}) {
		t.Errorf("%q, %s, %+v; want %q", textOf(outs), last.Finish, last.StopReason, want)
	}
	req.Sampling.IncludeStop = true
	if outs, _ := think(t, req); textOf(outs) != textOf(whole[:at+1]) {
		t.Errorf("with the stop token: %q, want %q", textOf(outs), textOf(whole[:at+1]))
	}
}

func TestEndOfSequenceHasNoStopReason(t *testing.T) {
	req := engine.Request{Tokens: prompt(3), Sampling: sampled(2, 400)}
	outs, last := think(t, req)
	if last.Finish != engine.FinishStop || last.StopReason != (engine.StopReason{}) || !slices.Contains(tiny.Generation.EOS, last.Tokens[0]) {
		t.Fatalf("%+v", last)
	}
	req.Sampling.MinTokens = len(tokensOf(outs)) + 5
	if longer, _ := think(t, req); len(tokensOf(longer)) < req.Sampling.MinTokens {
		t.Errorf("%d tokens, at least %d were asked for", len(tokensOf(longer)), req.Sampling.MinTokens)
	}
}

func TestRepetitionEndsTheSequence(t *testing.T) {
	req := endless(1, 40)
	req.Sampling.LogitBias = []engine.TokenBias{{ID: 100, Bias: 100}}
	req.Sampling.Repetition = engine.Repetition{MaxPattern: 3, MinCount: 4}
	outs, last := think(t, req)
	if len(tokensOf(outs)) != 4 || last.Finish != engine.FinishRepetition || last.StopReason.Text != engine.RepetitionDetected {
		t.Errorf("%v, %s, %+v", tokensOf(outs), last.Finish, last.StopReason)
	}
	req.Sampling.MinTokens = 9
	if outs, _ := think(t, req); len(tokensOf(outs)) != 9 {
		t.Errorf("%d tokens, at least 9 were asked for", len(tokensOf(outs)))
	}
}

func TestNoPartOfAStopStringIsSpoken(t *testing.T) {
	req := endless(3, 40)
	req.Handover = true
	whole, _ := think(t, req)
	stop, tokens := spanning(t, tokensOf(whole))
	req.Sampling.Stop = []string{stop}
	outs, _ := think(t, req)
	width := tiny.Thinker.Decoder().Hidden()
	var got []float32
	for _, o := range outs {
		if e, ok := o.Payload.(*engine.Embeddings); ok {
			got = append(got, e.Text...)
		}
	}
	want := make([]float32, (tokens-2)*width) // the stop string spans the last two tokens
	tiny.Thinker.Embed(want, tokensOf(whole)[:tokens-2])
	if !slices.Equal(got, want) {
		t.Errorf("%d rows were handed over, want those of the %d tokens before the stop string", len(got)/width, tokens-2)
	}
}

func TestTalkerStopsAtItsStopTokensAndRepetitions(t *testing.T) {
	req := engine.Request{Tokens: []int32{5, 6, 7}, Sampling: sampled(2, 60)}
	req.Sampling.IgnoreEOS = true
	code := func(o engine.Output) int { return len(o.Payload.(*engine.Frames).Codes) / 16 }
	frames := func(req engine.Request) (n int, last engine.Output) {
		for _, o := range run(t, open(t, newTinyTalker(t, Chunks{1, 1}, Config{}), req)) {
			if o.Payload != nil {
				n += code(o)
			}
			last = o
		}
		return n, last
	}
	req.Sampling.LogitBias = []engine.TokenBias{{ID: 7, Bias: 100}}
	req.Sampling.Repetition = engine.Repetition{MaxPattern: 1, MinCount: 5}
	if n, last := frames(req); n != 4 || last.Finish != engine.FinishRepetition {
		t.Errorf("%d frames, %s", n, last.Finish)
	}
	req.Sampling.StopTokens = []int32{7}
	req.Sampling.MinTokens = 3
	if n, last := frames(req); n != 3 || last.Finish != engine.FinishStop {
		t.Errorf("%d frames, %s", n, last.Finish)
	}
}
