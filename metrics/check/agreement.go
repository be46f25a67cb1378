package check

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// What the longer identities compare.

// partsAddUp compares sums, which lose a little at each observation, hence the
// tolerance; requests under way may have recorded one side of it.
func partsAddUp(c *checker) []string {
	if c.shape.underWay > 0 {
		return nil
	}
	total := c.page.Sum(latency, "_sum")
	parts := c.page.Sum(part, "_sum") + c.page.Sum(share, "_sum") + c.page.Sum(residual, "_sum")
	return c.equal("the parts", parts, "end to end, in seconds", total, 1e-6*math.Max(1, total))
}

// rates are the sample rates that speech is made at.
var rates = []float64{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}

// framesAgree divides frames by durations. The sum of a histogram is a float
// that has lost a little at each observation, hence the tolerance; requests
// under way may have counted their frames already.
func framesAgree(c *checker) []string {
	byStage := map[string]float64{}
	return c.eachVoice(func(at []Label) []string {
		n, seconds := c.page.Sum(frames, "", at...), c.page.Sum(duration, "_sum", at...)
		if n == 0 && seconds == 0 || c.shape.underWay > 0 {
			return nil
		}
		i := slices.IndexFunc(rates, func(r float64) bool { return math.Abs(n-seconds*r) <= 1e-6*n })
		if i < 0 {
			return []string{fmt.Sprintf("%v frames and %v s of audio are at no sample rate (%.6g a second)", n, seconds, n/seconds)}
		}
		stage := at[1].Value
		if before, ok := byStage[stage]; ok && before != rates[i] {
			return []string{fmt.Sprintf("%v frames a second, other replicas of the stage have %v", rates[i], before)}
		}
		byStage[stage] = rates[i]
		return nil
	})
}

func continuityAgrees(c *checker) (wrong []string) {
	for _, s := range c.page.samples(continuous, "") {
		text, _ := s.Label("threshold_ms")
		ms, err := strconv.ParseFloat(text, 64)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("threshold_ms=%q is no number", text))
			continue
		}
		at := slices.DeleteFunc(slices.Clone(s.Labels), func(l Label) bool { return l.Name == "threshold_ms" })
		where := strings.Trim(s.labels("model_name"), "{}")
		bucket := slices.IndexFunc(c.page.samples(underrun, "_bucket", at...), func(b Sample) bool {
			le, _ := b.Label("le")
			bound, err := number(le)
			return err == nil && bound == ms/1000
		})
		if bucket < 0 {
			wrong = append(wrong, c.atMost(where+": continuous replies", s.Value, "streamed replies", c.page.Sum(underrun, "_count", at...), c.shape.underWay)...)
			continue
		}
		within := c.page.samples(underrun, "_bucket", at...)[bucket].Value
		wrong = append(wrong, c.equal(where+": continuous replies", s.Value, "underruns up to the threshold", within, c.shape.underWay)...)
	}
	return wrong
}

// httpAgrees compares the http_ families. A request whose handler has ended is
// recorded at once, so there is no slack.
func httpAgrees(c *checker) []string {
	wrong := c.equal("requests", c.page.Sum(httpRequests, ""), httpFine, c.page.Sum(httpFine, "_count"), 0)
	seen := map[string]bool{}
	for _, s := range c.page.samples(httpRequests, "") {
		handler, _ := s.Label("handler")
		if seen[handler] {
			continue
		}
		seen[handler] = true
		at := Label{"handler", handler}
		n := c.page.Sum(httpRequests, "", at)
		for _, other := range []string{httpDuration, httpInSize, httpOutSize} {
			wrong = append(wrong, c.equal("requests of "+handler, n, other, c.page.Sum(other, "_count", at), 0)...)
		}
	}
	return wrong
}
