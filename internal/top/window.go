// Package top shows a server's metrics page as a table that a terminal
// refreshes: stages by replicas, and the hops between them. It reads the pages
// of Limelight and of vLLM-Omni.
package top

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/internal/buckets"
	"github.com/limelight-omni/limelight/metrics/check"
)

// Window is what happened between two looks at a page.
type Window struct {
	before, after *check.Page // before is nil at the first look
	took          time.Duration
}

// NewWindow compares a page with the one before it, which was read so long
// ago. Without one, counters are shown since the server's start.
func NewWindow(before, after *check.Page, took time.Duration) Window {
	return Window{before, after, took}
}

// match says whether a sample has the labels, given as names and values.
func match(s check.Sample, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		if v, ok := s.Label(labels[i]); !ok || v != labels[i+1] {
			return false
		}
	}
	return true
}

// family finds the family that a sample's name is of.
func family(p *check.Page, name string) *check.Family {
	if p == nil {
		return nil
	}
	for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && p.Families[base] != nil {
			return p.Families[base]
		}
	}
	return nil
}

// sum adds up the samples of a name; false if the page has none.
func sum(p *check.Page, name string, labels ...string) (total float64, found bool) {
	if f := family(p, name); f != nil {
		for _, s := range f.Samples {
			if s.Name == name && match(s, labels) {
				total += s.Value
				found = true
			}
		}
	}
	return total, found
}

// Gauge is the value of the moment; false if the page has none.
func (w Window) Gauge(name string, labels ...string) (float64, bool) {
	return sum(w.after, name, labels...)
}

// Gain is how much a counter went up; false if the page has none. A counter
// that went down has begun again.
func (w Window) Gain(name string, labels ...string) (float64, bool) {
	now, ok := sum(w.after, name, labels...)
	then, _ := sum(w.before, name, labels...)
	if then > now {
		then = 0
	}
	return now - then, ok
}

// Rate is a counter's gain a second; false at the first look.
func (w Window) Rate(name string, labels ...string) (float64, bool) {
	gain, ok := w.Gain(name, labels...)
	if !ok || w.before == nil || w.took <= 0 {
		return 0, false
	}
	return gain / w.took.Seconds(), true
}

// histogram is what a histogram gained, over all samples with the labels, as
// package buckets has it. When nothing happened in the window it is all since the
// server's start.
func (w Window) histogram(name string, labels ...string) (bounds, counts []float64) {
	read := func(p *check.Page) map[float64]float64 {
		counts := map[float64]float64{}
		if f := family(p, name); f != nil {
			for _, s := range f.Samples {
				if s.Name != name+"_bucket" || !match(s, labels) {
					continue
				}
				le, _ := s.Label("le")
				bound, err := strconv.ParseFloat(le, 64)
				if err != nil {
					continue
				}
				counts[bound] += s.Value
			}
		}
		return counts
	}
	now, then := read(w.after), read(w.before)
	inf := math.Inf(1)
	if then[inf] >= now[inf] {
		then = nil // nothing new, or the server began again
	}
	total := now[inf] - then[inf]
	delete(now, inf)
	bounds = slices.Sorted(maps.Keys(now))
	for _, bound := range bounds {
		counts = append(counts, now[bound]-then[bound])
	}
	return bounds, append(counts, total)
}

// Quantile estimates a quantile. It is false when there was no observation.
func (w Window) Quantile(q float64, name string, labels ...string) (float64, bool) {
	bounds, counts := w.histogram(name, labels...)
	return buckets.Quantile(q, bounds, counts)
}

// children lists the values that labels take together, in order; numbers are
// ordered as such.
func (w Window) children(labels []string, names ...string) [][]string {
	seen := map[string]bool{}
	var list [][]string
	for _, name := range names {
		f := family(w.after, name)
		if f == nil {
			continue
		}
		for _, s := range f.Samples {
			values := make([]string, len(labels))
			complete := true
			for i, label := range labels {
				var ok bool
				values[i], ok = s.Label(label)
				complete = complete && ok
			}
			if key := strings.Join(values, "\x00"); complete && !seen[key] {
				seen[key] = true
				list = append(list, values)
			}
		}
	}
	slices.SortFunc(list, func(a, b []string) int {
		return slices.CompareFunc(a, b, func(x, y string) int {
			m, errM := strconv.Atoi(x)
			n, errN := strconv.Atoi(y)
			if errM == nil && errN == nil {
				return m - n
			}
			return strings.Compare(x, y)
		})
	})
	return list
}
