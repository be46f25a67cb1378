package ar

import (
	"encoding/binary"
	"slices"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/internal/model/tokenizer"
)

// NewThinker makes an engine that generates text with m's thinker and hands
// over, to a stage behind it, the embeddings that the talker reads. Tok turns
// ids into text.
func NewThinker(m *qwen3omni.Model, tok tokenizer.Tokenizer, cfg Config) *Engine {
	return newEngine(newThinker(m, tok), cfg)
}

func newThinker(m *qwen3omni.Model, tok tokenizer.Tokenizer) *thinker {
	return &thinker{model: m, tok: tok, eos: m.Generation.ThinkerEOS()}
}

type thinker struct {
	model *qwen3omni.Model
	tok   tokenizer.Tokenizer
	eos   []int32

	logits []float32 // [deciding, vocab]; it grows to the largest step and stays
	room   candidateRoom
	scores scores
}

// thinking is one sequence of the thinker.
type thinking struct {
	thinker *thinker
	req     engine.Request
	ids     []int32 // prompt and generated tokens
	text    tokenizer.Decoder
	buf     []byte
	stops   stopStrings
	handing *handover // nil without a stage behind
}

func (t *thinker) decoder() *qwen3omni.Decoder { return t.model.Thinker.Decoder() }

func (t *thinker) open(req engine.Request) (program, error) {
	p := &thinking{thinker: t, req: req, text: t.tok.NewDecoder(), stops: newStopStrings(req.Sampling.Stop, req.Sampling.IncludeStop)}
	p.ids = make([]int32, len(req.Tokens), len(req.Tokens)+req.Sampling.MaxTokens)
	copy(p.ids, req.Tokens)
	if req.Handover {
		var err error
		if p.handing, err = newHandover(t.model, req.Tokens); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *thinking) intake(*engine.Exchange) error { return nil }
func (p *thinking) rows() int                     { return len(p.ids) }
func (p *thinking) most() int                     { return len(p.req.Tokens) + p.req.Sampling.MaxTokens }
func (p *thinking) over() bool                    { return false }

func (p *thinking) embed(dst []float32, from, to int) {
	p.thinker.model.Thinker.Embed(dst, p.ids[from:to])
}

func (p *thinking) content(dst []byte, from, to int) []byte {
	for _, id := range p.ids[from:to] {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(id))
	}
	return dst
}

func (p *thinking) usage() engine.Usage {
	return engine.Usage{PromptTokens: len(p.req.Tokens), CompletionTokens: len(p.ids) - len(p.req.Tokens)}
}

func (t *thinker) decide(batch []*sequence, hidden []float32) {
	vocab := t.model.Thinker.Vocab()
	t.logits = slices.Grow(t.logits[:0], len(batch)*vocab)[:len(batch)*vocab]
	// All at once: the head is a large part of the weights, and is read once.
	t.model.Thinker.Logits(t.logits, hidden, len(batch))
	for i, s := range batch {
		p, logits := s.program.(*thinking), t.logits[i*vocab:(i+1)*vocab]
		if s.generated == 0 {
			s.sampler.prompt(vocab, p.ids)
		}
		if p.req.Sampling.Logprobs {
			t.scores.take(logits, p.req.Sampling.TopLogprobs)
		}
		p.accept(s, s.sampler.choose(logits, t.eos, &t.room))
	}
}

// accept takes the next token in and hands out what follows from it: its text,
// as far as it cannot begin a stop string, and what the talker may speak.
func (p *thinking) accept(s *sequence, id int32) {
	p.ids = append(p.ids, id)
	n := len(p.ids)
	out := engine.Output{Tokens: p.ids[n-1 : n : n]} // never written again
	if p.req.Sampling.Logprobs {
		out.Logprobs = []engine.Logprobs{p.thinker.scores.of(id, p.thinker.tok)}
	}
	s.generated++

	finish, reason := p.end(s, id)
	p.buf = p.buf[:0]
	if finish != engine.FinishStop || p.req.Sampling.IncludeStop {
		p.buf = p.text.Append(p.buf, id)
	}
	made := len(p.buf)
	var found string
	out.Text, found = p.stops.take(p.buf, finish != engine.FinishStop && s.generated >= p.req.Sampling.MinTokens)
	switch {
	case found != "":
		finish, reason = engine.FinishStop, engine.StopReason{Text: found}
	case finish != "":
		out.Text += p.stops.rest() + string(p.text.Flush(p.buf[:0]))
	}
	if p.handing != nil {
		out.Payload = p.handing.next(p.ids, made, len(out.Text))
	}
	if finish == "" {
		s.give(out)
		return
	}
	out.StopReason = reason
	s.finish(out, finish)
}

// end says whether the token ends the sequence, and why: at an end-of-sequence
// or stop token, at the bound of tokens, or since it has come to repeat itself.
// A token that ends a sequence before MinTokens was not to choose from.
func (p *thinking) end(s *sequence, id int32) (engine.FinishReason, engine.StopReason) {
	switch {
	case !p.req.Sampling.IgnoreEOS && slices.Contains(p.thinker.eos, id):
		return engine.FinishStop, engine.StopReason{}
	case slices.Contains(p.req.Sampling.StopTokens, id):
		return engine.FinishStop, engine.StopReason{Token: id, IsToken: true}
	case s.generated >= p.req.Sampling.MaxTokens || len(p.ids) >= s.limit:
		return engine.FinishLength, engine.StopReason{}
	case s.sampler.repeats():
		return engine.FinishRepetition, engine.StopReason{Text: engine.RepetitionDetected}
	}
	return "", engine.StopReason{}
}
