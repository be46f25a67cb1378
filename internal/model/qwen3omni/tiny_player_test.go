package qwen3omni

import (
	"math/rand/v2"
	"slices"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// sample draws from the softmax of logits, which it changes.
func sample(r *rand.Rand, logits []float32) int32 {
	tensor.Softmax(logits)
	left := r.Float32()
	for i, p := range logits {
		if left -= p; left < 0 {
			return int32(i)
		}
	}
	return int32(tensor.ArgMax(logits))
}

// sampleResidual draws from the 50 likeliest codes that make up 0.8 of the
// probability, as the reference's code predictor does.
func sampleResidual(r *rand.Rand, logits []float32, order []int32) int32 {
	tensor.Softmax(logits)
	order = order[:min(50, len(logits))]
	tensor.TopK(order, logits)
	var all, sum float32
	for _, id := range order {
		all += logits[id]
	}
	for i, id := range order {
		if sum += logits[id]; sum >= 0.8*all {
			order = order[:i+1]
			break
		}
	}
	left := r.Float32() * sum
	for _, id := range order {
		if left -= logits[id]; left < 0 {
			return id
		}
	}
	return order[len(order)-1]
}

// reply is one run of the tiny model.
type reply struct {
	tokens    []int32 // with the end of the message, if it came
	codes     [][]int32
	textEnded bool // by itself
	ended     bool // the speech, by itself
}

// player runs the tiny model for one prompt after the other.
type player struct {
	m            *Model
	thinker      *Scratch
	talker       *Scratch
	predictor    *PredictorScratch
	thinkerCache *KVCache
	talkerCache  *KVCache
	order        []int32
	logits       []float32
}

func newPlayer(m *Model) *player {
	return &player{
		m:            m,
		thinker:      m.Thinker.Decoder().NewScratch(),
		talker:       m.Talker.Decoder().NewScratch(),
		predictor:    m.Talker.Predictor().NewScratch(),
		thinkerCache: m.Thinker.Decoder().NewKVCache(1, 256),
		talkerCache:  m.Talker.Decoder().NewKVCache(1, 256),
		order:        make([]int32, 64),
		logits:       make([]float32, max(m.Talker.Vocab(), m.Thinker.Vocab())),
	}
}

var firstBlock = []int32{0}

func (p *player) reply(seed uint64, prompt []int32, voice string) reply {
	var out reply
	r := rand.New(rand.NewPCG(seed, 1))
	th := p.m.Thinker
	h := th.Decoder().Hidden()
	ids := slices.Clone(prompt)
	x := make([]float32, len(prompt)*h)
	th.Embed(x, prompt)
	promptEmbeds := slices.Clone(x)
	var spoken []float32
	for done := 0; ; {
		th.Decoder().Forward(p.thinker, x, []Segment{{Rows: len(ids) - done, Start: done, Blocks: firstBlock}}, p.thinkerCache)
		done = len(ids)
		logits := p.logits[:th.Vocab()]
		th.Logits(logits, x[len(x)-h:], 1)
		id := sample(r, logits)
		ids = append(ids, id)
		out.tokens = append(out.tokens, id)
		out.textEnded = slices.Contains(p.m.Generation.EOS, id)
		if out.textEnded || len(out.tokens) == p.m.Generation.Thinker.MaxNewTokens {
			break
		}
		x = x[:h]
		th.Embed(x, ids[done:])
		spoken = append(spoken, x...)
	}
	in, err := NewTalkerInput(p.m.Talker, voice)
	if err != nil {
		panic(err)
	}
	rows, _, err := p.m.Config.TalkerPromptRows(prompt)
	if err != nil {
		panic(err)
	}
	in.AddPrompt(gather(p.m, promptEmbeds, rows))
	in.AddText(spoken)
	in.EndText()
	if !in.Silent() {
		p.speak(r, in, &out)
	}
	return out
}

func (p *player) speak(r *rand.Rand, in *TalkerInput, out *reply) {
	tk, c := p.m.Talker, p.m.Config
	d := tk.Decoder()
	h := d.Hidden()
	x, _ := in.Prefill()
	past, embed, codes := make([]float32, h), make([]float32, h), make([]int32, c.Talker.Groups-1)
	for at := 0; ; {
		d.Forward(p.talker, x, []Segment{{Rows: len(x) / h, Start: at, Blocks: firstBlock}}, p.talkerCache)
		at += len(x) / h
		copy(past, x[len(x)-h:])
		logits := p.logits[:tk.Vocab()]
		tk.Logits(logits, past, 1)
		tk.Suppress(logits)
		id := sample(r, logits)
		if id == c.CodecEOS() {
			out.ended = true
			return
		}
		if len(out.codes)+1 == p.m.Generation.Talker.MaxNewTokens {
			return
		}
		tk.EmbedCode(embed, id)
		x = x[:h]
		copy(x, embed)
		tk.Predictor().Predict(p.predictor, past, embed, func(_, _ int, logits []float32) int32 {
			return sampleResidual(r, logits, p.order)
		}, codes, x)
		text, ok := in.TextRow(len(out.codes))
		if !ok {
			panic("a text row is missing from a complete text")
		}
		out.codes = append(out.codes, append([]int32{id}, codes...))
		tensor.Add(x, text)
	}
}

// tinyPrompt is a chat prompt of the tiny model.
func tinyPrompt(c *Config, r *rand.Rand) []int32 {
	words := len(TinyVocabulary())
	ids := []int32{c.IMStart, c.User, c.Newline}
	for range 3 + r.IntN(20) {
		ids = append(ids, int32(1+r.IntN(words-1)))
	}
	return append(append(ids, c.IMEnd, c.Newline), c.AssistantHead()...)
}
