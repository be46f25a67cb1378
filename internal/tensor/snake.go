package tensor

import "math"

// Snake is the SnakeBeta activation (BigVGAN: Lee et al., 2023), per channel:
// x + sin(x*exp(alpha))^2 / (exp(beta) + 1e-9), of parameters stored as logs.
type Snake struct {
	frequency []float32 // exp(alpha)
	scale     []float32 // 1 / (exp(beta) + 1e-9)
}

// NewSnake makes the activation of alpha and beta, one of each a channel.
func NewSnake(alpha, beta []float32) Snake {
	s := Snake{frequency: make([]float32, len(alpha)), scale: make([]float32, len(beta))}
	for i := range alpha {
		s.frequency[i] = Exp(alpha[i])
		s.scale[i] = 1 / (Exp(beta[i]) + 1e-9)
	}
	return s
}

// Forward writes the activation of the n rows of x, [n, channels], to dst,
// which may be x.
func (s *Snake) Forward(dst, x []float32, n int) {
	c := len(s.frequency)
	for t := range n {
		s.channels(dst[t*c:(t+1)*c], x[t*c:(t+1)*c], 0)
	}
}

// row writes the activation of some columns, from first on, to dst. Column c is
// channel c modulo the number of channels.
func (s *Snake) row(dst, x []float32, first int) {
	channels := len(s.frequency)
	for first %= channels; first+len(x) > channels; first = 0 {
		n := channels - first
		s.channels(dst[:n], x[:n], first)
		dst, x = dst[n:], x[n:]
	}
	s.channels(dst, x, first)
}

func (s *Snake) channels(dst, x []float32, first int) {
	frequency, scale := s.frequency[first:first+len(x)], s.scale[first:first+len(x)]
	dst = dst[:len(x)]
	if simd.vectors(len(x)) {
		simd.snake(&dst[0], &x[0], &frequency[0], &scale[0], len(x))
		return
	}
	for i, v := range x {
		dst[i] = v + float32(sin2(float32(v*frequency[i]))*scale[i])
	}
}

// sin2 returns sin(x)^2, which has period pi: x is reduced to within half a
// period of zero in float64, and the series of the sine, up to its eleventh
// power, is squared. The error is below 5e-7 for |x| up to 1e6.
func sin2(x float32) float32 {
	const toInteger = 3 << 51 // added and taken away, it rounds to an integer
	v := float64(x)
	turns := float64(v*(1/math.Pi)) + toInteger
	turns -= toInteger
	y := float32(v - float64(turns*math.Pi))
	z := float32(y * y)
	p := float32(-2.5052108e-08)
	p = float32(p*z) + 2.7557319e-06
	p = float32(p*z) - 1.9841270e-04
	p = float32(p*z) + 8.3333333e-03
	p = float32(p*z) - 1.6666667e-01
	p = float32(p*z) + 1
	s := float32(p * y)
	return float32(s * s)
}
