package rules

import (
	"regexp"
	"strconv"
	"time"
)

// scale divides durations.
type scale int

const day = 24 * time.Hour

// of is a duration of production at the scale, 1 ms at least.
func (s scale) of(d time.Duration) time.Duration {
	return max((d / time.Duration(s)).Round(time.Millisecond), time.Millisecond)
}

// text is of as Prometheus writes it.
func (s scale) text(d time.Duration) string { return duration(s.of(d)) }

// seconds is of as a number in an expression.
func (s scale) seconds(d time.Duration) string {
	return strconv.FormatFloat(s.of(d).Seconds(), 'g', 12, 64)
}

// windows finds the durations of an expression: ranges, steps and offsets; and
// seconds(5m), which stands for a duration as a number.
var windows = regexp.MustCompile(`(\[|:|offset |seconds\()([0-9]+)(ms|s|m|h|d)\b(\)?)`)

// expr brings the windows of an expression of production to the scale.
func (s scale) expr(e string) string {
	return windows.ReplaceAllStringFunc(e, func(found string) string {
		m := windows.FindStringSubmatch(found)
		n, err := strconv.Atoi(m[2])
		if err != nil {
			panic("BUG: window " + found)
		}
		d := time.Duration(n) * units[m[3]]
		if m[1] == "seconds(" {
			return s.seconds(d)
		}
		return m[1] + s.text(d) + m[4]
	})
}

var units = map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day}

// duration writes one as Prometheus and VictoriaMetrics read it: a whole number
// of the largest unit that it is made of.
func duration(d time.Duration) string {
	for _, unit := range []string{"d", "h", "m", "s"} {
		if size := units[unit]; d >= size && d%size == 0 {
			return strconv.FormatInt(int64(d/size), 10) + unit
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}
