package qwen3omni

import "github.com/limelight-omni/limelight/internal/tensor"

// Scratch is the working memory of a Decoder's forward passes. It grows to the
// largest batch and to the longest sequence, and stays. One belongs to one
// goroutine; a Decoder, which is read-only, may be shared by many.
type Scratch struct {
	rope   *tensor.Rope
	scores []float32 // [longest sequence]

	// All of these have a row for each row of the batch.
	capacity     int
	normed       []float32 // [hidden]: the input of a branch
	branch       []float32 // [hidden]: its output
	q            []float32 // [heads, head dim]
	mixed        []float32 // [heads, head dim]
	k, v         []float32 // [kv heads, head dim]
	gate, up     []float32 // [widest MLP]
	router       []float32 // [experts]
	chosen       []int32   // [experts per token]
	chosenWeight []float32 // [experts per token]
	gathered     []float32 // [hidden]: the rows of one expert
	expertOut    []float32 // [hidden]
	rows         []expertRow

	projected []float32 // [rows, inner width] of a projection; it grows by itself

	observer observer
}

// observer is told of intermediate values, for tests; nil functions are not
// called. The slices are only valid during the call.
type observer struct {
	hidden  func(layer int, x []float32)                       // residual stream after a layer
	router  func(layer int, logits []float32)                  // [rows, experts]
	experts func(layer int, chosen []int32, weights []float32) // [rows, experts per token]
}

// NewScratch makes working memory, which is empty until it is used.
func (d *Decoder) NewScratch() *Scratch {
	return &Scratch{rope: tensor.NewRope(d.cfg.HeadDim, d.cfg.RopeTheta)}
}

// fit makes room for a batch of that many rows, none of which lies beyond the
// number of positions.
func (s *Scratch) fit(d *Decoder, rows, positions int) {
	s.rope.Grow(positions)
	if positions > len(s.scores) {
		s.scores = make([]float32, max(positions, 2*len(s.scores), 64))
	}
	if rows <= s.capacity {
		return
	}
	c := &d.cfg
	s.capacity = rows
	s.normed = make([]float32, rows*c.Hidden)
	s.branch = make([]float32, rows*c.Hidden)
	s.q = make([]float32, rows*c.Heads*c.HeadDim)
	s.mixed = make([]float32, rows*c.Heads*c.HeadDim)
	s.k = make([]float32, rows*c.KVHeads*c.HeadDim)
	s.v = make([]float32, rows*c.KVHeads*c.HeadDim)
	inner := max(c.Intermediate, c.MoEIntermediate, c.SharedIntermediate)
	s.gate = make([]float32, rows*inner)
	s.up = make([]float32, rows*inner)
	if c.Experts == 0 {
		return
	}
	s.router = make([]float32, rows*c.Experts)
	s.chosen = make([]int32, rows*c.ExpertsPerToken)
	s.chosenWeight = make([]float32, rows*c.ExpertsPerToken)
	s.gathered = make([]float32, rows*c.Hidden)
	s.expertOut = make([]float32, rows*c.Hidden)
	s.rows = make([]expertRow, 0, rows)
}
