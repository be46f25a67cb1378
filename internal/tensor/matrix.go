// Package tensor holds the float32 kernels of the embedded engine. Every output
// element is computed by one fixed sequence of operations, whatever the size of
// the batch and the number of cores, so that a request's numbers do not depend
// on who shares a step with it. The sequence is that of the instruction set,
// which is chosen once, at start: the processor's vectors with fused
// multiplication and addition, or plain Go, where products are rounded before
// they are added so that the sequence is the same on every platform. The sets'
// results differ in the last bits. No kernel allocates.
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

// ElementBytes is the size of a stored element: 4, or 2 for bfloat16.
func (m *Matrix) ElementBytes() int {
	if m.bf16 != nil {
		return 2
	}
	return 4
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

// MulRows writes x times the transpose of m to dst: x is [n, Cols], dst is
// [n, Rows]. Dst and x must not overlap. For several products at a time see
// Batch.
func (m *Matrix) MulRows(dst, x []float32, n int) {
	p := Product{W: m, Dst: dst, X: x, N: n}
	p.plan()
	if p.cost() < enough {
		for i := range p.tiles {
			p.tile(i)
		}
		return
	}
	var b *Batch
	select {
	case b = <-batches:
	default:
		b = new(Batch)
	}
	b.Add(p)
	b.Run()
	select {
	case batches <- b:
	default:
	}
}

// batches are those that MulRows used and will use again.
var batches = make(chan *Batch, 32)
