package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func closeTo(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Abs(float64(got[i])-want[i]) > 1e-4 {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// inPieces runs f over x's rows in pieces of the given sizes and joins what it
// returns.
func inPieces(x []float32, channels int, sizes []int, f func(x []float32, n int) []float32) (out []float32) {
	for i := 0; len(x) > 0; i++ {
		n := min(sizes[i%len(sizes)], len(x)/channels)
		out = append(out, f(x[:n*channels], n)...)
		x = x[n*channels:]
	}
	return out
}

var pieces = [][]int{{200}, {1}, {2, 5}, {70, 1, 129}}

func TestCausalConvIsThePlainSum(t *testing.T) { withEach(t, causalConvIsThePlainSum) }

func causalConvIsThePlainSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ in, out, kernel, dilation int }{{5, 3, 7, 1}, {4, 4, 7, 9}, {3, 8, 1, 1}, {2, 1, 3, 3}, {16, 11, 7, 3}, {32, 4, 2, 1}} {
		const rows = 200
		w, bias, x := random(r, c.out*c.in*c.kernel), random(r, c.out), random(r, rows*c.in)
		want := make([]float64, rows*c.out)
		for t := range rows {
			for o := range c.out {
				sum := float64(bias[o])
				for k := range c.kernel {
					if from := t - (c.kernel-1-k)*c.dilation; from >= 0 {
						for i := range c.in {
							sum += float64(w[(o*c.in+i)*c.kernel+k]) * float64(x[from*c.in+i])
						}
					}
				}
				want[t*c.out+o] = sum
			}
		}
		conv := NewCausalConv(c.out, c.in, c.kernel, c.dilation, w, bias)
		var b Batch
		var first []float32
		for _, sizes := range pieces {
			history := make([]float32, conv.HistoryRows()*c.in)
			got := inPieces(x, c.in, sizes, func(x []float32, n int) []float32 {
				dst := make([]float32, n*c.out)
				conv.Forward(&b, append(make([]float32, len(history)), x...), history, n, Product{Dst: dst})
				return dst
			})
			closeTo(t, "causal", got, want)
			if first == nil {
				first = got
			}
			if !slices.Equal(got, first) {
				t.Errorf("pieces of %v differ in the last bits", sizes)
			}
		}
	}
}

func TestDepthwiseConvIsThePlainSum(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const rows, channels, kernel = 200, 5, 7
	w, bias, x := random(r, channels*kernel), random(r, channels), random(r, rows*channels)
	want := make([]float64, rows*channels)
	for t := range rows {
		for c := range channels {
			want[t*channels+c] = float64(bias[c])
			for k := range kernel {
				if from := t + k - (kernel - 1); from >= 0 {
					want[t*channels+c] += float64(w[c*kernel+k]) * float64(x[from*channels+c])
				}
			}
		}
	}
	conv := NewDepthwiseConv(channels, kernel, w, bias)
	for _, sizes := range pieces {
		history := make([]float32, (kernel-1)*channels)
		closeTo(t, "depthwise", inPieces(x, channels, sizes, func(x []float32, n int) []float32 {
			dst := make([]float32, n*channels)
			conv.Forward(dst, x, history, n)
			return dst
		}), want)
	}
}

// transposed is the plain transposed convolution, uncut: [(rows-1)*stride +
// kernel, out].
func transposed(x, w, bias []float32, rows, in, out, stride, kernel int) []float64 {
	raw := make([]float64, ((rows-1)*stride+kernel)*out)
	for i := range raw {
		raw[i] = float64(bias[i%out])
	}
	for t := range rows {
		for j := range kernel {
			for o := range out {
				for i := range in {
					raw[(t*stride+j)*out+o] += float64(x[t*in+i]) * float64(w[(i*out+o)*kernel+j])
				}
			}
		}
	}
	return raw
}

func TestUpConvIsTheTransposedConvCutOnBothSides(t *testing.T) {
	withEach(t, func(t *testing.T) {
		upConvIsTheTransposedConv(t, 4)
		upConvIsTheTransposedConv(t, 16)
	})
}

func upConvIsTheTransposedConv(t *testing.T, in int) {
	r := rand.New(rand.NewPCG(5, 6))
	const rows, out, stride = 200, 3, 5
	w, bias, x := random(r, in*out*2*stride), random(r, out), random(r, rows*in)
	raw := transposed(x, w, bias, rows, in, out, stride, 2*stride)
	want := raw[stride*out : len(raw)-stride*out]
	conv := NewUpConv(in, out, stride, w, bias)
	var b Batch
	for _, sizes := range pieces {
		last, first := make([]float32, in), true
		closeTo(t, "up", inPieces(x, in, sizes, func(x []float32, n int) []float32 {
			dst := make([]float32, n*stride*out)
			made := conv.Forward(&b, append(make([]float32, in), x...), last, first, n, Product{Dst: dst})
			first = false
			return dst[:made*out]
		}), want)
	}
}

func TestSplitConvIsTheTransposedConvOfDisjointBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const rows, in, out, stride = 20, 4, 3, 2
	w, bias, x := random(r, in*out*stride), random(r, out), random(r, rows*in)
	conv := NewSplitConv(in, out, stride, w, bias)
	dst := make([]float32, rows*stride*out)
	conv.Forward(new(Batch), dst, x, rows)
	closeTo(t, "split", dst, transposed(x, w, bias, rows, in, out, stride, stride))
}

func TestRememberKeepsTheNewest(t *testing.T) {
	h := []float32{1, 2, 3, 4}
	remember(h, []float32{5})
	if !slices.Equal(h, []float32{2, 3, 4, 5}) {
		t.Error(h)
	}
	remember(h, []float32{6, 7, 8, 9, 10})
	if !slices.Equal(h, []float32{7, 8, 9, 10}) {
		t.Error(h)
	}
	remember(h, nil)
	remember(nil, []float32{1})
	if !slices.Equal(h, []float32{7, 8, 9, 10}) {
		t.Error(h)
	}
}
