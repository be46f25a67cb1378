package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/metrics/check"
)

// Snapshot is a server's metrics page at one moment.
type Snapshot struct{ page *check.Page }

// Scrape takes a snapshot of the page at url.
func Scrape(ctx context.Context, url string) (*Snapshot, error) {
	p, err := check.Load(ctx, nil, url)
	if err != nil {
		return nil, fmt.Errorf("compare-server: %w", err)
	}
	return &Snapshot{p}, nil
}

// settleTime bounds how long a server may take to notice that its last clients
// are done.
const settleTime = 5 * time.Second

// Rest takes a snapshot of a server that has ended what it was asked before: a
// client has its reply a moment before the server's books have its end.
func Rest(ctx context.Context, url string) (*Snapshot, error) {
	return scrapeUntil(ctx, url, func(s *Snapshot) bool {
		return s.sum(omni+"num_requests_running")+s.sum(omni+"num_requests_waiting") == 0
	})
}

// Settle takes the snapshot after a run: once the server has ended as many
// requests as the run had, or after a few seconds, whatever it says then.
func Settle(ctx context.Context, url string, before *Snapshot, r *Result) (*Snapshot, error) {
	want := float64(r.ended())
	return scrapeUntil(ctx, url, func(s *Snapshot) bool {
		return (delta{before, s}).of(omni+"requests_success_total") >= want
	})
}

// scrapeUntil scrapes until a page is as it should be. A page is no snapshot of
// one instant: the first one that is may have been read of other families
// before, so the next one counts.
func scrapeUntil(ctx context.Context, url string, good func(*Snapshot) bool) (*Snapshot, error) {
	deadline := time.Now().Add(settleTime)
	for {
		s, err := Scrape(ctx, url)
		if err != nil {
			return nil, err
		}
		if good(s) || time.Now().After(deadline) {
			return Scrape(ctx, url)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// ended counts the requests that the server has to have ended.
func (r *Result) ended() int {
	n := r.brokenOff()
	for _, record := range r.Records {
		if record.Complete || record.Outcome == Aborted {
			n++
		}
	}
	return n
}

const omni = "vllm:omni_"

// sum adds up the samples of a name whose labels include the given ones.
func (s *Snapshot) sum(name string, labels ...string) float64 {
	total := 0.0
	s.each(name, func(sample check.Sample) {
		for i := 0; i+1 < len(labels); i += 2 {
			if v, _ := sample.Label(labels[i]); v != labels[i+1] {
				return
			}
		}
		total += sample.Value
	})
	return total
}

func (s *Snapshot) each(name string, do func(check.Sample)) {
	family := name
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			family = base
		}
	}
	if f := s.page.Families[family]; f != nil {
		for _, sample := range f.Samples {
			if sample.Name == name {
				do(sample)
			}
		}
	}
}

// Bounds of what may differ between the two sides of a wire: what the client's
// machine and the network add to a time, and how much of it.
const (
	slack      = 100 * time.Millisecond
	slackShare = 0.1
)

// Finding is one comparison.
type Finding struct {
	What           string
	Client, Server string
	OK             bool
	// Timed comparisons are of times, which both sides measure by themselves;
	// the others are of counts.
	Timed bool
}

// Comparison holds the client's numbers against the server's.
type Comparison []Finding

// OK says whether the two agree.
func (c Comparison) OK() bool {
	return !slices.ContainsFunc(c, func(f Finding) bool { return !f.OK })
}

// ErrDisagree says that the client's and the server's numbers differ.
var ErrDisagree = errors.New("the client's numbers and the server's disagree")

// Write writes the comparison as a table.
func (c Comparison) Write(w io.Writer) error {
	var b strings.Builder
	b.WriteString(banner("Client and Server", "="))
	for _, f := range c {
		verdict := "ok"
		if !f.OK {
			verdict = "DIFFERS"
		}
		fmt.Fprintf(&b, "%-34s client %-18s server %-22s %s\n", f.What, f.Client, f.Server, verdict)
	}
	b.WriteString(banner("", "="))
	_, err := io.WriteString(w, b.String())
	return err
}

// Compare holds a run against what the server's page says of the time between
// two snapshots, during which nobody else may have used the server.
//
// Counts must be equal. A quantile of the client's must lie in the server's
// bucket of that quantile, widened by a tenth and 100 ms, since the client
// stands behind the wire. For the RTF the client sees two bounds: the wait for
// the first packet is all in audio_rtf and not at all in audio_stream_rtf.
func (r *Result) Compare(before, after *Snapshot) Comparison {
	d := delta{before, after}
	var c Comparison
	equal := func(what string, client int, server float64) {
		c = append(c, Finding{What: what, Client: fmt.Sprint(client), Server: fmt.Sprintf("%.0f", server), OK: float64(client) == server})
	}
	t := r.Totals()
	complete, prompt, output, reasons := 0, 0, 0, map[string]int{}
	var latencies []float64
	for _, record := range r.Records {
		if record.Complete {
			complete++
			prompt += record.Prompt
			output += record.Output
			reasons[record.Finish]++
			latencies = append(latencies, record.End.Seconds())
		}
	}
	ends := func(reason string) float64 { return d.of(omni+"requests_success_total", "finished_reason", reason) }
	equal("requests ended", r.ended(), d.of(omni+"requests_success_total"))
	// A client that leaves is an abort only if the server had not ended the
	// request before it noticed; otherwise it ended naturally there.
	aborts := ends("abort")
	c = append(c, Finding{What: "aborts", Client: fmt.Sprint("at most ", t.Aborted), Server: fmt.Sprint(aborts), OK: aborts <= float64(t.Aborted)})
	late := int(float64(t.Aborted) - aborts)
	equal("natural ends", complete+late, ends("stop")+ends("length")+ends("repetition"))
	equal("e2e observations", complete+late, d.of(omni+"e2e_request_latency_s_count"))
	seconds := func(name string, scale float64) Statistics {
		s := r.Statistics(name)
		for i := range s.values {
			s.values[i] *= scale
		}
		return s
	}
	if late == 0 {
		if r.Options.Backend != Speech { // a speech reply does not say why it ended
			for _, reason := range []string{"stop", "length", "repetition"} {
				equal("ends with "+reason, reasons[reason], ends(reason))
			}
		}
		e2e := newStatistics(latencies)
		c = append(c, d.quantiles("e2e", omni+"e2e_request_latency_s", e2e, e2e)...)
		equal("audio frames", t.Frames, d.of(omni+"audio_frames_total"))
		equal("audio durations", r.Statistics("audio_duration").Count, d.of(omni+"audio_duration_s_count"))
	}
	if t.Heard > 0 {
		first := 0
		for _, record := range r.Records {
			if record.Streamed && len(record.Audio) > 0 {
				first++
			}
		}
		equal("first packets", first, d.of(omni+"audio_ttfp_s_count"))
		if t.Aborted == 0 {
			ttfp := seconds("audio_ttfp", 0.001)
			c = append(c, d.quantiles("ttfp", omni+"audio_ttfp_s", ttfp, ttfp)...)
			c = append(c, d.quantiles("rtf", omni+"audio_rtf", seconds("audio_stream_rtf", 1), seconds("audio_rtf", 1))...)
			underrun := seconds("audio_underrun", 1)
			equal("underruns", underrun.Count, d.of(omni+"audio_underrun_s_count"))
			c = append(c, d.quantiles("underrun", omni+"audio_underrun_s", underrun, underrun)...)
			c = append(c, r.continuity(d, t))
		}
	}
	if r.Options.Backend != Speech && t.Aborted == 0 && d.after.page.Families["vllm:generation_tokens_total"] != nil {
		equal("prompt tokens", prompt, d.of("vllm:prompt_tokens_total", "stage", "0"))
		equal("generated tokens", output, d.of("vllm:generation_tokens_total", "stage", "0"))
	}
	return c
}

// brokenOff counts the failures that the server knows of as ends: replies that
// began and did not come whole, and requests that a stage failed.
func (r *Result) brokenOff() int {
	n := 0
	for _, record := range r.Records {
		if record.Outcome == Failed && !record.Complete && !strings.HasPrefix(record.Err, "status 4") && !strings.HasPrefix(record.Err, "status 503") {
			n++
		}
	}
	return n
}

// continuity compares the listeners without a gap. One whose deficit is within
// the slack of the threshold may be on either side of it.
func (r *Result) continuity(d delta, t Totals) Finding {
	close := 0
	for _, record := range r.Records {
		if v, ok := record.Measure("audio_underrun"); ok && math.Abs(v-r.Options.Continuity.Seconds()) <= slack.Seconds()+slackShare*v {
			close++
		}
	}
	server := d.of(omni+"audio_continuity_ok_total", "threshold_ms", fmt.Sprint(r.Options.Continuity.Milliseconds()))
	return Finding{
		What: "continuous", Client: fmt.Sprintf("%d, %d doubtful", t.Continuous, close), Server: fmt.Sprint(server),
		OK: math.Abs(float64(t.Continuous)-server) <= float64(close), Timed: true,
	}
}

// delta is what a page gained between two snapshots.
type delta struct{ before, after *Snapshot }

func (d delta) of(name string, labels ...string) float64 {
	return d.after.sum(name, labels...) - d.before.sum(name, labels...)
}

// quantiles compares the median and the 90th percentile of a histogram with
// the client's: low is the client's lower bound of each value, high its upper.
func (d delta) quantiles(what, family string, low, high Statistics) []Finding {
	if low.Count == 0 {
		return nil
	}
	var list []Finding
	for _, q := range []float64{50, 90} {
		from, to, ok := d.between(family, q/100)
		l, h := low.Percentile(q), high.Percentile(q)
		list = append(list, Finding{
			What: fmt.Sprintf("%s p%v", what, q), Client: interval(l, h), Server: fmt.Sprintf("(%.3g, %.3g]", from, to),
			OK: ok && h >= from-slackShare*from && l <= to+slackShare*to+slack.Seconds(), Timed: true,
		})
	}
	return list
}

func interval(l, h float64) string {
	if l == h {
		return fmt.Sprintf("%.3f", l)
	}
	return fmt.Sprintf("%.3f..%.3f", l, h)
}

// between finds the bounds of what a quantile can be by the histogram, over all
// children: it lies between two observations, each somewhere in its bucket.
func (d delta) between(family string, q float64) (from, to float64, ok bool) {
	counts := map[float64]float64{}
	add := func(s *Snapshot, sign float64) {
		s.each(family+"_bucket", func(sample check.Sample) {
			le, _ := sample.Label("le")
			var bound float64
			if _, err := fmt.Sscanf(le, "%g", &bound); err != nil {
				bound = math.Inf(1)
			}
			counts[bound] += sign * sample.Value
		})
	}
	add(d.after, 1)
	add(d.before, -1)
	total := counts[math.Inf(1)]
	if total == 0 {
		return 0, 0, false
	}
	var bounds []float64
	for b := range counts {
		bounds = append(bounds, b)
	}
	slices.Sort(bounds)
	rank := q*(total-1) + 1
	below, last := 0.0, bounds[len(bounds)-1]
	low := true
	for _, b := range bounds {
		if low && (counts[b] >= math.Floor(rank) || b == last) {
			from, low = below, false
		}
		if counts[b] >= math.Ceil(rank) || b == last {
			return from, b, true
		}
		below = b
	}
	return 0, 0, false
}
