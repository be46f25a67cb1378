package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// with makes the kernels use s until the test ends.
func with(t *testing.T, s *instructions) {
	best := simd
	simd = s
	t.Cleanup(func() { simd = best })
}

// withEach runs f once for each instruction set that the processor has.
func withEach(t *testing.T, f func(t *testing.T)) {
	for _, s := range available() {
		with(t, s)
		t.Run(s.name, f)
	}
}

// A row's bits are the same whatever rows of x and of the weights a kernel
// takes at a time.
func TestProductsHaveTheSameBitsAloneAndInACrowd(t *testing.T) {
	withEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, cols := range []int{16, 24, 64, 160} {
			for _, rows := range []int{1, 3, 8, 13, 40} {
				bits, values := rounded(random(r, rows*cols))
				x := random(r, 100*cols)
				short, long := NewMatrixBF16(rows, cols, bits), NewMatrix(rows, cols, values)
				for _, n := range []int{1, 2, 3, 5, 6, 7, 13, 97, 100} {
					got, other := make([]float32, n*rows), make([]float32, n*rows)
					short.MulRows(got, x, n)
					long.MulRows(other, x, n)
					if simd != plain && !slices.Equal(got, other) {
						t.Fatalf("[%d,%d] times %d: bfloat16 and float32 differ", rows, cols, n)
					}
					for i := range n {
						for j := range rows {
							xi, w := x[i*cols:(i+1)*cols], values[j*cols:(j+1)*cols]
							if alone := Dot(w, xi); other[i*rows+j] != alone {
								t.Fatalf("[%d,%d] times %d: [%d,%d] is %v, alone %v", rows, cols, n, i, j, other[i*rows+j], alone)
							}
							var want, size float64
							for k := range w {
								want += float64(w[k]) * float64(xi[k])
								size += math.Abs(float64(w[k]) * float64(xi[k]))
							}
							if math.Abs(float64(got[i*rows+j])-want) > 1e-6*size {
								t.Fatalf("[%d,%d] times %d: [%d,%d] is %v, want %v", rows, cols, n, i, j, got[i*rows+j], want)
							}
						}
					}
				}
			}
		}
	})
}

func TestConvolutionTapsAreSummedAlikeWhateverTheRows(t *testing.T) {
	withEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		const rows, cols, taps, n = 11, 32, 3, 20
		for _, dilation := range []int{1, 4} {
			w := NewMatrix(rows, taps*cols, random(r, rows*taps*cols))
			x := random(r, (n+(taps-1)*dilation)*cols)
			multiply := func(x []float32, n int) []float32 {
				dst := make([]float32, n*rows)
				p := Product{W: &w, Dst: dst, X: x, N: n, taps: taps, dilation: dilation}
				p.plan()
				for i := range p.tiles {
					p.tile(i)
				}
				return dst
			}
			all := multiply(x, n)
			for i := range n {
				if !slices.Equal(multiply(x[i*cols:], 1), all[i*rows:(i+1)*rows]) {
					t.Fatalf("row %d differs", i)
				}
				for j := range rows {
					var want float64
					for tap := range taps {
						for k := range cols {
							want += float64(w.f32[(j*taps+tap)*cols+k]) * float64(x[(i+tap*dilation)*cols+k])
						}
					}
					if math.Abs(float64(all[i*rows+j])-want) > 1e-4 {
						t.Fatalf("[%d,%d] is %v, want %v", i, j, all[i*rows+j], want)
					}
				}
			}
		}
	})
}
