package tensor

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkMulRows multiplies one decode row, small batches and a prefill with
// a matrix that no cache holds; GFLOP/s count a multiplication and an addition
// for each weight and row, GB/s the reading of the weights.
func BenchmarkMulRows(b *testing.B) {
	const rows, cols = 32768, 1024
	r := rand.New(rand.NewPCG(1, 1))
	few, _ := rounded(random(r, 1<<16))
	bits := make([]uint16, 0, rows*cols)
	for len(bits) < cap(bits) {
		bits = append(bits, few...)
	}
	values := make([]float32, len(bits))
	for i, v := range bits {
		values[i] = widen(v)
	}
	for _, kind := range []struct {
		name   string
		size   float64
		matrix Matrix
	}{
		{"float32", 4, NewMatrix(rows, cols, values)},
		{"bfloat16", 2, NewMatrixBF16(rows, cols, bits)},
	} {
		for _, n := range []int{1, 2, 4, 8, 32, 256} {
			b.Run(fmt.Sprintf("%s/rows=%d", kind.name, n), func(b *testing.B) {
				x, dst := random(r, n*cols), make([]float32, n*rows)
				b.ReportAllocs()
				for b.Loop() {
					kind.matrix.MulRows(dst, x, n)
				}
				ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
				b.ReportMetric(2*rows*cols*float64(n)/ns, "GFLOP/s")
				b.ReportMetric(rows*cols*kind.size/ns, "GB/s")
			})
		}
	}
}
