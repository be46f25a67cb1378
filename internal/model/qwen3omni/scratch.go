package qwen3omni

import "github.com/limelight-omni/limelight/internal/tensor"

// Scratch is the working memory of a Decoder's forward passes. It grows to the
// largest batch and to the longest sequence, and stays. One belongs to one
// goroutine; a Decoder, which is read-only, may be shared by many.
type Scratch struct {
	rope     *tensor.Rope
	heads    heads
	products tensor.Batch

	// All of these have a row for each row of the batch.
	capacity     int
	normed       []float32 // [hidden]: the input of a branch
	branch       []float32 // [hidden]: its output
	q            []float32 // [heads, head dim]
	mixed        []float32 // [heads, head dim]
	k, v         []float32 // [kv heads, head dim]
	gate, up     []float32 // [inner width of a dense MLP]
	router       []float32 // [experts]
	chosen       []int32   // [experts per token]
	chosenWeight []float32 // [experts per token]

	// These have a row for each row and expert of moeRows at most; gate and up
	// do, too.
	gathered  []float32 // [hidden]: rows by expert
	expertOut []float32 // [hidden]
	rows      []expertRow
	groups    []expertGroup
	counts    []int // [experts]
	// The shared expert's have a row for each row.
	sharedGate, sharedUp []float32 // [its inner width]
	sharedOut            []float32 // [hidden]
	sharedWeight         []float32

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
	some := min(rows, moeRows)
	copies := some * c.ExpertsPerToken
	inner := max(rows*c.Intermediate, copies*c.MoEIntermediate)
	s.gate, s.up = make([]float32, inner), make([]float32, inner)
	if c.Experts == 0 {
		return
	}
	s.router = make([]float32, rows*c.Experts)
	s.chosen = make([]int32, rows*c.ExpertsPerToken)
	s.chosenWeight = make([]float32, rows*c.ExpertsPerToken)
	s.gathered = make([]float32, copies*c.Hidden)
	s.expertOut = make([]float32, copies*c.Hidden)
	s.rows = make([]expertRow, 0, copies)
	s.groups = make([]expertGroup, 0, c.Experts)
	s.counts = make([]int, c.Experts)
	if c.SharedIntermediate > 0 {
		s.sharedGate, s.sharedUp = make([]float32, some*c.SharedIntermediate), make([]float32, some*c.SharedIntermediate)
		s.sharedOut, s.sharedWeight = make([]float32, some*c.Hidden), make([]float32, some)
	}
}
