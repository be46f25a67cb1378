package metrics

// Bucket bounds of the reference; +Inf is added by the exposition.
var (
	// secondsBuckets are for end-to-end and generation times.
	secondsBuckets = []float64{.05, .1, .25, .5, 1, 2, 5, 10, 20, 30, 60, 120, 300}
	// fastBuckets are for transfers and underruns: 1 ms to 60 s.
	fastBuckets = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60}
	// rtfBuckets are dense around the red line at 1.
	rtfBuckets = []float64{.1, .25, .5, .75, .9, 1, 1.25, 1.5, 2, 5, 10}
	// bytesBuckets are 1 KiB times powers of four, up to 256 MiB.
	bytesBuckets = []float64{1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28}
	// httpBuckets and httpFineBuckets are the instrumentator's, per handler and
	// over all.
	httpBuckets     = []float64{.1, .5, 1}
	httpFineBuckets = []float64{.01, .025, .05, .075, .1, .25, .5, .75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60}
)
