package audio

import "math"

// Meter measures the level of a sound that comes in pieces. The zero Meter has
// heard nothing.
type Meter struct {
	samples int64
	peak    float64
	squares float64 // sum
}

// Add takes in the next samples.
func (m *Meter) Add(samples []float32) {
	for _, s := range samples {
		v := float64(s)
		m.peak = max(m.peak, math.Abs(v))
		m.squares += v * v
	}
	m.samples += int64(len(samples))
}

// Samples counts what was taken in.
func (m *Meter) Samples() int64 { return m.samples }

// Level returns the largest and the root mean square magnitude so far, on the
// samples' own scale; both are 0 for none.
func (m *Meter) Level() (peak, rms float64) {
	if m.samples == 0 {
		return 0, 0
	}
	return m.peak, math.Sqrt(m.squares / float64(m.samples))
}

// Level returns the largest and the root mean square magnitude of samples, on
// their own scale; both are 0 for none.
func Level(samples []float32) (peak, rms float64) {
	var m Meter
	m.Add(samples)
	return m.Level()
}

// Decibels is a magnitude relative to full scale (dBFS): 0 for 1, -Inf for 0.
func Decibels(magnitude float64) float64 { return 20 * math.Log10(magnitude) }
