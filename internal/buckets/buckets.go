// Package buckets computes with the buckets of classic histograms.
//
// Bounds are a histogram's upper bounds in ascending order, without +Inf.
// Counts are cumulative: one for each bound, how many values were at or below
// it, and then one for all values.
package buckets

import (
	"slices"
	"sort"
)

// Quantile estimates a quantile as Prometheus's histogram_quantile does: within
// its bucket the values are taken to be spread evenly, from 0 in the first one;
// above the last bound it is that bound. It is false when there was no value.
func Quantile(q float64, bounds, counts []float64) (float64, bool) {
	total := last(counts)
	if total <= 0 || len(bounds) == 0 {
		return 0, false
	}
	rank := q * total
	i := sort.Search(len(bounds), func(i int) bool { return counts[i] >= rank })
	if i == len(bounds) {
		return bounds[i-1], true
	}
	from, below := 0.0, 0.0
	if i > 0 {
		from, below = bounds[i-1], counts[i-1]
	}
	if counts[i] <= below || i == 0 && bounds[0] <= 0 {
		return bounds[i], true
	}
	return from + (bounds[i]-from)*(rank-below)/(counts[i]-below), true
}

// Share is the fraction of the values that are at or below limit, taken to be
// spread evenly within the bucket that limit is in. It is false when there was
// no value.
func Share(limit float64, bounds, counts []float64) (float64, bool) {
	total := last(counts)
	if total <= 0 {
		return 0, false
	}
	i, exact := slices.BinarySearch(bounds, limit)
	switch {
	case exact:
		return counts[i] / total, true
	case i == len(bounds):
		// Values above the last bound may be on either side of the limit.
		if i == 0 {
			return 0, false
		}
		return counts[i-1] / total, true
	}
	from, below := 0.0, 0.0
	if i > 0 {
		from, below = bounds[i-1], counts[i-1]
	}
	return (below + (counts[i]-below)*(limit-from)/(bounds[i]-from)) / total, true
}

func last(counts []float64) float64 {
	if len(counts) == 0 {
		return 0
	}
	return counts[len(counts)-1]
}
