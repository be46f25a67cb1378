package qwen3omni

import "github.com/limelight-omni/limelight/internal/tensor"

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

// forward adds the attention's output for the n rows of s.normed, which
// s.heads knows how to divide, to x.
func (a *attention) forward(d *Decoder, s *Scratch, layer int, x []float32, n int, kv *KVCache) {
	s.products.Add(tensor.Product{W: &a.q, Dst: s.q, X: s.normed, N: n})
	s.products.Add(tensor.Product{W: &a.k, Dst: s.k, X: s.normed, N: n})
	s.products.Add(tensor.Product{W: &a.v, Dst: s.v, X: s.normed, N: n})
	s.products.Run()
	s.heads.run(d, a, s, layer, kv)
	s.products.Add(tensor.Product{W: &a.o, Dst: s.branch, X: s.mixed, N: n, Residual: x})
	s.products.Run()
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
