package qwen3omni

import (
	"math"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// heads is an attention between its matrices, in parts that cores can share:
// first the rows' queries and keys are made ready, then the rows attend. A
// part of the first kind is a chunk of rows, one of the second kind a chunk and
// a key head with all query heads that read it.
type heads struct {
	chunks []chunk
	scores [][]float32 // of each worker; [query heads of a key head, chunk's rows, keys]

	// Work of all chunks together, in multiplications.
	placing, attending int

	// What is being done.
	decoder   *Decoder
	attention *attention
	scratch   *Scratch
	layer     int
	kv        *KVCache
	attend    bool
}

// chunk is a few consecutive rows of one sequence.
type chunk struct {
	row, rows int
	position  int // of the first row
	table     []int32
}

// chunkRows bounds a chunk: rows that share the reading of keys.
const chunkRows = 12

// divide cuts a batch into chunks. They serve all layers.
func (h *heads) divide(d *Decoder, segs []Segment) {
	c := &d.cfg
	h.chunks = h.chunks[:0]
	h.placing, h.attending = 0, 0
	row, longest := 0, 0
	for _, seg := range segs {
		for at := 0; at < seg.Rows; at += chunkRows {
			n := min(chunkRows, seg.Rows-at)
			h.chunks = append(h.chunks, chunk{row + at, n, seg.Start + at, seg.Blocks})
			keys := seg.Start + at + n
			longest = max(longest, n*keys)
			// A number's way from memory counts as eight multiplications.
			h.attending += keys * c.HeadDim * 2 * (n*c.Heads + 8*c.KVHeads)
		}
		row += seg.Rows
	}
	h.placing = row * (c.Heads + c.KVHeads) * c.HeadDim * 16
	if h.scores == nil {
		h.scores = make([][]float32, tensor.Workers)
	}
	if n := longest * c.Heads / c.KVHeads; n > len(h.scores[0]) {
		for i := range h.scores {
			h.scores[i] = make([]float32, max(n, 2*len(h.scores[i])))
		}
	}
}

// run computes one layer's attention from s.q, s.k and s.v to s.mixed.
func (h *heads) run(d *Decoder, a *attention, s *Scratch, layer int, kv *KVCache) {
	h.decoder, h.attention, h.scratch, h.layer, h.kv = d, a, s, layer, kv
	h.attend = false
	tensor.Run(len(h.chunks), h.placing, h)
	h.attend = true
	tensor.Run(len(h.chunks)*d.cfg.KVHeads, h.attending, h)
}

// Tile implements tensor.Tiles.
func (h *heads) Tile(worker, i int) {
	if h.attend {
		n := h.decoder.cfg.KVHeads
		h.mix(h.scores[worker], &h.chunks[i/n], i%n)
		return
	}
	c := &h.chunks[i]
	for j := range c.rows {
		h.attention.place(h.decoder, h.scratch, h.layer, c.row+j, c.position+j, c.table, h.kv)
	}
}

// mix writes to the scratch's mixed rows, for a chunk and the query heads of
// one key head, the values of all positions up to each row's own, weighted. It
// walks the positions in order, so that the result does not depend on how they
// fall into blocks.
func (h *heads) mix(scores []float32, c *chunk, kvHead int) {
	cfg, s, kv := &h.decoder.cfg, h.scratch, h.kv
	group, dim := cfg.Heads/cfg.KVHeads, cfg.HeadDim
	// Rows of queries and of results: [row of the chunk][head of the group].
	width := cfg.Heads * dim
	first := c.row*width + kvHead*group*dim
	keys := c.position + c.rows
	for at := 0; at < keys; at += kv.blockSize {
		n := min(kv.blockSize, keys-at)
		block := kv.keys(c.table[at/kv.blockSize], h.layer, kvHead)
		if c.rows == 1 {
			tensor.DotsRows(scores[at:], keys, block, n, s.q[first:], dim, dim, group)
			continue
		}
		for g := range group {
			tensor.DotsRows(scores[g*c.rows*keys+at:], keys, block, n, s.q[first+g*dim:], dim, width, c.rows)
		}
	}
	factor := float32(1 / math.Sqrt(float64(dim)))
	for g := range group {
		for i := range c.rows {
			tensor.SoftmaxScaled(scores[(g*c.rows+i)*keys:][:c.position+i+1], factor)
			clear(s.mixed[first+i*width+g*dim:][:dim])
		}
	}
	for at := 0; at < keys; at += kv.blockSize {
		block := kv.values(c.table[at/kv.blockSize], h.layer, kvHead)
		for g := range group {
			for i := range c.rows {
				if n := min(kv.blockSize, c.position+i+1-at); n > 0 {
					tensor.WeightedSum(s.mixed[first+i*width+g*dim:][:dim], block, scores[(g*c.rows+i)*keys+at:][:n])
				}
			}
		}
	}
}

var _ tensor.Tiles = (*heads)(nil)
