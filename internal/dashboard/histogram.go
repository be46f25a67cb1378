package dashboard

import (
	"math"
	"slices"

	"github.com/limelight-omni/limelight/internal/buckets"
)

// histogram is what a histogram gained in the span; its counts are those of
// package buckets.
type histogram struct {
	bounds, counts []float64
	count, sum     float64
}

func (h *histogram) add(bounds, now, before []float64) {
	n := len(bounds)
	h.count += now[n] - before[n]
	h.sum += now[n+1] - before[n+1]
	if h.bounds == nil {
		h.bounds, h.counts = bounds, make([]float64, n+1)
	}
	if !slices.Equal(h.bounds, bounds) {
		return // two sets of buckets can't be added up: quantiles are of the first one
	}
	for i := range h.counts {
		h.counts[i] += max(0, now[i]-before[i])
	}
}

// merge adds another histogram.
func (h *histogram) merge(o histogram) {
	h.count += o.count
	h.sum += o.sum
	if o.bounds == nil {
		return
	}
	if h.bounds == nil {
		h.bounds, h.counts = o.bounds, make([]float64, len(o.counts))
	}
	if slices.Equal(h.bounds, o.bounds) {
		for i, c := range o.counts {
			h.counts[i] += c
		}
	}
}

// quantile is NaN when there was no value.
func (h histogram) quantile(q float64) float64 {
	if v, ok := buckets.Quantile(q, h.bounds, h.counts); ok {
		return v
	}
	return math.NaN()
}

// mean is NaN when there was no value.
func (h histogram) mean() float64 {
	if h.count <= 0 {
		return math.NaN()
	}
	return h.sum / h.count
}

// within is the fraction at or below a limit; NaN when there was no value.
func (h histogram) within(limit float64) float64 {
	if v, ok := buckets.Share(limit, h.bounds, h.counts); ok {
		return v
	}
	return math.NaN()
}
