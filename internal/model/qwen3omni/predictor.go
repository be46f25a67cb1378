package qwen3omni

import (
	"strconv"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// Predictor is the talker's code predictor: a small dense stack that chooses
// the residual codes of one frame, one group after the other, each from all
// before it. Every frame starts from an empty cache. It is read-only.
type Predictor struct {
	decoder    *Decoder
	heads      []tensor.Matrix // of groups 1 to groups-1, [codes, hidden]
	embeddings []tensor.Matrix // of groups 1 to groups-1, [codes, hidden]
	groups     int
}

func newPredictor(c *TalkerConfig, w weights) *Predictor {
	const name = "talker.code_predictor"
	p := &Predictor{decoder: newDecoder(w, name+".model", c.Predictor), groups: c.Groups}
	for g := 0; g < c.Groups-1 && w.err() == nil; g++ {
		p.heads = append(p.heads, w.matrix(name+".lm_head."+strconv.Itoa(g)+".weight", c.PredictorVocab, c.Hidden))
		p.embeddings = append(p.embeddings, w.matrix(name+".model.codec_embedding."+strconv.Itoa(g)+".weight", c.PredictorVocab, c.Hidden))
	}
	return p
}

// Groups is the number of codes of a frame, the talker's own one included.
func (p *Predictor) Groups() int { return p.groups }

// PredictorScratch is the working memory of Predict. It grows to the largest
// batch and stays. One belongs to one goroutine.
type PredictorScratch struct {
	scratch *Scratch
	kv      *KVCache // block b is all of sequence b's frame
	blocks  []int32  // 0, 1, 2, ...: the block tables
	segs    []Segment
	x       []float32 // [2*batch, hidden]
	logits  []float32 // [batch, codes]
}

// NewScratch makes working memory, which is empty until it is used.
func (p *Predictor) NewScratch() *PredictorScratch {
	return &PredictorScratch{scratch: p.decoder.NewScratch(), kv: p.decoder.NewKVCache(0, p.groups)}
}

func (s *PredictorScratch) fit(p *Predictor, batch int) {
	if batch <= len(s.blocks) {
		return
	}
	s.kv.grow(batch)
	s.blocks = make([]int32, batch)
	for b := range s.blocks {
		s.blocks[b] = int32(b)
	}
	s.segs = make([]Segment, batch)
	s.x = make([]float32, 2*batch*p.decoder.Hidden())
	s.logits = make([]float32, batch*p.heads[0].Rows)
}

// Predict chooses the residual codes of one frame for each of a batch of
// sequences. Hidden, [batch, hidden], is the talker's state that chose the
// frame's code of group 0, embeds, [batch, hidden], that code's embedding.
// Choose picks the code of sequence b in a group (1 to Groups-1) from its
// scores, which it may change. Predict writes the codes to codes, [batch,
// Groups-1], and adds their embeddings to sums, [batch, hidden].
func (p *Predictor) Predict(s *PredictorScratch, hidden, embeds []float32, choose func(b, group int, logits []float32) int32, codes []int32, sums []float32) {
	h := p.decoder.Hidden()
	batch := len(hidden) / h
	s.fit(p, batch)
	for b := range batch {
		copy(s.x[2*b*h:], hidden[b*h:(b+1)*h])
		copy(s.x[(2*b+1)*h:], embeds[b*h:(b+1)*h])
		s.segs[b] = Segment{Rows: 2, Blocks: s.blocks[b : b+1]}
	}
	p.decoder.Forward(s.scratch, s.x, s.segs[:batch], s.kv)
	for b := range batch {
		copy(s.x[b*h:(b+1)*h], s.x[(2*b+1)*h:])
	}
	for g := 1; ; g++ {
		head, table := &p.heads[g-1], &p.embeddings[g-1]
		head.MulRows(s.logits, s.x, batch)
		for b := range batch {
			id := choose(b, g, s.logits[b*head.Rows:(b+1)*head.Rows])
			codes[b*(p.groups-1)+g-1] = id
			table.Row(s.x[b*h:(b+1)*h], int(id))
			tensor.Add(sums[b*h:(b+1)*h], s.x[b*h:(b+1)*h])
			s.segs[b].Rows, s.segs[b].Start = 1, g+1
		}
		if g == p.groups-1 {
			return
		}
		p.decoder.Forward(s.scratch, s.x, s.segs[:batch], s.kv)
	}
}
