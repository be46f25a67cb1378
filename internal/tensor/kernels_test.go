package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func near(t *testing.T, name string, got []float32, want ...float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
	}
	for i := range want {
		if math.Abs(float64(got[i])-want[i]) > 1e-6*(1+math.Abs(want[i])) {
			t.Errorf("%s: element %d is %v, want %v", name, i, got[i], want[i])
		}
	}
}

func TestRMSNorm(t *testing.T) {
	x := []float32{3, 4}
	dst := make([]float32, 2)
	RMSNorm(dst, x, []float32{1, 2}, 0.5)
	rms := math.Sqrt(12.5 + 0.5)
	near(t, "RMSNorm", dst, 3/rms, 8/rms)
	rows := []float32{3, 4, 30, 40}
	RMSNormRows(rows, rows, []float32{1, 1}, 0, 2)
	near(t, "RMSNormRows", rows, 3/math.Sqrt(12.5), 4/math.Sqrt(12.5), 3/math.Sqrt(12.5), 4/math.Sqrt(12.5))
}

func TestSoftmaxOfLargeScoresIsFinite(t *testing.T) {
	x := []float32{1000, 1001, float32(math.Inf(-1))}
	Softmax(x)
	e := math.E
	near(t, "Softmax", x, 1/(1+e), e/(1+e), 0)
	one := []float32{-5}
	Softmax(one)
	near(t, "Softmax of one", one, 1)
}

func TestSiLU(t *testing.T) {
	silu := func(v float64) float64 { return v / (1 + math.Exp(-v)) }
	x := []float32{-200, -1, 0, 2}
	SiLU(x)
	near(t, "SiLU", x, 0, silu(-1), 0, silu(2))
	gate := []float32{-1, 3}
	SiLUMul(gate, []float32{5, -2, 99})
	near(t, "SiLUMul", gate, 5*silu(-1), -2*silu(3))
	if got := Sigmoid(-100); got < 0 || got > 1e-30 {
		t.Errorf("Sigmoid(-100) is %v", got)
	}
}

func TestAddKernels(t *testing.T) {
	x := []float32{1, 2, 3, 4}
	Add(x, []float32{10, 20})
	AddScaled(x[2:], []float32{1, 1}, 0.5)
	near(t, "Add", x, 11, 22, 3.5, 4.5)
	AddBias(x, []float32{1, -1}, 2)
	near(t, "AddBias", x, 12, 21, 4.5, 3.5)
}

func TestWeightedSumGoesRowByRowHoweverItIsCut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	const cols = 5
	for n := range 12 {
		a, weights := random(r, n*cols), random(r, n)
		want := make([]float32, cols)
		for i, w := range weights {
			AddScaled(want, a[i*cols:(i+1)*cols], w)
		}
		for cut := range n + 1 {
			got := make([]float32, cols)
			WeightedSum(got, a[:cut*cols], weights[:cut])
			WeightedSum(got, a[cut*cols:], weights[cut:])
			if !slices.Equal(got, want) {
				t.Errorf("%d rows cut at %d: %v, want %v", n, cut, got, want)
			}
		}
	}
}

func TestRopeTurnsPairsByPositionTimesFrequency(t *testing.T) {
	const dim, theta = 6, 100.0
	rope := NewRope(dim, theta)
	for _, position := range []int{0, 1, 5, 70, 300} {
		rope.Grow(position + 1)
		head := []float32{1, 2, 3, 4, 5, 6}
		rope.Rotate(head, position)
		want := make([]float64, dim)
		for i := range 3 {
			angle := float64(position) * math.Pow(theta, -2*float64(i)/dim)
			a, b := float64(i+1), float64(i+4)
			want[i] = a*math.Cos(angle) - b*math.Sin(angle)
			want[i+3] = b*math.Cos(angle) + a*math.Sin(angle)
		}
		for i := range want {
			if math.Abs(float64(head[i])-want[i]) > 1e-4 {
				t.Errorf("position %d: element %d is %v, want %v", position, i, head[i], want[i])
			}
		}
	}
}

func TestRopeTableKeepsItsRowsAsItGrows(t *testing.T) {
	grown, whole := NewRope(8, 1e4), NewRope(8, 1e4)
	whole.Grow(500)
	for n := 1; n <= 500; n += 7 {
		grown.Grow(n)
	}
	if !slices.Equal(grown.cos[:497*4], whole.cos[:497*4]) || !slices.Equal(grown.sin[:497*4], whole.sin[:497*4]) {
		t.Error("the tables differ")
	}
	if n := testing.AllocsPerRun(5, func() { grown.Grow(400) }); n != 0 {
		t.Errorf("%v allocations for positions that are there", n)
	}
}

func TestArgMaxTakesTheFirstOfEquals(t *testing.T) {
	for _, c := range []struct {
		x    []float32
		want int
	}{
		{[]float32{-1}, 0},
		{[]float32{1, 3, 2, 3}, 1},
		{[]float32{float32(math.Inf(-1)), -5}, 1},
	} {
		if got := ArgMax(c.x); got != c.want {
			t.Errorf("ArgMax(%v) is %d, want %d", c.x, got, c.want)
		}
	}
}

func TestTopKIsTheHeadOfAStableSort(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 200 {
		x := make([]float32, 1+r.IntN(20))
		for i := range x {
			x[i] = float32(r.IntN(6))
		}
		order := make([]int32, len(x))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortStableFunc(order, func(a, b int32) int { return int(x[b] - x[a]) })
		k := 1 + r.IntN(len(x))
		got := make([]int32, k)
		TopK(got, x)
		if !slices.Equal(got, order[:k]) {
			t.Fatalf("top %d of %v is %v, want %v", k, x, got, order[:k])
		}
	}
}

func TestKernelsAllocateNothing(t *testing.T) {
	const n = 48
	r := rand.New(rand.NewPCG(2, 2))
	x, w, dst := random(r, 5*n), random(r, n), make([]float32, 5*n)
	bits, values := rounded(random(r, n*n))
	long, short := NewMatrix(n, n, values), NewMatrixBF16(n, n, bits)
	rope := NewRope(n, 1e6)
	rope.Grow(10)
	top := make([]int32, 4)
	if allocs := testing.AllocsPerRun(10, func() {
		long.MulRows(dst, x, 5)
		short.MulRows(dst, x, 5)
		long.Row(dst, 3)
		RMSNormRows(dst, x, w, 1e-6, 5)
		SiLUMul(dst, x)
		Softmax(dst[:n])
		WeightedSum(dst[:n], x, w[:5])
		Dots(dst, x, 5, w)
		rope.Rotate(dst[:n], 9)
		TopK(top, x)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
