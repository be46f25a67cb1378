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

// forward writes the mixture for the n rows of s.normed to s.branch.
func (m *moe) forward(s *Scratch, layer, n int) {
	m.route(s, layer, n)
	hidden := m.router.Cols
	clear(s.branch[:n*hidden])
	// One expert after the other, so that its weights are read once for all rows
	// that chose it, and each row adds its experts in the order of their ids.
	for e := range m.experts {
		s.rows = s.rows[:0]
		for i, chosen := range s.chosen[:n*m.topK] {
			if int(chosen) == e {
				row := i / m.topK
				copy(s.gathered[len(s.rows)*hidden:][:hidden], s.normed[row*hidden:])
				s.rows = append(s.rows, expertRow{row, s.chosenWeight[i]})
			}
		}
		if len(s.rows) == 0 {
			continue
		}
		m.experts[e].forward(s, s.expertOut, s.gathered, len(s.rows))
		for i, r := range s.rows {
			tensor.AddScaled(s.branch[r.row*hidden:][:hidden], s.expertOut[i*hidden:(i+1)*hidden], r.weight)
		}
	}
	if m.shared == nil {
		return
	}
	m.shared.forward(s, s.expertOut, s.normed, n)
	m.sharedGate.MulRows(s.gate, s.normed, n)
	for i := range n {
		tensor.AddScaled(s.branch[i*hidden:(i+1)*hidden], s.expertOut[i*hidden:(i+1)*hidden], tensor.Sigmoid(s.gate[i]))
	}
}

// expertRow is a row that an expert works for, and the row's weight for it.
type expertRow struct {
	row    int
	weight float32
}

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
