// Package tensor holds the float32 kernels of the embedded engine. Every output
// element is computed by one fixed sequence of operations, whatever the size of
// the batch, so that a request's numbers do not depend on who shares a step with
// it. Products are rounded before they are added, also where the processor could
// fuse the two, so that the sequence is the same on every platform. No kernel
// allocates.
package tensor

import "fmt"

// Matrix is a read-only matrix [Rows, Cols], row-major, whose elements are
// stored as float32 or as bfloat16. The zero value is an empty matrix.
type Matrix struct {
	Rows, Cols int
	f32        []float32
	bf16       []uint16
}

// NewMatrix makes a matrix of data, which has rows*cols elements and is kept.
func NewMatrix(rows, cols int, data []float32) Matrix {
	if len(data) != rows*cols {
		panic(fmt.Sprintf("BUG: matrix [%d,%d] of %d elements", rows, cols, len(data)))
	}
	return Matrix{Rows: rows, Cols: cols, f32: data}
}

// NewMatrixBF16 makes a matrix of bfloat16 bit patterns, which are kept as they
// are: no float32 copy is made.
func NewMatrixBF16(rows, cols int, data []uint16) Matrix {
	if len(data) != rows*cols {
		panic(fmt.Sprintf("BUG: matrix [%d,%d] of %d elements", rows, cols, len(data)))
	}
	return Matrix{Rows: rows, Cols: cols, bf16: data}
}

// Row writes row i to dst, which has Cols elements.
func (m *Matrix) Row(dst []float32, i int) {
	from, to := i*m.Cols, (i+1)*m.Cols
	if m.bf16 == nil {
		copy(dst[:m.Cols], m.f32[from:to])
		return
	}
	dst = dst[:m.Cols]
	for j, bits := range m.bf16[from:to] {
		dst[j] = widen(bits)
	}
}

// AddRow adds row i to dst, which has Cols elements.
func (m *Matrix) AddRow(dst []float32, i int) {
	from, to := i*m.Cols, (i+1)*m.Cols
	if m.bf16 == nil {
		Add(dst[:m.Cols], m.f32[from:to])
		return
	}
	dst = dst[:m.Cols]
	for j, bits := range m.bf16[from:to] {
		dst[j] += widen(bits)
	}
}

// rowsOfX is how many rows of x pass over one group of weight rows: enough
// that the weights' reading is paid once for many, few enough that these rows
// stay in the cache near the core.
const rowsOfX = 64

// MulRows writes x times the transpose of m to dst: x is [n, Cols], dst is
// [n, Rows]. Dst and x must not overlap.
func (m *Matrix) MulRows(dst, x []float32, n int) {
	if len(dst) < n*m.Rows || len(x) < n*m.Cols {
		panic(fmt.Sprintf("BUG: matrix [%d,%d] times %d rows: x has %d elements, dst %d", m.Rows, m.Cols, n, len(x), len(dst)))
	}
	for at := 0; at < n; at += rowsOfX {
		some := min(rowsOfX, n-at)
		from, to := x[at*m.Cols:(at+some)*m.Cols], dst[at*m.Rows:(at+some)*m.Rows]
		if m.bf16 != nil {
			m.mulBF16(to, from, some)
		} else {
			m.mulF32(to, from, some)
		}
	}
}

func (m *Matrix) mulF32(dst, x []float32, n int) {
	c, r := m.Cols, 0
	for ; r+4 <= m.Rows; r += 4 {
		w := m.f32[r*c : (r+4)*c]
		w0, w1, w2, w3 := w[:c], w[c:2*c], w[2*c:3*c], w[3*c:4*c]
		for i := range n {
			d := dst[i*m.Rows+r : i*m.Rows+r+4 : i*m.Rows+r+4]
			d[0], d[1], d[2], d[3] = dot4(w0, w1, w2, w3, x[i*c:(i+1)*c])
		}
	}
	for ; r < m.Rows; r++ {
		w := m.f32[r*c : (r+1)*c]
		for i := range n {
			dst[i*m.Rows+r] = Dot(w, x[i*c:(i+1)*c])
		}
	}
}

// mulBF16 shares the widening of a weight between four rows of x where there
// are that many.
func (m *Matrix) mulBF16(dst, x []float32, n int) {
	c, i := m.Cols, 0
	for ; i+4 <= n; i += 4 {
		x0, x1, x2, x3 := x[i*c:(i+1)*c], x[(i+1)*c:(i+2)*c], x[(i+2)*c:(i+3)*c], x[(i+3)*c:(i+4)*c]
		d0, d1, d2, d3 := dst[i*m.Rows:(i+1)*m.Rows], dst[(i+1)*m.Rows:(i+2)*m.Rows], dst[(i+2)*m.Rows:(i+3)*m.Rows], dst[(i+3)*m.Rows:(i+4)*m.Rows]
		for r := range m.Rows {
			d0[r], d1[r], d2[r], d3[r] = dot4x(x0, x1, x2, x3, m.bf16[r*c:(r+1)*c])
		}
	}
	for ; i < n; i++ {
		xi, d := x[i*c:(i+1)*c], dst[i*m.Rows:(i+1)*m.Rows]
		r := 0
		for ; r+4 <= m.Rows; r += 4 {
			w := m.bf16[r*c : (r+4)*c]
			d[r], d[r+1], d[r+2], d[r+3] = dot4w(w[:c], w[c:2*c], w[2*c:3*c], w[3*c:4*c], xi)
		}
		for ; r < m.Rows; r++ {
			d[r] = dotBF16(m.bf16[r*c:(r+1)*c], xi)
		}
	}
}
