package qwen3omni

import (
	"math"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// Talker turns the thinker's embeddings into codec frames: a stack with experts
// chooses the first code of each frame, the code predictor the others. It is
// read-only.
type Talker struct {
	cfg        *TalkerConfig
	embeddings tensor.Matrix // [vocab, hidden]: of codec ids
	decoder    *Decoder
	head       tensor.Matrix // [vocab, hidden]
	text       projection    // thinker embeddings to talker rows
	multimodal projection    // thinker hidden states to talker rows
	predictor  *Predictor

	ttsBOS, ttsEOS, ttsPad []float32 // [hidden]: projected marks of the text
}

// projection is fc2(silu(fc1(x))), with biases.
type projection struct {
	fc1, fc2 tensor.Matrix
	b1, b2   []float32
}

func newProjection(w weights, name string, from, inner, to int) projection {
	return projection{
		fc1: w.matrix(name+".linear_fc1.weight", inner, from),
		b1:  w.vector(name+".linear_fc1.bias", inner),
		fc2: w.matrix(name+".linear_fc2.weight", to, inner),
		b2:  w.vector(name+".linear_fc2.bias", to),
	}
}

func (p *projection) forward(s *Scratch, dst, x []float32, rows int) {
	n := rows * p.fc1.Rows
	if len(s.projected) < n {
		s.projected = make([]float32, n)
	}
	inner := s.projected[:n]
	p.fc1.MulRows(inner, x, rows)
	tensor.AddBias(inner, p.b1, rows)
	tensor.SiLU(inner)
	p.fc2.MulRows(dst, inner, rows)
	tensor.AddBias(dst, p.b2, rows)
}

func newTalker(c *Config, thinker *Thinker, w weights) *Talker {
	tc := &c.Talker
	t := &Talker{
		cfg:        tc,
		embeddings: w.matrix("talker.model.codec_embedding.weight", tc.Vocab, tc.Hidden),
		decoder:    newDecoder(w, "talker.model", tc.DecoderConfig),
		head:       w.matrix("talker.codec_head.weight", tc.Vocab, tc.Hidden),
		text:       newProjection(w, "talker.text_projection", c.Thinker.Hidden, tc.Projection, tc.Hidden),
		multimodal: newProjection(w, "talker.hidden_projection", c.Thinker.Hidden, tc.Projection, tc.Hidden),
		predictor:  newPredictor(tc, w),
	}
	if w.err() != nil {
		return t
	}
	marks := make([]float32, 3*c.Thinker.Hidden)
	thinker.Embed(marks, []int32{c.TTSBOS, c.TTSEOS, c.TTSPad})
	rows := make([]float32, 3*tc.Hidden)
	t.ProjectText(&Scratch{}, rows, marks, 3)
	t.ttsBOS, t.ttsEOS, t.ttsPad = rows[:tc.Hidden], rows[tc.Hidden:2*tc.Hidden], rows[2*tc.Hidden:]
	return t
}

// Decoder is the talker's stack.
func (t *Talker) Decoder() *Decoder { return t.decoder }

// Predictor chooses the residual codes of a frame.
func (t *Talker) Predictor() *Predictor { return t.predictor }

// Vocab is the number of codec ids: codes, control ids and speakers.
func (t *Talker) Vocab() int { return t.embeddings.Rows }

// ProjectText turns rows of the thinker's embeddings, [rows, thinker's hidden],
// into text rows of the talker's input, [rows, hidden].
func (t *Talker) ProjectText(s *Scratch, dst, embeds []float32, rows int) {
	t.text.forward(s, dst, embeds, rows)
}

// ProjectHidden turns rows of the thinker's hidden states at layer
// accept_hidden_layer, [rows, thinker's hidden], into rows of the talker's
// input, [rows, hidden]: what stands for audio, image and video input.
func (t *Talker) ProjectHidden(s *Scratch, dst, states []float32, rows int) {
	t.multimodal.forward(s, dst, states, rows)
}

// EmbedCode writes the embedding of a codec id, [hidden], to dst.
func (t *Talker) EmbedCode(dst []float32, id int32) { t.embeddings.Row(dst, int(id)) }

// Logits writes the scores of all codec ids to dst, [rows, vocab], from the
// hidden states that Decoder.Forward made, [rows, hidden].
func (t *Talker) Logits(dst, hidden []float32, rows int) { t.head.MulRows(dst, hidden, rows) }

// Suppress makes the ids that are neither a code nor the end of speech
// impossible in one row of scores, [vocab].
func (t *Talker) Suppress(logits []float32) {
	eos := logits[t.cfg.CodecEOS]
	never := float32(math.Inf(-1))
	for i := t.cfg.Vocab - controlIDs; i < t.cfg.Vocab; i++ {
		logits[i] = never
	}
	logits[t.cfg.CodecEOS] = eos
}
