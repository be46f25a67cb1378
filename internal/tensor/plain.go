package tensor

// mulPlain writes the sums of m's rows r0 to r1-1, columns from to from+cols-1,
// with n rows of x, [n, cols], to dst, [n, Rows], or adds them to it.
func (m *Matrix) mulPlain(dst []float32, r0, r1 int, x []float32, n, from, cols int, add bool) {
	if m.bf16 != nil {
		m.mulPlainBF16(dst, r0, r1, x, n, from, cols, add)
		return
	}
	weights := func(r int) []float32 { return m.f32[r*m.Cols+from : r*m.Cols+from+cols] }
	r := r0
	for ; r+4 <= r1; r += 4 {
		w0, w1, w2, w3 := weights(r), weights(r+1), weights(r+2), weights(r+3)
		for i := range n {
			s0, s1, s2, s3 := dot4(w0, w1, w2, w3, x[i*cols:(i+1)*cols])
			put(&dst[i*m.Rows+r], s0, add)
			put(&dst[i*m.Rows+r+1], s1, add)
			put(&dst[i*m.Rows+r+2], s2, add)
			put(&dst[i*m.Rows+r+3], s3, add)
		}
	}
	for ; r < r1; r++ {
		w := weights(r)
		for i := range n {
			put(&dst[i*m.Rows+r], dot(w, x[i*cols:(i+1)*cols]), add)
		}
	}
}

// mulPlainBF16 shares the widening of a weight between four rows of x where
// there are that many.
func (m *Matrix) mulPlainBF16(dst []float32, r0, r1 int, x []float32, n, from, cols int, add bool) {
	weights := func(r int) []uint16 { return m.bf16[r*m.Cols+from : r*m.Cols+from+cols] }
	i := 0
	for ; i+4 <= n; i += 4 {
		x0, x1, x2, x3 := x[i*cols:(i+1)*cols], x[(i+1)*cols:(i+2)*cols], x[(i+2)*cols:(i+3)*cols], x[(i+3)*cols:(i+4)*cols]
		for r := r0; r < r1; r++ {
			s0, s1, s2, s3 := dot4x(x0, x1, x2, x3, weights(r))
			put(&dst[i*m.Rows+r], s0, add)
			put(&dst[(i+1)*m.Rows+r], s1, add)
			put(&dst[(i+2)*m.Rows+r], s2, add)
			put(&dst[(i+3)*m.Rows+r], s3, add)
		}
	}
	for ; i < n; i++ {
		xi, d, r := x[i*cols:(i+1)*cols], dst[i*m.Rows:(i+1)*m.Rows], r0
		for ; r+4 <= r1; r += 4 {
			s0, s1, s2, s3 := dot4w(weights(r), weights(r+1), weights(r+2), weights(r+3), xi)
			put(&d[r], s0, add)
			put(&d[r+1], s1, add)
			put(&d[r+2], s2, add)
			put(&d[r+3], s3, add)
		}
		for ; r < r1; r++ {
			put(&d[r], dotBF16(weights(r), xi), add)
		}
	}
}

func put(dst *float32, v float32, add bool) {
	if add {
		v += *dst
	}
	*dst = v
}
