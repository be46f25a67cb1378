package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// rounded returns x as bfloat16 bits and the values that these stand for.
func rounded(x []float32) (bits []uint16, values []float32) {
	for _, v := range x {
		b := uint16(math.Float32bits(v) >> 16)
		bits, values = append(bits, b), append(values, widen(b))
	}
	return bits, values
}

// inOrder is the order of summation that every plain kernel must keep.
func inOrder(a, b []float32) float32 {
	var sums [2]float32
	for i := range a {
		product := a[i] * b[i]
		sums[i%2] += product
	}
	return sums[0] + sums[1]
}

func TestPlainMulRowsSumsInOneOrderWhateverTheBatch(t *testing.T) {
	with(t, plain)
	r := rand.New(rand.NewPCG(1, 2))
	for _, cols := range []int{1, 2, 3, 4, 5, 7, 8, 24, 33} {
		for _, rows := range []int{1, 2, 3, 4, 5, 9} {
			bits, values := rounded(random(r, rows*cols))
			for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 63, 64, 65, 130} {
				x := random(r, n*cols)
				want := make([]float32, n*rows)
				for i := range n {
					for j := range rows {
						want[i*rows+j] = inOrder(values[j*cols:(j+1)*cols], x[i*cols:(i+1)*cols])
					}
				}
				for name, m := range map[string]Matrix{"float32": NewMatrix(rows, cols, values), "bfloat16": NewMatrixBF16(rows, cols, bits)} {
					got := make([]float32, n*rows)
					m.MulRows(got, x, n)
					if !slices.Equal(got, want) {
						t.Fatalf("%s [%d,%d] times %d rows: got %v, want %v", name, rows, cols, n, got, want)
					}
				}
			}
		}
	}
}

func TestMulRowsIsTheProduct(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const rows, cols, n = 6, 50, 3
	w, x := random(r, rows*cols), random(r, n*cols)
	m := NewMatrix(rows, cols, w)
	got := make([]float32, n*rows)
	m.MulRows(got, x, n)
	for i := range n {
		for j := range rows {
			var want float64
			for k := range cols {
				want += float64(w[j*cols+k]) * float64(x[i*cols+k])
			}
			if math.Abs(float64(got[i*rows+j])-want) > 1e-5 {
				t.Errorf("[%d,%d] is %v, want %v", i, j, got[i*rows+j], want)
			}
		}
	}
}

func TestMulRowsKeepsToItsPartOfLongerSlices(t *testing.T) {
	m := NewMatrix(2, 2, []float32{1, 2, 3, 4})
	dst := []float32{9, 9, 9, 9, 9}
	m.MulRows(dst, []float32{1, 1, 2, 2, 7, 7}, 2)
	if want := []float32{3, 7, 6, 14, 9}; !slices.Equal(dst, want) {
		t.Errorf("got %v, want %v", dst, want)
	}
}

func TestRowAndAddRow(t *testing.T) {
	bits, values := rounded(random(rand.New(rand.NewPCG(5, 6)), 12))
	for name, m := range map[string]Matrix{"float32": NewMatrix(4, 3, values), "bfloat16": NewMatrixBF16(4, 3, bits)} {
		row := make([]float32, 3)
		m.Row(row, 2)
		if !slices.Equal(row, values[6:9]) {
			t.Errorf("%s: row %v, want %v", name, row, values[6:9])
		}
		m.AddRow(row, 2)
		for i, v := range row {
			if v != 2*values[6+i] {
				t.Errorf("%s: added twice, element %d is %v, want %v", name, i, v, 2*values[6+i])
			}
		}
	}
}

func TestMatrixOfTheWrongSizeIsAProgrammersMistake(t *testing.T) {
	m := NewMatrix(2, 3, make([]float32, 6))
	for want, f := range map[string]func(){
		"BUG: matrix [2,3] of 5 elements":                         func() { NewMatrix(2, 3, make([]float32, 5)) },
		"BUG: matrix [1,2] of 3 elements":                         func() { NewMatrixBF16(1, 2, make([]uint16, 3)) },
		"BUG: matrix [2,3] times 2 rows: x has 5 elements, dst 4": func() { m.MulRows(make([]float32, 4), make([]float32, 5), 2) },
		"BUG: matrix [2,3] times 2 rows: x has 6 elements, dst 3": func() { m.MulRows(make([]float32, 3), make([]float32, 6), 2) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %v", got, want)
				}
			}()
			f()
		}()
	}
}

func TestPlainDotsAgreeWithDot(t *testing.T) {
	with(t, plain)
	r := rand.New(rand.NewPCG(7, 8))
	for _, cols := range []int{1, 6, 8, 13} {
		for n := range 10 {
			a, x, got := random(r, n*cols), random(r, cols), make([]float32, n+1)
			Dots(got, a, n, x)
			for i := range n {
				if want := inOrder(a[i*cols:(i+1)*cols], x); got[i] != want || Dot(a[i*cols:(i+1)*cols], x) != want {
					t.Fatalf("%d rows of %d: row %d is %v, want %v", n, cols, i, got[i], want)
				}
			}
			if got[n] != 0 {
				t.Fatal("wrote behind the end")
			}
		}
	}
}
