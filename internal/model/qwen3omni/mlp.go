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

// middle is the inner half for n rows of x. It goes to gate, [n, inner]; up is
// working memory of the same size.
func (m *mlp) middle(gate, up, x []float32, n int) tensor.Product {
	return tensor.Product{W: &m.gate, Dst: gate, X: x, N: n, Up: &m.up, UpDst: up}
}

// forward computes the MLP of n rows of x. Out says where the result goes and
// what becomes of it. It uses s.gate and s.up.
func (m *mlp) forward(s *Scratch, x []float32, n int, out tensor.Product) {
	s.products.Add(m.middle(s.gate, s.up, x, n))
	s.products.Run()
	out.W, out.X, out.N = &m.down, s.gate, n
	s.products.Add(out)
	s.products.Run()
}
