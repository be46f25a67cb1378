package bench

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Report says what a summary shows.
type Report struct {
	// Metrics are the names of the metrics shown; nil shows all that occurred.
	Metrics []string
	// Percentiles are shown beside mean and median; default 99.
	Percentiles []float64
}

func (p Report) shows(m metric) bool { return p.Metrics == nil || slices.Contains(p.Metrics, m.name) }

func (p Report) percentiles() []float64 {
	if len(p.Percentiles) == 0 {
		return []float64{99}
	}
	return p.Percentiles
}

// banner centres a title in a line of 50 signs.
func banner(title, sign string) string {
	if title != "" {
		title = " " + title + " "
	}
	left := max(0, 50-len(title)) / 2
	return strings.Repeat(sign, left) + title + strings.Repeat(sign, max(0, 50-len(title)-left)) + "\n"
}

// WriteSummary writes the table that users of vllm bench know.
func (r *Result) WriteSummary(w io.Writer, p Report) error {
	var b strings.Builder
	row := func(label string, value any) {
		if f, ok := value.(float64); ok {
			value = strconv.FormatFloat(f, 'f', 2, 64)
		}
		fmt.Fprintf(&b, "%-40s %-10v\n", label, value)
	}
	t := r.Totals()
	o := &r.Options
	b.WriteString(banner("Serving Benchmark Result", "="))
	row("Successful requests:", t.OK)
	row("Failed requests:", t.Failed)
	if t.Aborted > 0 {
		row("Aborted requests (on purpose):", t.Aborted)
	}
	if o.MaxConcurrency > 0 {
		row("Maximum request concurrency:", o.MaxConcurrency)
	}
	if o.open() {
		row("Request rate configured (RPS):", o.RequestRate)
	}
	row("Benchmark duration (s):", r.Duration.Seconds())
	row("Request throughput (req/s):", t.Throughput)
	if len(o.Goodput) > 0 {
		row("Request goodput (req/s):", t.Goodput)
	}
	row("Peak concurrent requests:", t.PeakConcurrency)
	table := func(name string) {
		i := slices.IndexFunc(metricTable, func(m metric) bool { return m.name == name })
		m := metricTable[i]
		s := r.Statistics(name)
		if s.Count == 0 || !p.shows(m) {
			return
		}
		b.WriteString(banner(m.title, "-"))
		row("Mean "+m.label+":", s.Mean)
		row("Median "+m.label+":", s.Median)
		for _, q := range p.percentiles() {
			row(fmt.Sprintf("P%v %s:", q, m.label), s.Percentile(q))
		}
	}
	table("e2el")
	if t.Prompt+t.Output > 0 {
		b.WriteString(banner("Text Result", "="))
		row("Total input tokens:", t.Prompt)
		row("Total generated tokens:", t.Output)
		row("Output token throughput (tok/s):", t.OutputThroughput)
		row("Peak output token throughput (tok/s):", t.PeakOutput)
		row("Total Token throughput (tok/s):", t.Overall)
		table("ttft")
		table("tpot")
		table("itl")
	}
	if t.Frames > 0 {
		b.WriteString(banner("Audio Result", "="))
		row("Total audio duration generated(s):", t.AudioSeconds)
		row("Total audio frames generated:", t.Frames)
		row("Audio throughput(audio duration/s):", t.AudioThroughput)
		if t.Heard > 0 {
			row("Streaming continuity OK rate:", continuityRate(t)*100)
		}
		for _, name := range []string{"audio_ttfp", "audio_rtf", "audio_stream_rtf", "audio_duration", "audio_underrun"} {
			table(name)
		}
	}
	b.WriteString(banner("", "="))
	if o.open() {
		b.WriteString("Latencies count from the intended start of each request (no coordinated omission).\n")
	}
	for _, why := range slices.SortedFunc(maps.Keys(t.Failures), func(a, b string) int { return t.Failures[b] - t.Failures[a] }) {
		fmt.Fprintf(&b, "%d failed: %s\n", t.Failures[why], why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func continuityRate(t Totals) float64 {
	if t.Heard == 0 {
		return math.NaN()
	}
	return float64(t.Continuous) / float64(t.Heard)
}
