package check

import (
	"math"
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/metrics"
)

// child is one histogram or summary of a family.
type child struct {
	labels     string
	line       int
	buckets    []bucket
	sum, count float64
	hasSum     bool
	hasCount   bool
}

type bucket struct {
	bound, count float64
	line         int
}

// children gathers the children of a histogram or summary.
func childrenOf(f *Family) (children []*child, unreadable []Sample) {
	byKey := map[string]*child{}
	for _, s := range f.Samples {
		key := s.key()
		ch := byKey[key]
		if ch == nil {
			ch = &child{labels: key, line: s.Line}
			byKey[key] = ch
			children = append(children, ch)
		}
		switch suffix := strings.TrimPrefix(s.Name, f.Name); suffix {
		case "_sum":
			ch.sum, ch.hasSum = s.Value, true
		case "_count":
			ch.count, ch.hasCount = s.Value, true
		case "_bucket":
			le, _ := s.Label("le")
			bound, err := number(le)
			if err != nil {
				unreadable = append(unreadable, s)
				continue
			}
			ch.buckets = append(ch.buckets, bucket{bound, s.Value, s.Line})
		}
	}
	return children, unreadable
}

// histograms looks at every histogram and summary of the page by itself.
func (c *checker) histograms() {
	declared := map[string]metrics.Family{}
	for _, f := range c.table {
		declared[f.Name] = f
	}
	for _, name := range c.page.names() {
		f := c.page.Families[name]
		switch f.Kind {
		case string(metrics.Histogram):
			children, unreadable := childrenOf(f)
			for _, s := range unreadable {
				le, _ := s.Label("le")
				c.find(s.Line, name, "le=%q is no bound", le)
			}
			for _, ch := range children {
				c.histogram(name, ch)
				if d, ok := declared[name]; ok && d.Kind == metrics.Histogram {
					c.bounds(d, ch)
				}
			}
		case string(metrics.Summary):
			children, _ := childrenOf(f)
			for _, ch := range children {
				c.totals(name, ch)
			}
		}
	}
}

// totals asks for the sum and the count of a child.
func (c *checker) totals(name string, ch *child) bool {
	if !ch.hasSum {
		c.find(ch.line, name, "%s has no _sum", ch.labels)
	}
	if !ch.hasCount {
		c.find(ch.line, name, "%s has no _count", ch.labels)
	}
	if ch.hasSum && ch.hasCount && ch.count == 0 && ch.sum != 0 {
		c.find(ch.line, name, "%s has a sum of %v and no observation", ch.labels, ch.sum)
	}
	return ch.hasSum && ch.hasCount
}

// histogram asks that a child is cumulative, that its last bucket is its
// count, and that its sum is one that such buckets can have.
func (c *checker) histogram(name string, ch *child) {
	complete := c.totals(name, ch)
	slices.SortStableFunc(ch.buckets, func(a, b bucket) int {
		switch {
		case a.bound < b.bound:
			return -1
		case a.bound > b.bound:
			return 1
		}
		return 0
	})
	n := len(ch.buckets)
	if n == 0 || !math.IsInf(ch.buckets[n-1].bound, 1) {
		c.find(ch.line, name, "%s has no +Inf bucket", ch.labels)
		return
	}
	low, high, below, before := 0.0, 0.0, 0.0, 0.0
	for i, b := range ch.buckets {
		if i > 0 && b.count < before {
			c.find(b.line, name, "%s is not cumulative: %v up to le=%v after %v", ch.labels, b.count, b.bound, before)
			return
		}
		if more := b.count - before; more > 0 {
			low += more * below
			high += more * b.bound
		}
		before, below = b.count, b.bound
	}
	if !complete {
		return
	}
	if last := ch.buckets[n-1]; last.count != ch.count {
		c.find(last.line, name, "%s has %v in its +Inf bucket and a count of %v", ch.labels, last.count, ch.count)
		return
	}
	if slack := 1e-9 * (1 + math.Abs(ch.sum)); ch.sum < low-slack || ch.sum > high+slack {
		c.find(ch.line, name, "%s has a sum of %v, which its buckets do not allow: it is between %v and %v", ch.labels, ch.sum, low, high)
	}
}

// bounds asks for the table's buckets.
func (c *checker) bounds(f metrics.Family, ch *child) {
	bounds := make([]float64, 0, len(ch.buckets))
	for _, b := range ch.buckets {
		if !math.IsInf(b.bound, 1) {
			bounds = append(bounds, b.bound)
		}
	}
	if f.Lengths { // the page alone knows how long a sequence may be
		f.Buckets = []float64{1}
		if n := len(bounds); n > 0 && bounds[n-1] < 1e15 {
			f.Buckets = metrics.LengthBuckets(int(bounds[n-1]))
		}
	}
	if !slices.Equal(bounds, f.Buckets) {
		c.find(ch.line, f.Name, "%s has the bounds %v, the table has %v", ch.labels, bounds, f.Buckets)
	}
}
