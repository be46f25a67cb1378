package tensor

import (
	"math"
	"testing"
)

func TestSin2OverItsWholeRange(t *testing.T) {
	worst := 0.0
	for i := -200000; i <= 200000; i++ {
		for _, x := range []float32{float32(i) * 1e-4, float32(i) * 0.037, float32(i) * 5} {
			s := math.Sin(float64(x))
			worst = max(worst, math.Abs(float64(sin2(x))-s*s))
		}
	}
	if worst > 5e-7 {
		t.Errorf("error %g", worst)
	}
	for _, x := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		if got := sin2(x); got == got && (got < 0 || got > 1) {
			t.Errorf("sin2(%v) = %v", x, got)
		}
	}
}

func BenchmarkSin2(b *testing.B) {
	x := make([]float32, 1024)
	for i := range x {
		x[i] = float32(i) * 0.1
	}
	var sum float32
	for b.Loop() {
		for _, v := range x {
			sum += sin2(v)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/value")
	_ = sum
}
