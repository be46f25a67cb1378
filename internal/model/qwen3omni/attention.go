package qwen3omni

import (
	"math"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// attention is grouped-query attention (Ainslie et al., 2023) with RMSNorm of
// each query and key head before RoPE.
type attention struct {
	q, k, v, o   tensor.Matrix
	qNorm, kNorm []float32 // [head dim], shared by all heads
}

func newAttention(w weights, name string, c *DecoderConfig) attention {
	return attention{
		q:     w.matrix(name+".q_proj.weight", c.Heads*c.HeadDim, c.Hidden),
		k:     w.matrix(name+".k_proj.weight", c.KVHeads*c.HeadDim, c.Hidden),
		v:     w.matrix(name+".v_proj.weight", c.KVHeads*c.HeadDim, c.Hidden),
		o:     w.matrix(name+".o_proj.weight", c.Hidden, c.Heads*c.HeadDim),
		qNorm: w.vector(name+".q_norm.weight", c.HeadDim),
		kNorm: w.vector(name+".k_norm.weight", c.HeadDim),
	}
}

// forward writes the attention's output for the n rows of s.normed, which segs
// divide, to s.branch.
func (a *attention) forward(d *Decoder, s *Scratch, layer, n int, segs []Segment, kv *KVCache) {
	a.q.MulRows(s.q, s.normed, n)
	a.k.MulRows(s.k, s.normed, n)
	a.v.MulRows(s.v, s.normed, n)
	row := 0
	for _, seg := range segs {
		for i := range seg.Rows {
			a.place(d, s, layer, row+i, seg.Start+i, seg.Blocks, kv)
		}
		for i := range seg.Rows {
			d.attend(s, layer, row+i, seg.Start+i, seg.Blocks, kv)
		}
		row += seg.Rows
	}
	a.o.MulRows(s.branch, s.mixed, n)
}

// place normalizes and rotates the query and the key of a row and stores its
// key and value.
func (a *attention) place(d *Decoder, s *Scratch, layer, row, position int, table []int32, kv *KVCache) {
	c := &d.cfg
	q := s.q[row*c.Heads*c.HeadDim:][:c.Heads*c.HeadDim]
	for h := range c.Heads {
		head := q[h*c.HeadDim : (h+1)*c.HeadDim]
		tensor.RMSNorm(head, head, a.qNorm, c.Eps)
		s.rope.Rotate(head, position)
	}
	width := c.KVHeads * c.HeadDim
	k := s.k[row*width:][:width]
	for h := range c.KVHeads {
		head := k[h*c.HeadDim : (h+1)*c.HeadDim]
		tensor.RMSNorm(head, head, a.kNorm, c.Eps)
		s.rope.Rotate(head, position)
	}
	kv.store(layer, position, table, k, s.v[row*width:][:width])
}

// attend mixes the values of all positions up to the row's own into s.mixed.
// It walks the positions in order, so that the result does not depend on how
// they fall into blocks.
func (d *Decoder) attend(s *Scratch, layer, row, position int, table []int32, kv *KVCache) {
	c := &d.cfg
	group := c.Heads / c.KVHeads
	scale := float32(1 / math.Sqrt(float64(c.HeadDim)))
	keys := position + 1
	for h := range c.Heads {
		from := (row*c.Heads + h) * c.HeadDim
		q, out := s.q[from:from+c.HeadDim], s.mixed[from:from+c.HeadDim]
		scores := s.scores[:keys]
		for at := 0; at < keys; at += kv.blockSize {
			n := min(kv.blockSize, keys-at)
			tensor.Dots(scores[at:at+n], kv.keys(table[at/kv.blockSize], layer, h/group), n, q)
		}
		for i := range scores {
			scores[i] *= scale
		}
		tensor.Softmax(scores)
		clear(out)
		for at := 0; at < keys; at += kv.blockSize {
			n := min(kv.blockSize, keys-at)
			tensor.WeightedSum(out, kv.values(table[at/kv.blockSize], layer, h/group), scores[at:at+n])
		}
	}
}
