package bench

import (
	"math"
	"slices"
	"time"
)

// Statistics sum up one metric.
type Statistics struct {
	Count             int
	Mean, Median, Std float64
	values            []float64 // sorted
}

func newStatistics(values []float64) Statistics {
	s := Statistics{Count: len(values), values: slices.Sorted(slices.Values(values))}
	if s.Count == 0 {
		return s
	}
	for _, v := range values {
		s.Mean += v / float64(s.Count)
	}
	for _, v := range values {
		s.Std += (v - s.Mean) * (v - s.Mean) / float64(s.Count)
	}
	s.Std = math.Sqrt(s.Std)
	s.Median = s.Percentile(50)
	return s
}

// Percentile interpolates linearly between the nearest values, as numpy does.
func (s Statistics) Percentile(p float64) float64 {
	if s.Count == 0 {
		return 0
	}
	at := p / 100 * float64(s.Count-1)
	low := int(at)
	if low+1 >= s.Count {
		return s.values[s.Count-1]
	}
	return s.values[low] + (at-float64(low))*(s.values[low+1]-s.values[low])
}

// Statistics returns the metric's statistics over the requests that have it.
func (r *Result) Statistics(name string) Statistics {
	var values []float64
	for _, record := range r.Records {
		if name == "itl" {
			values = append(values, record.gaps()...)
		} else if v, ok := record.Measure(name); ok {
			values = append(values, v)
		}
	}
	return newStatistics(values)
}

// Totals are the sums over a run.
type Totals struct {
	OK, Failed, Aborted       int
	Prompt, Output            int // tokens
	AudioSeconds              float64
	Frames                    int
	Heard, Continuous         int // streamed replies with audio; those without a gap
	Good                      int // requests that hold every bound of the goodput
	PeakConcurrency           int
	PeakOutput                float64 // texts a second
	Throughput                float64 // requests a second
	Goodput                   float64 // good requests a second
	AudioThroughput           float64 // seconds of audio a second
	OutputThroughput, Overall float64 // tokens a second
	Failures                  map[string]int
}

// Totals sums the run up.
func (r *Result) Totals() Totals {
	t := Totals{Failures: map[string]int{}}
	for _, record := range r.Records {
		switch record.Outcome {
		case Aborted:
			t.Aborted++
			continue
		case Failed:
			t.Failed++
			t.Failures[record.Err]++
			continue
		}
		t.OK++
		t.Prompt += record.Prompt
		t.Output += record.Output
		t.Frames += record.Frames()
		t.AudioSeconds += record.Duration().Seconds()
		if _, heard := record.Measure("audio_underrun"); heard {
			t.Heard++
			if record.Continuous {
				t.Continuous++
			}
		}
		if r.good(record) {
			t.Good++
		}
	}
	t.PeakConcurrency = r.peakConcurrency()
	t.PeakOutput = r.peakOutput()
	if seconds := r.Duration.Seconds(); seconds > 0 {
		t.Throughput = float64(t.OK) / seconds
		t.Goodput = float64(t.Good) / seconds
		t.AudioThroughput = t.AudioSeconds / seconds
		t.OutputThroughput = float64(t.Output) / seconds
		t.Overall = float64(t.Prompt+t.Output) / seconds
	}
	return t
}

// good says whether a request holds every bound. A bound on a measure that the
// request does not have is held.
func (r *Result) good(record *Record) bool {
	for name, bound := range r.Options.Goodput {
		if v, ok := record.Measure(name); ok && v > bound {
			return false
		}
	}
	return true
}

// step is a change of the number of requests under way.
type step struct {
	at time.Duration
	by int
}

// steps are the changes over the run, in order; ends go before starts.
func (r *Result) steps() []step {
	var all []step
	for _, record := range r.Records {
		all = append(all, step{record.Start + record.Sent, 1}, step{record.Start + record.End, -1})
	}
	slices.SortFunc(all, func(a, b step) int {
		if a.at != b.at {
			return int(min(1, max(-1, a.at-b.at)))
		}
		return a.by - b.by
	})
	return all
}

func (r *Result) peakConcurrency() int {
	peak, now := 0, 0
	for _, s := range r.steps() {
		now += s.by
		peak = max(peak, now)
	}
	return peak
}

// peakOutput is the largest number of texts that came within one second of the
// run's clock.
func (r *Result) peakOutput() float64 {
	bins := map[int]float64{}
	peak := 0.0
	for _, record := range r.Records {
		for _, at := range record.Texts {
			bin := int((record.Start + at) / time.Second)
			bins[bin]++
			peak = max(peak, bins[bin])
		}
	}
	return peak
}
