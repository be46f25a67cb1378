package ar

import (
	"slices"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/internal/model/tokenizer"
)

// NewThinker makes an engine that generates text with m's thinker and hands
// over, to a stage behind it, the embeddings that the talker reads. Tok turns
// ids into text.
func NewThinker(m *qwen3omni.Model, tok tokenizer.Tokenizer, cfg Config) *Engine {
	return newEngine(&thinker{
		model:  m,
		tok:    tok,
		eos:    m.Generation.ThinkerEOS(),
		logits: make([]float32, m.Thinker.Vocab()),
	}, cfg)
}

type thinker struct {
	model *qwen3omni.Model
	tok   tokenizer.Tokenizer
	eos   []int32

	logits []float32   // [vocab], of one sequence
	buf    []candidate // room of the sampler
	scores scores
}

// thinking is one sequence of the thinker.
type thinking struct {
	thinker *thinker
	req     engine.Request
	ids     []int32 // prompt and generated tokens
	text    tokenizer.Decoder
	buf     []byte
	// prompt positions that the talker reads, and those of an assistant
	// segment begun by the client; nil without a handover.
	promptRows, textRows []int
}

func (t *thinker) decoder() *qwen3omni.Decoder { return t.model.Thinker.Decoder() }

func (t *thinker) open(req engine.Request) (program, error) {
	p := &thinking{thinker: t, req: req, text: t.tok.NewDecoder()}
	p.ids = make([]int32, len(req.Tokens), len(req.Tokens)+req.Sampling.MaxTokens)
	copy(p.ids, req.Tokens)
	if req.Handover {
		var err error
		if p.promptRows, p.textRows, err = t.model.Config.TalkerPromptRows(req.Tokens); err != nil {
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

func (p *thinking) usage() engine.Usage {
	return engine.Usage{PromptTokens: len(p.req.Tokens), CompletionTokens: len(p.ids) - len(p.req.Tokens)}
}

func (t *thinker) decide(batch []*sequence, hidden []float32) {
	width := t.model.Thinker.Decoder().Hidden()
	for i, s := range batch {
		p := s.program.(*thinking)
		if s.generated == 0 {
			s.sampler.note(len(t.logits), p.ids...)
		}
		t.model.Thinker.Logits(t.logits, hidden[i*width:(i+1)*width], 1)
		if p.req.Sampling.Logprobs {
			t.scores.take(t.logits, p.req.Sampling.TopLogprobs)
		}
		var id int32
		id, t.buf = s.sampler.choose(t.logits, t.buf)
		s.sampler.note(len(t.logits), id)
		p.accept(s, id)
	}
}

// accept takes the next token in and hands out what follows from it: its text,
// and the embedding of the token before it. A token is spoken only once
// another one follows, so the last one, normally the end-of-sequence token,
// never is.
func (p *thinking) accept(s *sequence, id int32) {
	out := engine.Output{Tokens: []int32{id}}
	if p.req.Sampling.Logprobs {
		out.Logprobs = []engine.Logprobs{p.thinker.scores.of(id, p.thinker.tok)}
	}
	if p.req.Handover {
		out.Payload = p.handover(s.generated)
	}
	p.ids = append(p.ids, id)
	s.generated++

	stop := !p.req.Sampling.IgnoreEOS && slices.Contains(p.thinker.eos, id)
	p.buf = p.buf[:0]
	if !stop {
		p.buf = p.text.Append(p.buf, id)
	}
	switch {
	case stop:
		out.Text = string(p.text.Flush(p.buf))
		s.finish(out, engine.FinishStop)
	case s.generated >= p.req.Sampling.MaxTokens || len(p.ids) >= s.limit:
		out.Text = string(p.text.Flush(p.buf))
		s.finish(out, engine.FinishLength)
	default:
		out.Text = string(p.buf)
		s.Put(out)
	}
}

// handover is what the talker gets when the thinker has chosen its n+1st
// token: the prompt's rows with the first, the row of the nth afterwards.
func (p *thinking) handover(n int) engine.Payload {
	th := p.thinker.model.Thinker
	width := th.Decoder().Hidden()
	e := &engine.Embeddings{Width: width}
	if n > 0 {
		e.Text = make([]float32, width)
		th.Embed(e.Text, p.ids[len(p.ids)-1:])
		return e
	}
	e.Prompt = p.gather(p.promptRows)
	e.Text = p.gather(p.textRows)
	return e
}

func (p *thinking) gather(positions []int) []float32 {
	th := p.thinker.model.Thinker
	width := th.Decoder().Hidden()
	rows := make([]float32, len(positions)*width)
	for i, at := range positions {
		th.Embed(rows[i*width:(i+1)*width], p.ids[at:at+1])
	}
	return rows
}
