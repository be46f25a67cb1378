package server

import (
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// pieceOf is a text event as clients get it. Finish is what is said of the end,
// empty where another event says it.
func pieceOf(ev orchestrator.Event, finish string) openai.TextPiece {
	piece := openai.TextPiece{Index: ev.Choice, Text: ev.Text, Finish: finish, Logprobs: logprobsOf(nil, ev.Logprobs), More: ev.More}
	if finish != "" {
		piece.Stop = stopOf(ev.StopReason)
	}
	return piece
}

// told is the reason of an event's finish in the words that the client gets.
func told(ev orchestrator.Event) string {
	if ev.Told != "" && ev.Finish == engine.FinishStop {
		return ev.Told
	}
	return string(ev.Finish)
}

func stopOf(r engine.StopReason) openai.StopReason {
	return openai.StopReason{Text: r.Text, Token: int64(r.Token), IsToken: r.IsToken}
}

// logprobsOf appends log probabilities as clients get them.
func logprobsOf(list []openai.Logprobs, from []engine.Logprobs) []openai.Logprobs {
	token := func(t engine.TokenLogprob) openai.TokenLogprob {
		return openai.TokenLogprob{ID: int64(t.ID), Token: t.Text, Logprob: t.Logprob}
	}
	for _, l := range from {
		to := openai.Logprobs{TokenLogprob: token(l.Chosen)}
		for _, top := range l.Top {
			to.Top = append(to.Top, token(top))
		}
		list = append(list, to)
	}
	return list
}

// text is the whole text of one choice.
type text struct {
	text     []byte
	tokens   []int32
	logprobs []openai.Logprobs
	finish   engine.FinishReason
	told     string // the finish reason in the client's words
	stop     engine.StopReason
	more     openai.MoreOf
}

func (t *text) take(ev orchestrator.Event) {
	t.text = append(t.text, ev.Text...)
	t.tokens = append(t.tokens, ev.Tokens...)
	t.logprobs = logprobsOf(t.logprobs, ev.Logprobs)
	if ev.Finish != "" {
		t.finish, t.told, t.stop = ev.Finish, told(ev), ev.StopReason
	}
	t.more.Add(ev.More)
}

func (t *text) piece(index int) openai.TextPiece {
	return openai.TextPiece{
		Index: index, Text: string(t.text), Logprobs: t.logprobs, Finish: t.told, Stop: stopOf(t.stop), More: t.more.Members(),
	}
}

// spoken is the text of the first choice, which is the one that is spoken.
func (w *whole) spoken() openai.TextPiece {
	if len(w.texts) == 0 {
		return openai.TextPiece{}
	}
	return w.texts[0].piece(0)
}
