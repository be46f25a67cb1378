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

// Bucket bounds of vLLM's engine families.
var (
	firstTokenBuckets = []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
	// tokenGapBuckets are for the times between tokens.
	tokenGapBuckets = []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
	// intervalBuckets are for the intervals of a request's life.
	intervalBuckets  = []float64{.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
	blockBuckets     = []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800}
	iterationBuckets = []float64{1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}
	choicesBuckets   = []float64{1, 2, 5, 10, 20}
)

// LengthBuckets are the bounds of the families that count a sequence's tokens:
// 1, 2 and 5 times the powers of ten, up to longest, the most tokens that a
// sequence may have. There is always the bound 1.
func LengthBuckets(longest int) []float64 {
	bounds := []float64{1}
	for power := 1; ; power *= 10 {
		for _, m := range []int{1, 2, 5} {
			bound := m * power
			if bound > longest {
				return bounds
			}
			if bound > 1 {
				bounds = append(bounds, float64(bound))
			}
		}
	}
}
