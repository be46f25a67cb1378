package tensor

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkMulRows multiplies one decode row, a small batch and a prefill with
// a matrix that no cache holds; GFLOP/s count a multiplication and an addition
// for each weight and row.
func BenchmarkMulRows(b *testing.B) {
	const rows, cols = 2048, 2048
	r := rand.New(rand.NewPCG(1, 1))
	bits, values := rounded(random(r, rows*cols))
	for _, kind := range []struct {
		name   string
		matrix Matrix
	}{
		{"float32", NewMatrix(rows, cols, values)},
		{"bfloat16", NewMatrixBF16(rows, cols, bits)},
	} {
		for _, n := range []int{1, 4, 64} {
			b.Run(fmt.Sprintf("%s/rows=%d", kind.name, n), func(b *testing.B) {
				x, dst := random(r, n*cols), make([]float32, n*rows)
				b.ReportAllocs()
				for b.Loop() {
					kind.matrix.MulRows(dst, x, n)
				}
				b.ReportMetric(2*rows*cols*float64(n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
