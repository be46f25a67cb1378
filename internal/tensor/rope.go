package tensor

import "math"

// Rope rotates attention heads by their position (RoPE: Su et al., 2021), in
// the layout that pairs element i with element i + dim/2. It holds a table of
// cosines and sines, which Grow extends; a Rope belongs to one goroutine.
type Rope struct {
	frequency []float32 // [dim/2], radians per position
	cos, sin  []float32 // [positions, dim/2]
}

// NewRope makes the rotation of heads of dim elements, dim being even, with
// frequencies theta^(-2i/dim). Its table is empty.
func NewRope(dim int, theta float64) *Rope {
	r := &Rope{frequency: make([]float32, dim/2)}
	for i := range r.frequency {
		// Each step is rounded to float32, as the models were trained with.
		r.frequency[i] = 1 / float32(math.Pow(theta, float64(float32(2*i)/float32(dim))))
	}
	return r
}

// Grow makes the table cover positions 0 to n-1. It allocates only if the
// table is too short, and then at least doubles it.
func (r *Rope) Grow(n int) {
	half := len(r.frequency)
	have := len(r.cos) / half
	if n <= have {
		return
	}
	n = max(n, 2*have, 64)
	cos, sin := make([]float32, n*half), make([]float32, n*half)
	copy(cos, r.cos)
	copy(sin, r.sin)
	for p := have; p < n; p++ {
		for i, f := range r.frequency {
			// So is the angle.
			s, c := math.Sincos(float64(float32(p) * f))
			cos[p*half+i], sin[p*half+i] = float32(c), float32(s)
		}
	}
	r.cos, r.sin = cos, sin
}

// Rotate turns one head by its position, which Grow has covered.
func (r *Rope) Rotate(head []float32, position int) {
	half := len(r.frequency)
	cos, sin := r.cos[position*half:(position+1)*half], r.sin[position*half:(position+1)*half]
	a, b := head[:half], head[half:2*half]
	for i, c := range cos {
		s, x, y := sin[i], a[i], b[i]
		a[i] = float32(x*c) - float32(y*s)
		b[i] = float32(y*c) + float32(x*s)
	}
}
