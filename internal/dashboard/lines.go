package dashboard

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// line is one line of a chart: a value a step, NaN where there was none.
type line struct {
	key    lineKey
	values []float32 // a ring, of which the step's place is step modulo its length
	last   int64     // the newest step with a value
}

// lineKey says which line it is, and where it stands among a chart's.
type lineKey struct {
	chart string
	order int // lines are listed by it, then by name
	name  string
}

// lines are all lines and the times of their steps, for as long as the history
// goes back. Their number is bounded.
type lines struct {
	byKey map[lineKey]*line
	times []float64 // Unix seconds, a ring as those of the lines
	most  int
	step  int64 // the newest; the first one is 1
}

func newLines(steps, most int) *lines {
	return &lines{byKey: make(map[lineKey]*line), times: make([]float64, steps), most: most}
}

// next begins a step.
func (ls *lines) next(at float64) {
	ls.step++
	i := ls.place(ls.step)
	ls.times[i] = at
	for k, l := range ls.byKey {
		if ls.step-l.last >= int64(len(ls.times)) {
			delete(ls.byKey, k)
			continue
		}
		l.values[i] = float32(math.NaN())
	}
}

func (ls *lines) place(step int64) int { return int(step % int64(len(ls.times))) }

// set gives a line its value of this step, unless there is no room for a
// further line.
func (ls *lines) set(chart string, order int, name string, value float64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	k := lineKey{chart, order, name}
	l := ls.byKey[k]
	if l == nil {
		if len(ls.byKey) >= ls.most {
			return
		}
		l = &line{key: k, values: make([]float32, len(ls.times))}
		for i := range l.values {
			l.values[i] = float32(math.NaN())
		}
		ls.byKey[k] = l
	}
	l.values[ls.place(ls.step)] = float32(value)
	l.last = ls.step
}

// of lists a chart's lines in their order.
func (ls *lines) of(chart string) []*line {
	var list []*line
	for k, l := range ls.byKey {
		if k.chart == chart {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b *line) int {
		return cmp.Or(a.key.order-b.key.order, cmp.Compare(a.key.name, b.key.name))
	})
	return list
}

// first is the oldest step that is kept after one that a viewer has.
func (ls *lines) first(after int64) int64 {
	return max(after+1, ls.step-int64(len(ls.times))+1, 1)
}

// points are a line's values of the steps from first on, as JSON has them: four
// digits, null where there is no value.
type points []float32

func (ls *lines) points(l *line, first int64) points {
	p := make(points, 0, ls.step-first+1)
	for s := first; s <= ls.step; s++ {
		p = append(p, l.values[ls.place(s)])
	}
	return p
}

// MarshalJSON implements json.Marshaler.
func (p points) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 6*len(p)+2), '[')
	for i, v := range p {
		if i > 0 {
			b = append(b, ',')
		}
		if v != v {
			b = append(b, "null"...)
			continue
		}
		b = strconv.AppendFloat(b, rounded(float64(v)), 'g', -1, 64)
	}
	return append(b, ']'), nil
}

// rounded keeps four digits.
func rounded(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
