package buckets

import "testing"

func TestQuantileIsThatOfHistogramQuantile(t *testing.T) {
	bounds := []float64{0.5, 1, 2}
	for _, c := range []struct {
		q      float64
		counts []float64
		want   float64
	}{
		{0.5, []float64{10, 20, 20, 20}, 0.5},
		{0.75, []float64{10, 20, 20, 20}, 0.75},
		{0.25, []float64{10, 20, 20, 20}, 0.25},
		{0.99, []float64{0, 0, 0, 5}, 2}, // all above the last bound
		{0.5, []float64{0, 0, 4, 4}, 1.5},
		{1, []float64{0, 4, 4, 4}, 1},
	} {
		if got, ok := Quantile(c.q, bounds, c.counts); got != c.want || !ok {
			t.Errorf("quantile %v of %v: %v, %v, want %v", c.q, c.counts, got, ok, c.want)
		}
	}
	if got, ok := Quantile(0.5, []float64{0, 1}, []float64{3, 3, 3}); got != 0 || !ok {
		t.Errorf("of values at zero: %v, %v", got, ok)
	}
	for _, counts := range [][]float64{nil, {0, 0, 0, 0}} {
		if _, ok := Quantile(0.5, bounds, counts); ok {
			t.Errorf("a quantile of %v", counts)
		}
	}
	if _, ok := Quantile(0.5, nil, []float64{7}); ok {
		t.Error("a quantile without bounds")
	}
}

func TestShareIsExactAtABoundAndEvenWithinABucket(t *testing.T) {
	bounds, counts := []float64{1, 2}, []float64{6, 8, 10}
	for limit, want := range map[float64]float64{1: 0.6, 2: 0.8, 1.5: 0.7, 0.5: 0.3, 9: 0.8} {
		if got, ok := Share(limit, bounds, counts); got != want || !ok {
			t.Errorf("share at or below %v: %v, %v, want %v", limit, got, ok, want)
		}
	}
	if _, ok := Share(1, bounds, []float64{0, 0, 0}); ok {
		t.Error("a share of nothing")
	}
	if _, ok := Share(1, nil, []float64{3}); ok {
		t.Error("a share without bounds")
	}
}
