package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// longest is more than two vectors and a rest.
const longest = 39

// onEach calls f for every length and checks that it changed nothing behind
// the end of x, which it gets with room to spare.
func onEach(t *testing.T, seed uint64, f func(t *testing.T, n int, x, y, z []float32)) {
	withEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(seed, 1))
		for n := range longest {
			x, y, z := random(r, n+1), random(r, n), random(r, n)
			x[n] = 77
			f(t, n, x[:n], y, z)
			if x[n] != 77 {
				t.Fatalf("%d elements: wrote behind the end", n)
			}
		}
	})
}

func TestSumsAndProductsOfVectorsAreExactInEverySet(t *testing.T) {
	onEach(t, 31, func(t *testing.T, n int, x, y, z []float32) {
		var want, got [6][]float32
		for i := range n {
			want[0] = append(want[0], x[i]+y[i])
			want[1] = append(want[1], x[i]+float32(1.7*y[i]))
			want[2] = append(want[2], x[i]+float32(y[i]*z[i]))
			want[3] = append(want[3], x[i]*y[i])
			want[4] = append(want[4], x[i]*1.3)
		}
		for i := range got {
			got[i] = slices.Clone(x)
		}
		Add(got[0], y)
		AddScaled(got[1], y, 1.7)
		AddProduct(got[2], y, z)
		Mul(got[3], y, 1)
		Scale(got[4], 1.3)
		for i := range want[:5] {
			if !slices.Equal(got[i], want[i]) {
				t.Fatalf("operation %d of %d elements: got %v, want %v", i, n, got[i], want[i])
			}
		}
		Add(x, y) // in place, for the check behind the end
		RMSNorm(x, x, y, 1e-6)
		SiLUMul(x, y)
	})
}

func TestWeightedSumDoesNotDependOnHowRowsAreDivided(t *testing.T) {
	withEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(33, 34))
		for _, cols := range []int{1, 8, 12, 16, 40, 64, 144, 160} {
			const rows = 23
			a, weights, start := random(r, rows*cols), random(r, rows), random(r, cols)
			all := slices.Clone(start)
			WeightedSum(all, a, weights)
			parts := slices.Clone(start)
			WeightedSum(parts, a[:0], nil)
			WeightedSum(parts, a, weights[:7])
			WeightedSum(parts, a[7*cols:], weights[7:8])
			WeightedSum(parts, a[8*cols:], weights[8:])
			if !slices.Equal(all, parts) {
				t.Fatalf("%d columns: parts differ from all at once", cols)
			}
			for j := range cols {
				want := float64(start[j])
				for i, w := range weights {
					want += float64(w) * float64(a[i*cols+j])
				}
				if math.Abs(float64(all[j])-want) > 1e-5 {
					t.Fatalf("%d columns: element %d is %v, want %v", cols, j, all[j], want)
				}
			}
		}
	})
}

func TestDotsOfSeveralRowsAreThoseOfEach(t *testing.T) {
	withEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(39, 40))
		for _, cols := range []int{6, 8, 16, 48} {
			for n := range 12 {
				for rows := range 9 {
					a, x := random(r, n*cols), random(r, rows*(cols+3))
					got, want := make([]float32, rows*(n+2)+1), make([]float32, rows*(n+2)+1)
					DotsRows(got, n+2, a, n, x, cols, cols+3, rows)
					for i := range rows {
						Dots(want[i*(n+2):], a, n, x[i*(cols+3):][:cols])
					}
					if !slices.Equal(got, want) {
						t.Fatalf("%d rows of %d with %d: got %v, want %v", rows, cols, n, got, want)
					}
				}
			}
		}
	})
}

// An element's result must not depend on where it lies in the vector.
func TestActivationsDoNotDependOnTheElementsPlace(t *testing.T) {
	onEach(t, 35, func(t *testing.T, n int, x, y, z []float32) {
		if n == 0 {
			return
		}
		for i := range x {
			x[i] *= 20
		}
		silu, gated, wave := slices.Clone(x), slices.Clone(x), make([]float32, n)
		SiLU(silu)
		SiLUMul(gated, y)
		snake := Snake{frequency: y, scale: z}
		snake.row(wave, x, 0)
		for i := range n {
			one := [3]float32{x[i], x[i], 0}
			SiLU(one[:1])
			SiLUMul(one[1:2], y[i:i+1])
			snake.row(one[2:], x[i:i+1], i)
			if got := [3]float32{silu[i], gated[i], wave[i]}; got != one {
				t.Fatalf("element %d of %d: got %v, alone %v", i, n, got, one)
			}
			v := float64(x[i])
			s := math.Sin(float64(x[i] * y[i]))
			want := [3]float64{v / (1 + math.Exp(-v)), v / (1 + math.Exp(-v)) * float64(y[i]), v + s*s*float64(z[i])}
			for k := range want {
				if math.Abs(float64(one[k])-want[k]) > 5e-7*(1+math.Abs(want[k])) {
					t.Fatalf("activation %d of %v is %v, want %v", k, x[i], one[k], want[k])
				}
			}
		}
	})
}

func TestSoftmaxIsExactEnoughInEverySet(t *testing.T) {
	onEach(t, 37, func(t *testing.T, n int, x, _, _ []float32) {
		if n == 0 {
			return
		}
		var want []float64
		var sum float64
		for i := range x {
			x[i] = x[i]*30 - 100 // masked lanes, which hold zeros, are not the largest
			want = append(want, math.Exp(float64(x[i]+100)*0.5))
			sum += want[i]
		}
		SoftmaxScaled(x, 0.5)
		for i, v := range x {
			if math.Abs(float64(v)-want[i]/sum) > 1e-5*want[i]/sum+1e-30 {
				t.Fatalf("element %d of %d is %v, want %v", i, n, v, want[i]/sum)
			}
		}
	})
}

func TestExpAtTheEndsOfItsRange(t *testing.T) {
	withEach(t, func(t *testing.T) {
		x := []float32{-1000, -88, -87, -1e-8, 0, 1e-8, 50, 88, 1000, float32(math.NaN())}
		SiLU(x)
		for i, want := range []float64{0, 0, 0, 0, 0, 0, 50, 88, 1000, math.NaN()} {
			if got := float64(x[i]); !(math.Abs(got-want) < 1e-6) && !(math.IsNaN(want) && math.IsNaN(got)) {
				t.Errorf("element %d is %v, want %v", i, got, want)
			}
		}
	})
}

func TestSnakeOverItsWholeRange(t *testing.T) {
	withEach(t, func(t *testing.T) {
		worst := 0.0
		x, one, got := make([]float32, 64), make([]float32, 64), make([]float32, 64)
		for i := range one {
			one[i] = 1
		}
		s := Snake{frequency: one, scale: one}
		for i := -20000; i <= 20000; i++ {
			for j := range x {
				x[j] = float32(i) * []float32{1e-3, 0.0371, 3, 50}[j%4]
			}
			s.row(got, x, 0)
			for j, v := range x[:4] {
				sin := math.Sin(float64(v))
				ulp := math.Abs(float64(v)) / (1 << 24) // of the sum's rounding
				worst = max(worst, math.Abs(float64(got[j])-float64(v)-sin*sin)-ulp)
			}
		}
		if worst > 5e-7 {
			t.Errorf("error %g", worst)
		}
	})
}
