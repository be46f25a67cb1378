package qwen3omni

import "github.com/limelight-omni/limelight/internal/tensor"

// mlp is a gated MLP: down(silu(gate(x)) * up(x)).
type mlp struct {
	gate, up, down tensor.Matrix
}

func newMLP(w weights, name string, hidden, inner int) mlp {
	return mlp{
		gate: w.matrix(name+".gate_proj.weight", inner, hidden),
		up:   w.matrix(name+".up_proj.weight", inner, hidden),
		down: w.matrix(name+".down_proj.weight", hidden, inner),
	}
}

// forward writes the MLP of n rows of x to dst. It uses s.gate and s.up.
func (m *mlp) forward(s *Scratch, dst, x []float32, n int) {
	inner := n * m.gate.Rows
	m.gate.MulRows(s.gate, x, n)
	m.up.MulRows(s.up, x, n)
	tensor.SiLUMul(s.gate[:inner], s.up[:inner])
	m.down.MulRows(dst, s.gate, n)
}
