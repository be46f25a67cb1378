package metrics

import "github.com/prometheus/client_golang/prometheus"

// What a native histogram is made of.
const (
	// nativeFactor is by how much a bucket may be wider than the one before it.
	// client_golang makes it 2^(1/8), eight buckets for each doubling, so that a
	// quantile is at most 9 % off.
	nativeFactor = 1.1
	// nativeZero is the bound, about a microsecond, below which all times share
	// the zero bucket: what is faster is as good as nothing, and would take eight
	// buckets for each halving.
	nativeZero = 1.0 / (1 << 20)
	// nativeBuckets bounds the buckets of one child, which 20 doublings with an
	// observation in each eighth fill: a microsecond to a second. With more the
	// width of all its buckets doubles; once at most, for times of up to twelve days.
	nativeBuckets = 160
	// nativeExemplars bounds the exemplars of one child, which are spread over
	// the buckets; the classic form keeps one for each of its bounds, 14 at most.
	nativeExemplars = 10
)

// Native says whether the family has a native form, too, where Options ask for
// it: histograms of times and of their quotients. Sizes and token counts have
// none, whose classic bounds are what one asks for: powers of two, lengths.
func (f Family) Native() bool {
	return f.Kind == Histogram && (f.Unit == "seconds" || f.Unit == "ratio")
}

// addNative makes a family's histograms native beside their classic buckets, if
// they are to be. They are never reset, which client_golang offers in place of
// wider buckets: that would set the classic form back to zero with the native one.
func (m *Metrics) addNative(f Family, o *prometheus.HistogramOpts) {
	if !m.native || !f.Native() {
		return
	}
	o.NativeHistogramBucketFactor = nativeFactor
	o.NativeHistogramZeroThreshold = nativeZero
	o.NativeHistogramMaxBucketNumber = nativeBuckets
	o.NativeHistogramMaxExemplars = -1 // none
	if m.exemplars {
		o.NativeHistogramMaxExemplars = nativeExemplars
	}
}
