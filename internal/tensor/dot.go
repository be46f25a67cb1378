package tensor

import (
	"math"
	"unsafe"
)

// Dot returns the dot product of a and b, which have the same length.
func Dot(a, b []float32) float32 {
	var sum [1]float32
	Dots(sum[:], a, 1, b)
	return sum[0]
}

// Dots writes the dot product of x with each of n rows of a, [n, len(x)]
// row-major, to dst.
func Dots(dst, a []float32, n int, x []float32) {
	DotsRows(dst, n, a, n, x, len(x), len(x), 1)
}

// DotsRows writes, for each of some rows of x, its dot products with each of n
// rows of a, [n, cols] row-major. The rows of x are cols long and xStride
// apart; their results are dstStride apart. All bits are those of Dots.
func DotsRows(dst []float32, dstStride int, a []float32, n int, x []float32, cols, xStride, rows int) {
	if n == 0 || rows == 0 {
		return
	}
	a = a[:n*cols]
	if !simd.whole(cols) {
		for i := range rows {
			dotsPlain(dst[i*dstStride:i*dstStride+n], a, n, x[i*xStride:i*xStride+cols])
		}
		return
	}
	_, _ = dst[(rows-1)*dstStride+n-1], x[(rows-1)*xStride+cols-1]
	p := panel{
		dstStride: 4 * dstStride,
		w:         unsafe.Pointer(&a[0]),
		wStride:   4 * cols,
		rows:      n,
		xStride:   4 * xStride,
		taps:      1,
		cols:      cols,
	}
	for i := 0; i < rows; {
		some := rowGroup(rows - i)
		p.dst, p.x = unsafe.Pointer(&dst[i*dstStride]), unsafe.Pointer(&x[i*xStride])
		mulPanel(&p, false, some)
		i += some
	}
}

// Every dot product of the plain kernels is summed in the same order: the even
// elements in one accumulator, the odd ones in another, and the two at the end.
// The kernels differ only in how many products share their loads.

func dot(a, b []float32) float32 {
	a = a[:len(b)]
	var s0, s1 float32
	for len(b) >= 4 {
		p, x := a[:4:4], b[:4:4]
		s0 += float32(p[0] * x[0])
		s1 += float32(p[1] * x[1])
		s0 += float32(p[2] * x[2])
		s1 += float32(p[3] * x[3])
		a, b = a[4:], b[4:]
	}
	for i, x := range b {
		if i&1 == 0 {
			s0 += float32(a[i] * x)
		} else {
			s1 += float32(a[i] * x)
		}
	}
	return s0 + s1
}

func dotsPlain(dst, a []float32, n int, x []float32) {
	c, r := len(x), 0
	dst = dst[:n]
	for ; r+4 <= n; r += 4 {
		w := a[r*c : (r+4)*c]
		dst[r], dst[r+1], dst[r+2], dst[r+3] = dot4(w[:c], w[c:2*c], w[2*c:3*c], w[3*c:4*c], x)
	}
	for ; r < n; r++ {
		dst[r] = dot(a[r*c:(r+1)*c], x)
	}
}

func dot4(a0, a1, a2, a3, b []float32) (float32, float32, float32, float32) {
	a0, a1, a2, a3 = a0[:len(b)], a1[:len(b)], a2[:len(b)], a3[:len(b)]
	var s0, s1, t0, t1, u0, u1, v0, v1 float32
	for len(b) >= 4 {
		p, q, r, s, x := a0[:4:4], a1[:4:4], a2[:4:4], a3[:4:4], b[:4:4]
		s0 += float32(p[0] * x[0])
		s1 += float32(p[1] * x[1])
		t0 += float32(q[0] * x[0])
		t1 += float32(q[1] * x[1])
		u0 += float32(r[0] * x[0])
		u1 += float32(r[1] * x[1])
		v0 += float32(s[0] * x[0])
		v1 += float32(s[1] * x[1])
		s0 += float32(p[2] * x[2])
		s1 += float32(p[3] * x[3])
		t0 += float32(q[2] * x[2])
		t1 += float32(q[3] * x[3])
		u0 += float32(r[2] * x[2])
		u1 += float32(r[3] * x[3])
		v0 += float32(s[2] * x[2])
		v1 += float32(s[3] * x[3])
		a0, a1, a2, a3, b = a0[4:], a1[4:], a2[4:], a3[4:], b[4:]
	}
	for i, x := range b {
		if i&1 == 0 {
			s0 += float32(a0[i] * x)
			t0 += float32(a1[i] * x)
			u0 += float32(a2[i] * x)
			v0 += float32(a3[i] * x)
		} else {
			s1 += float32(a0[i] * x)
			t1 += float32(a1[i] * x)
			u1 += float32(a2[i] * x)
			v1 += float32(a3[i] * x)
		}
	}
	return s0 + s1, t0 + t1, u0 + u1, v0 + v1
}

// widen returns the value of a bfloat16 bit pattern.
func widen(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }

func dotBF16(w []uint16, x []float32) float32 {
	w = w[:len(x)]
	var s0, s1 float32
	for i, v := range x {
		if i&1 == 0 {
			s0 += float32(widen(w[i]) * v)
		} else {
			s1 += float32(widen(w[i]) * v)
		}
	}
	return s0 + s1
}

// dot4w multiplies four rows of bfloat16 weights with one x.
func dot4w(a0, a1, a2, a3 []uint16, b []float32) (float32, float32, float32, float32) {
	a0, a1, a2, a3 = a0[:len(b)], a1[:len(b)], a2[:len(b)], a3[:len(b)]
	var s0, s1, t0, t1, u0, u1, v0, v1 float32
	i := 0
	for ; i+2 <= len(b); i += 2 {
		x0, x1 := b[i], b[i+1]
		s0 += float32(widen(a0[i]) * x0)
		s1 += float32(widen(a0[i+1]) * x1)
		t0 += float32(widen(a1[i]) * x0)
		t1 += float32(widen(a1[i+1]) * x1)
		u0 += float32(widen(a2[i]) * x0)
		u1 += float32(widen(a2[i+1]) * x1)
		v0 += float32(widen(a3[i]) * x0)
		v1 += float32(widen(a3[i+1]) * x1)
	}
	if i < len(b) {
		s0 += float32(widen(a0[i]) * b[i])
		t0 += float32(widen(a1[i]) * b[i])
		u0 += float32(widen(a2[i]) * b[i])
		v0 += float32(widen(a3[i]) * b[i])
	}
	return s0 + s1, t0 + t1, u0 + u1, v0 + v1
}

// dot4x multiplies four rows of x with one row of bfloat16 weights.
func dot4x(a0, a1, a2, a3 []float32, b []uint16) (float32, float32, float32, float32) {
	a0, a1, a2, a3 = a0[:len(b)], a1[:len(b)], a2[:len(b)], a3[:len(b)]
	var s0, s1, t0, t1, u0, u1, v0, v1 float32
	i := 0
	for ; i+2 <= len(b); i += 2 {
		x0, x1 := widen(b[i]), widen(b[i+1])
		s0 += float32(a0[i] * x0)
		s1 += float32(a0[i+1] * x1)
		t0 += float32(a1[i] * x0)
		t1 += float32(a1[i+1] * x1)
		u0 += float32(a2[i] * x0)
		u1 += float32(a2[i+1] * x1)
		v0 += float32(a3[i] * x0)
		v1 += float32(a3[i+1] * x1)
	}
	if i < len(b) {
		x := widen(b[i])
		s0 += float32(a0[i] * x)
		t0 += float32(a1[i] * x)
		u0 += float32(a2[i] * x)
		v0 += float32(a3[i] * x)
	}
	return s0 + s1, t0 + t1, u0 + u1, v0 + v1
}
