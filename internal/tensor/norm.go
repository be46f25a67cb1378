package tensor

import "math"

// RMSNorm writes x / sqrt(mean(x^2) + eps) * weight to dst (Zhang and Sennrich,
// 2019). The three have the same length; dst may be x.
func RMSNorm(dst, x, weight []float32, eps float32) {
	scale := float32(1 / math.Sqrt(float64(Dot(x, x)/float32(len(x))+eps)))
	dst, weight = dst[:len(x)], weight[:len(x)]
	if simd.vectors(len(x)) {
		simd.scaleMul(&dst[0], &x[0], &weight[0], scale, len(x))
		return
	}
	for i, v := range x {
		dst[i] = float32(v*scale) * weight[i]
	}
}

// RMSNormRows applies RMSNorm to each of the n rows of x, [n, len(weight)]
// row-major; dst may be x.
func RMSNormRows(dst, x, weight []float32, eps float32, n int) {
	c := len(weight)
	for i := range n {
		RMSNorm(dst[i*c:(i+1)*c], x[i*c:(i+1)*c], weight, eps)
	}
}

// LayerNorm replaces each of the n rows of x, [n, len(weight)], by
// (x - mean) / sqrt(variance + eps) * weight + bias (Ba et al., 2016).
func LayerNorm(x, weight, bias []float32, eps float32, n int) {
	c := len(weight)
	for t := range n {
		row := x[t*c : (t+1)*c]
		var sum float32
		for _, v := range row {
			sum += v
		}
		mean := sum / float32(c)
		var squares float32
		for _, v := range row {
			d := v - mean
			squares += float32(d * d)
		}
		scale := float32(1 / math.Sqrt(float64(squares/float32(c)+eps)))
		for i, v := range row {
			row[i] = float32(float32((v-mean)*scale)*weight[i]) + bias[i]
		}
	}
}
