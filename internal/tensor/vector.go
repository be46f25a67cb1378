package tensor

// Add adds x to dst, element by element.
func Add(dst, x []float32) {
	dst = dst[:len(x)]
	if simd.vectors(len(x)) {
		simd.add(&dst[0], &x[0], len(x))
		return
	}
	for i, v := range x {
		dst[i] += v
	}
}

// AddScaled adds scale*x to dst, element by element.
func AddScaled(dst, x []float32, scale float32) {
	dst = dst[:len(x)]
	if simd.vectors(len(x)) {
		simd.addScaled(&dst[0], &x[0], scale, len(x))
		return
	}
	for i, v := range x {
		dst[i] += float32(scale * v)
	}
}

// AddBias adds bias to each of the n rows of dst, [n, len(bias)] row-major.
func AddBias(dst, bias []float32, n int) {
	for i := range n {
		Add(dst[i*len(bias):(i+1)*len(bias)], bias)
	}
}

// WeightedSum adds to dst the rows of a, [len(weights), len(dst)] row-major,
// each times its weight, one row after the other.
func WeightedSum(dst, a, weights []float32) {
	c := len(dst)
	if simd.whole(c) && len(weights) > 0 {
		a = a[:c*len(weights)]
		simd.weightedSum(&dst[0], &a[0], &weights[0], len(weights), c)
		return
	}
	for len(weights) >= 4 {
		w0, w1, w2, w3 := weights[0], weights[1], weights[2], weights[3]
		r0, r1, r2, r3 := a[:c], a[c:2*c], a[2*c:3*c], a[3*c:4*c]
		r0, r1, r2, r3 = r0[:c], r1[:c], r2[:c], r3[:c]
		for i := range dst {
			s := dst[i] + float32(w0*r0[i])
			s += float32(w1 * r1[i])
			s += float32(w2 * r2[i])
			dst[i] = s + float32(w3*r3[i])
		}
		a, weights = a[4*c:], weights[4:]
	}
	for i, w := range weights {
		AddScaled(dst, a[i*c:(i+1)*c], w)
	}
}

// AddProduct adds x times y to dst, element by element.
func AddProduct(dst, x, y []float32) {
	dst, y = dst[:len(x)], y[:len(x)]
	if simd.vectors(len(x)) {
		simd.addProduct(&dst[0], &x[0], &y[0], len(x))
		return
	}
	for i, v := range x {
		dst[i] += float32(v * y[i])
	}
}

// Mul multiplies each of the n rows of dst, [n, len(x)], by x.
func Mul(dst, x []float32, n int) {
	for t := range n {
		row := dst[t*len(x) : (t+1)*len(x)]
		if simd.vectors(len(x)) {
			simd.mul(&row[0], &x[0], len(x))
			continue
		}
		for i, v := range x {
			row[i] *= v
		}
	}
}

// Scale multiplies each element of x by factor.
func Scale(x []float32, factor float32) {
	if simd.vectors(len(x)) {
		simd.scale(&x[0], factor, len(x))
		return
	}
	for i := range x {
		x[i] *= factor
	}
}
