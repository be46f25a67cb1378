package ar

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
)

// Chunks is the plan by which codec frames are gathered into hops: the first
// hop carries First frames, so that sound starts early, each further one Then.
type Chunks struct {
	First, Then int
}

// DefaultChunks are vLLM-Omni's: 0.32 s of sound first, then 2 s at a time.
var DefaultChunks = Chunks{First: 4, Then: 25}

// NewTalker makes an engine that turns text embeddings into codec frames with
// m's talker and code predictor.
func NewTalker(m *qwen3omni.Model, chunks Chunks, cfg Config) *Engine {
	return newEngine(newTalker(m, chunks), cfg)
}

func newTalker(m *qwen3omni.Model, chunks Chunks) *talker {
	return &talker{
		model:     m,
		chunks:    chunks,
		eos:       []int32{m.Config.CodecEOS()},
		predictor: m.Talker.Predictor().NewScratch(),
	}
}

type talker struct {
	model  *qwen3omni.Model
	chunks Chunks

	eos       []int32
	logits    []float32 // [deciding, vocab]; it grows to the largest step and stays
	room      candidateRoom
	predictor *qwen3omni.PredictorScratch

	// The frames of a step, one row a sequence.
	framing []*sequence
	hidden  []float32 // [n, hidden]
	embeds  []float32 // [n, hidden]: of group 0's code
	sums    []float32 // [n, hidden]: of all codes
	codes   []int32   // [n, groups-1]
}

// speaking is one sequence of the talker.
type speaking struct {
	talker *talker
	req    engine.Request
	input  *qwen3omni.TalkerInput
	ended  bool // the text is complete

	computable []float32 // input rows [n, hidden]: the prefill and one row a frame
	sum        []float32 // the newest frame's embedding, which waits for its text row
	pending    bool      // sum is set
	frames     int       // frames made
	prefill    int       // rows of the prefill

	chunk []int32 // frames not handed over yet
	first bool    // the first hop has gone
}

func (t *talker) decoder() *qwen3omni.Decoder { return t.model.Talker.Decoder() }

func (t *talker) open(req engine.Request) (program, error) {
	input, err := qwen3omni.NewTalkerInput(t.model.Talker, cmp.Or(req.Voice, t.model.Config.DefaultVoice()))
	if err != nil {
		return nil, fmt.Errorf("voice: %w", err)
	}
	p := &speaking{talker: t, req: req, input: input, sum: make([]float32, t.decoder().Hidden())}
	if req.Tokens != nil {
		p.speak(req.Tokens)
	}
	return p, nil
}

// speak makes the whole input from ids: the head of an assistant segment and
// the text, every token of which is spoken.
func (p *speaking) speak(ids []int32) {
	th := p.talker.model.Thinker
	width := th.Decoder().Hidden()
	head := p.talker.model.Config.AssistantHead()
	rows := make([]float32, (len(head)+len(ids))*width)
	th.Embed(rows[:len(head)*width], head)
	th.Embed(rows[len(head)*width:], ids)
	p.input.AddPrompt(rows[:len(head)*width])
	p.input.AddText(rows[len(head)*width:])
	p.input.EndText()
	p.ended = true
	p.next()
}

// intake takes payloads until the next input row can be made, and makes it.
func (p *speaking) intake(x *engine.Exchange) error {
	for !p.next() && !p.ended {
		payload, ok, last := x.Take()
		switch {
		case ok:
			e, isEmbeddings := payload.(*engine.Embeddings)
			if !isEmbeddings || e.Width != p.talker.model.Thinker.Decoder().Hidden() {
				return fmt.Errorf("talker: payload %T is not rows of the thinker's embeddings", payload)
			}
			p.input.AddPrompt(e.Prompt)
			p.input.AddText(e.Text)
		case last:
			p.input.EndText()
			p.ended = true
		default:
			return nil
		}
	}
	return nil
}

// next makes the next input row if all that it is the sum of exists. It is
// true when no row is missing.
func (p *speaking) next() bool {
	if p.prefill == 0 {
		rows, ok := p.input.Prefill()
		if !ok {
			return false
		}
		p.prefill = len(rows) / p.talker.decoder().Hidden()
		p.computable = append(p.computable, rows...)
		return true
	}
	if !p.pending {
		return true
	}
	text, ok := p.input.TextRow(p.frames - 1)
	if !ok {
		return false
	}
	for i, v := range text {
		p.sum[i] += v
	}
	p.computable = append(p.computable, p.sum...)
	p.pending = false
	return true
}

func (p *speaking) rows() int { return len(p.computable) / p.talker.decoder().Hidden() }
func (p *speaking) most() int { return p.prefill + p.req.Sampling.MaxTokens }

// over is true when the text ended before a single token could be spoken.
func (p *speaking) over() bool { return p.ended && p.prefill == 0 }

func (p *speaking) embed(dst []float32, from, to int) {
	width := p.talker.decoder().Hidden()
	copy(dst, p.computable[from*width:to*width])
}

// content is the rows themselves: they are sums of what the text, the voice and
// the codes give.
func (p *speaking) content(dst []byte, from, to int) []byte {
	width := p.talker.decoder().Hidden()
	for _, v := range p.computable[from*width : to*width] {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}

func (p *speaking) usage() engine.Usage {
	return engine.Usage{PromptTokens: p.prefill, CompletionTokens: p.frames}
}

func (t *talker) decide(batch []*sequence, hidden []float32) {
	width, vocab := t.decoder().Hidden(), t.model.Talker.Vocab()
	t.framing, t.hidden, t.embeds = t.framing[:0], t.hidden[:0], t.embeds[:0]
	t.logits = slices.Grow(t.logits[:0], len(batch)*vocab)[:len(batch)*vocab]
	t.model.Talker.Logits(t.logits, hidden, len(batch))
	for i, s := range batch {
		row, logits := hidden[i*width:(i+1)*width], t.logits[i*vocab:(i+1)*vocab]
		t.model.Talker.Suppress(logits)
		p := s.program.(*speaking)
		if p.req.Sampling.IgnoreEOS {
			logits[t.eos[0]] = never
		}
		if s.generated == 0 {
			s.sampler.prompt(vocab, nil) // the prompt is rows, not codes
		}
		id := s.sampler.choose(logits, t.eos, &t.room)
		s.generated++
		switch {
		case id == t.eos[0] || slices.Contains(p.req.Sampling.StopTokens, id):
			s.finish(p.flush(), engine.FinishStop)
		case s.generated >= p.req.Sampling.MaxTokens || p.rows() >= s.limit:
			s.finish(p.flush(), engine.FinishLength) // the token at the limit makes no frame
		case s.sampler.repeats():
			s.finish(p.flush(), engine.FinishRepetition)
		default:
			if p.chunk == nil {
				p.chunk = make([]int32, 0, min(p.size(), p.req.Sampling.MaxTokens)*t.model.Talker.Predictor().Groups())
			}
			p.chunk = append(p.chunk, id)
			t.framing = append(t.framing, s)
			t.hidden = append(t.hidden, row...)
			t.embeds = append(t.embeds, p.sum...) // room; the embedding follows
			t.model.Talker.EmbedCode(t.embeds[len(t.embeds)-width:], id)
		}
	}
	if len(t.framing) > 0 {
		t.frame()
	}
}

// frame predicts the residual codes of every sequence that chose a group-0
// code in this step, all at once, and lets each hand over a chunk that became
// full.
func (t *talker) frame() {
	width, residual := t.decoder().Hidden(), t.model.Talker.Predictor().Groups()-1
	n := len(t.framing)
	t.sums = append(t.sums[:0], t.embeds...)
	if cap(t.codes) < n*residual {
		t.codes = make([]int32, n*residual)
	}
	t.codes = t.codes[:n*residual]
	choose := func(b, _ int, logits []float32) int32 {
		return t.framing[b].sampler.chooseResidual(logits, &t.room)
	}
	t.model.Talker.Predictor().Predict(t.predictor, t.hidden, t.embeds, choose, t.codes, t.sums)
	for i, s := range t.framing {
		p := s.program.(*speaking)
		p.chunk = append(p.chunk, t.codes[i*residual:(i+1)*residual]...)
		copy(p.sum, t.sums[i*width:(i+1)*width])
		p.pending = true
		p.frames++
		if len(p.chunk) >= p.size()*(residual+1) {
			s.give(p.flush())
		}
	}
}

// size is the number of frames that the next hop carries.
func (p *speaking) size() int {
	if p.first {
		return p.talker.chunks.Then
	}
	return p.talker.chunks.First
}

// flush hands over the frames gathered so far.
func (p *speaking) flush() engine.Output {
	if len(p.chunk) == 0 {
		return engine.Output{}
	}
	out := engine.Output{Payload: &engine.Frames{Codes: p.chunk, Groups: p.talker.model.Talker.Predictor().Groups()}}
	p.chunk = nil
	p.first = true
	return out
}
