package qwen3omni

import (
	"strconv"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// moe is a mixture of experts: the router's few best experts for a row, added
// by their weights, and, in the talker, one expert that every row has, behind
// a gate of its own.
type moe struct {
	router     tensor.Matrix // [experts, hidden]
	experts    []mlp
	topK       int
	norm       bool
	shared     *mlp          // nil if there is none
	sharedGate tensor.Matrix // [1, hidden]
}

func newMoE(w weights, name string, c *DecoderConfig) *moe {
	m := &moe{
		router: w.matrix(name+".gate.weight", c.Experts, c.Hidden),
		topK:   c.ExpertsPerToken,
		norm:   c.NormTopK,
	}
	for e := 0; e < c.Experts && w.err() == nil; e++ {
		m.experts = append(m.experts, newMLP(w, name+".experts."+strconv.Itoa(e), c.Hidden, c.MoEIntermediate))
	}
	if c.SharedIntermediate > 0 {
		shared := newMLP(w, name+".shared_expert", c.Hidden, c.SharedIntermediate)
		m.shared = &shared
		m.sharedGate = w.matrix(name+".shared_expert_gate.weight", 1, c.Hidden)
	}
	return m
}

// moeRows bounds the rows whose experts are computed together, and by that the
// memory of their copies.
const moeRows = 512

// forward adds the mixture for the n rows of s.normed to x.
func (m *moe) forward(s *Scratch, layer int, x []float32, n int) {
	m.route(s, layer, n)
	hidden := m.router.Cols
	for at := 0; at < n; at += moeRows {
		m.mix(s, x[at*hidden:], at, min(moeRows, n-at))
	}
}

// mix adds the mixture for n rows from the first one on to x. Rows are gathered
// by expert, so that an expert's weights are read once for all rows that chose
// it, and all experts are computed together.
func (m *moe) mix(s *Scratch, x []float32, first, n int) {
	hidden, inner := m.router.Cols, m.experts[0].gate.Rows
	normed := s.normed[first*hidden:]
	m.gather(s, first, n)
	for _, g := range s.groups {
		s.products.Add(m.experts[g.expert].middle(s.gate[g.from*inner:], s.up[g.from*inner:], s.gathered[g.from*hidden:], g.rows))
	}
	if m.shared != nil {
		s.products.Add(m.shared.middle(s.sharedGate, s.sharedUp, normed, n))
		s.products.Add(tensor.Product{W: &m.sharedGate, Dst: s.sharedWeight, X: normed, N: n})
	}
	s.products.Run()
	for _, g := range s.groups {
		s.products.Add(tensor.Product{W: &m.experts[g.expert].down, Dst: s.expertOut[g.from*hidden:], X: s.gate[g.from*inner:], N: g.rows})
	}
	if m.shared != nil {
		s.products.Add(tensor.Product{W: &m.shared.down, Dst: s.sharedOut, X: s.sharedGate, N: n})
	}
	s.products.Run()

	// Each row adds its experts in the order of their ids, then the shared one.
	branch := s.branch[:n*hidden]
	clear(branch)
	for i, r := range s.rows {
		tensor.AddScaled(branch[r.row*hidden:][:hidden], s.expertOut[i*hidden:(i+1)*hidden], r.weight)
	}
	if m.shared != nil {
		for i := range n {
			tensor.AddScaled(branch[i*hidden:(i+1)*hidden], s.sharedOut[i*hidden:(i+1)*hidden], tensor.Sigmoid(s.sharedWeight[i]))
		}
	}
	tensor.Add(x[:n*hidden], branch)
}

// gather copies n rows, from the first one on, once for each expert that they
// chose, and lists the rows of each.
func (m *moe) gather(s *Scratch, first, n int) {
	hidden := m.router.Cols
	chosen, weight := s.chosen[first*m.topK:][:n*m.topK], s.chosenWeight[first*m.topK:]
	counts := s.counts[:len(m.experts)]
	clear(counts)
	for _, e := range chosen {
		counts[e]++
	}
	s.groups = s.groups[:0]
	from := 0
	for e, rows := range counts {
		if rows > 0 {
			s.groups = append(s.groups, expertGroup{e, from, rows})
		}
		counts[e] = from // where the expert's next row goes
		from += rows
	}
	s.rows = s.rows[:len(chosen)]
	for i, e := range chosen {
		at, row := counts[e], i/m.topK
		counts[e]++
		s.rows[at] = expertRow{row, weight[i]}
		copy(s.gathered[at*hidden:(at+1)*hidden], s.normed[(first+row)*hidden:])
	}
}

// expertRow is a row that an expert works for, and the row's weight for it.
type expertRow struct {
	row    int
	weight float32
}

// expertGroup is the rows of one expert among those of all.
type expertGroup struct{ expert, from, rows int }

// route chooses each row's experts, by falling probability, and their weights.
func (m *moe) route(s *Scratch, layer, n int) {
	experts := len(m.experts)
	m.router.MulRows(s.router, s.normed, n)
	if s.observer.router != nil {
		s.observer.router(layer, s.router[:n*experts])
	}
	for i := range n {
		p := s.router[i*experts : (i+1)*experts]
		tensor.Softmax(p)
		chosen, weight := s.chosen[i*m.topK:(i+1)*m.topK], s.chosenWeight[i*m.topK:(i+1)*m.topK]
		tensor.TopK(chosen, p)
		var sum float32
		for j, e := range chosen {
			weight[j] = p[e]
			sum += p[e]
		}
		if m.norm {
			for j := range weight {
				weight[j] /= sum
			}
		}
	}
	if s.observer.experts != nil {
		s.observer.experts(layer, s.chosen[:n*m.topK], s.chosenWeight[:n*m.topK])
	}
}
