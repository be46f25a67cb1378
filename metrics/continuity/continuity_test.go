package continuity

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

const second = 48000 // bytes of one second at 24 kHz, 16 bit, mono

func ms(n ...int) []time.Duration {
	d := make([]time.Duration, len(n))
	for i, v := range n {
		d[i] = time.Duration(v) * time.Millisecond
	}
	return d
}

func TestSimulate(t *testing.T) {
	for _, c := range []struct {
		name     string
		arrivals []time.Duration
		bytes    []int
		rate     int
		want     Result
	}{
		{"no chunk", nil, nil, 24000, Result{OK: true}},
		{"one chunk, however late", ms(9000), []int{second}, 24000, Result{OK: true}},
		{"in time to the millisecond", ms(0, 1000), []int{second, second}, 24000, Result{OK: true}},
		{"late by the threshold is still fine", ms(0, 1100), []int{second, second}, 24000, Result{100 * time.Millisecond, 1, true}},
		{"late by more is not", ms(0, 1101), []int{second, second}, 24000, Result{101 * time.Millisecond, 1, false}},
		{"the clock is not moved after a stall", ms(0, 1500, 2400), []int{second, second, second}, 24000, Result{500 * time.Millisecond, 2, false}},
		{"a producer that caught up is in time again", ms(0, 1500, 1900), []int{second, second, second}, 24000, Result{500 * time.Millisecond, 1, false}},
		{"the origin does not matter", ms(7000, 8200), []int{second, second}, 24000, Result{200 * time.Millisecond, 1, false}},
		{"an empty first chunk starts no player", ms(0, 5000, 6000), []int{0, second, second}, 24000, Result{OK: true}},
		{"an empty chunk is never late", ms(0, 9000), []int{second, 0}, 24000, Result{OK: true}},
		{"lists of different lengths", ms(0, 9000), []int{second}, 24000, Result{OK: true}},
		{"no rate", ms(0, 9000), []int{second, second}, 0, Result{OK: true}},
	} {
		if got := Simulate(c.arrivals, c.bytes, c.rate, 2, 1, DefaultThreshold); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestPlayerAgreesWithTheFormula compares the running simulation with the
// formula written out over whole lists.
func TestPlayerAgreesWithTheFormula(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := 1 + r.IntN(30)
		arrivals, bytes := make([]time.Duration, n), make([]int, n)
		at := time.Duration(0)
		for i := range n {
			at += time.Duration(r.Int64N(int64(200 * time.Millisecond)))
			arrivals[i], bytes[i] = at, 2*(1+r.IntN(5000))
		}
		var worst float64
		events := 0
		for i := 1; i < n; i++ {
			sum := 0
			for _, b := range bytes[:i] {
				sum += b
			}
			deficit := (arrivals[i] - arrivals[0]).Seconds() - float64(sum)/second
			if deficit > 1e-9 {
				events++
			}
			worst = max(worst, deficit)
		}
		got := Simulate(arrivals, bytes, 24000, 2, 1, DefaultThreshold)
		if math.Abs(got.Underrun.Seconds()-worst) > 2e-9 || got.Events != events {
			t.Fatalf("%+v, the formula gives %v and %d events", got, worst, events)
		}
	}
}

func TestThresholdLabelRounds(t *testing.T) {
	for threshold, want := range map[time.Duration]string{
		DefaultThreshold:         "100",
		99999 * time.Microsecond: "100",
		500 * time.Microsecond:   "1",
		2 * time.Second:          "2000",
	} {
		if got := ThresholdLabel(threshold); got != want {
			t.Errorf("%v: %q, want %q", threshold, got, want)
		}
	}
}

func TestPlayerAllocatesNothing(t *testing.T) {
	p := NewPlayer(24000, 2, 1)
	at := time.Duration(0)
	if n := testing.AllocsPerRun(100, func() {
		at += time.Millisecond
		p.Chunk(at, 48)
	}); n != 0 {
		t.Errorf("%v allocations a chunk", n)
	}
}
