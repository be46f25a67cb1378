package tensor

import "math"

// Exp returns e to the x.
func Exp(x float32) float32 { return float32(math.Exp(float64(x))) }

// Sigmoid returns 1 / (1 + e^-x).
func Sigmoid(x float32) float32 { return 1 / (1 + Exp(-x)) }

// SiLU replaces each element of x by x * sigmoid(x).
func SiLU(x []float32) {
	if simd.vectors(len(x)) {
		simd.silu(&x[0], len(x))
		return
	}
	for i, v := range x {
		x[i] = v / (1 + Exp(-v))
	}
}

// SiLUMul replaces each element of gate by silu(gate) * up, the middle of a
// gated MLP (SwiGLU: Shazeer, 2020).
func SiLUMul(gate, up []float32) {
	up = up[:len(gate)]
	if simd.vectors(len(gate)) {
		simd.siluMul(&gate[0], &up[0], len(gate))
		return
	}
	for i, v := range gate {
		gate[i] = v / (1 + Exp(-v)) * up[i]
	}
}

// Softmax replaces x by its softmax. X has at least one element.
func Softmax(x []float32) { SoftmaxScaled(x, 1) }

// SoftmaxScaled replaces x by the softmax of x times a positive factor, as
// attention has it. X has at least one element.
func SoftmaxScaled(x []float32, factor float32) {
	if simd.vectors(len(x)) {
		sum := simd.expSum(&x[0], simd.maximum(&x[0], len(x)), factor, len(x))
		simd.scale(&x[0], 1/sum, len(x))
		return
	}
	most := x[0]
	for _, v := range x[1:] {
		most = max(most, v)
	}
	var sum float32
	for i, v := range x {
		e := Exp(float32(v-most) * factor)
		x[i] = e
		sum += e
	}
	for i := range x {
		x[i] /= sum
	}
}

// GELU replaces each element of x by x * Phi(x), with the exact normal
// distribution function (Hendrycks and Gimpel, 2016).
func GELU(x []float32) {
	for i, v := range x {
		x[i] = float32(float64(v) * 0.5 * (1 + math.Erf(float64(v)/math.Sqrt2)))
	}
}
