package qwen3omni

import (
	"fmt"
	"strconv"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// Decoder is a stack of transformer blocks with a final norm: the thinker's,
// the talker's or the code predictor's. It is read-only.
type Decoder struct {
	cfg    DecoderConfig
	layers []layer
	norm   []float32 // [hidden]
}

// layer is one block: x += attention(norm(x)); x += mlp(norm(x)).
type layer struct {
	inputNorm, postNorm []float32 // [hidden]
	attention           attention
	dense               *mlp // or
	experts             *moe
}

func newDecoder(w weights, name string, c DecoderConfig) *Decoder {
	d := &Decoder{cfg: c}
	for i := 0; i < c.Layers && w.err() == nil; i++ {
		prefix := name + ".layers." + strconv.Itoa(i)
		l := layer{
			inputNorm: w.vector(prefix+".input_layernorm.weight", c.Hidden),
			postNorm:  w.vector(prefix+".post_attention_layernorm.weight", c.Hidden),
			attention: newAttention(w, prefix+".self_attn", &c),
		}
		if c.dense(i) {
			dense := newMLP(w, prefix+".mlp", c.Hidden, c.Intermediate)
			l.dense = &dense
		} else {
			l.experts = newMoE(w, prefix+".mlp", &c)
		}
		d.layers = append(d.layers, l)
	}
	d.norm = w.vector(name+".norm.weight", c.Hidden)
	return d
}

// Hidden is the width of a row.
func (d *Decoder) Hidden() int { return d.cfg.Hidden }

// Config describes the stack.
func (d *Decoder) Config() DecoderConfig { return d.cfg }

// WeightBytes is the size of an element of the stack's matrices.
func (d *Decoder) WeightBytes() int { return d.layers[0].attention.o.ElementBytes() }

// Segment is the part of a batch that belongs to one sequence.
type Segment struct {
	Rows  int // new rows of the sequence
	Start int // positions of it that earlier passes have computed
	// Blocks is the sequence's block table: the ids of the blocks that hold
	// positions 0 to Start+Rows-1, in order. It may be longer.
	Blocks []int32
}

// Forward runs the rows of several sequences through the stack. X, [sum of
// Rows, Hidden] row-major and ordered as segs, holds input embeddings and is
// replaced by the hidden states behind the final norm. A row attends to all
// positions of its sequence up to its own; the keys and values of the new rows
// are added to kv. A row's result does not depend, to the last bit, on the
// other segments, on how its sequence was cut into passes, or on the cache's
// blocks.
func (d *Decoder) Forward(s *Scratch, x []float32, segs []Segment, kv *KVCache) {
	n, positions := 0, 0
	for _, seg := range segs {
		if (seg.Start+seg.Rows+kv.blockSize-1)/kv.blockSize > len(seg.Blocks) {
			panic(fmt.Sprintf("BUG: %d blocks of %d positions for a sequence of %d", len(seg.Blocks), kv.blockSize, seg.Start+seg.Rows))
		}
		n += seg.Rows
		positions = max(positions, seg.Start+seg.Rows)
	}
	x = x[:n*d.cfg.Hidden]
	s.fit(d, n, positions)
	s.heads.divide(d, segs)
	for _, seg := range segs {
		kv.reserve(seg.Blocks, seg.Start, seg.Rows)
	}
	for i := range d.layers {
		l := &d.layers[i]
		tensor.RMSNormRows(s.normed, x, l.inputNorm, d.cfg.Eps, n)
		l.attention.forward(d, s, i, x, n, kv)
		tensor.RMSNormRows(s.normed, x, l.postNorm, d.cfg.Eps, n)
		if l.dense != nil {
			l.dense.forward(s, s.normed, n, tensor.Product{Dst: s.branch, Residual: x})
		} else {
			l.experts.forward(s, i, x, n)
		}
		if s.observer.hidden != nil {
			s.observer.hidden(i, x)
		}
	}
	tensor.RMSNormRows(x, x, d.norm, d.cfg.Eps, n)
}
