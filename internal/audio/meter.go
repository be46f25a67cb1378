package audio

import (
	"encoding/binary"
	"math"
	"slices"
)

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

// SilentPeak is the peak below which a sound cannot be heard: -60 dBFS.
const SilentPeak = 1e-3

// Silent says whether nothing of a sound can be heard; no sound is not silent.
func (m *Meter) Silent() bool { return m.samples > 0 && m.peak < SilentPeak }

// AppendS16LE appends samples as the function of that name does and takes them
// in as the listener gets them.
func (m *Meter) AppendS16LE(dst []byte, samples []float32) []byte {
	start := len(dst)
	dst = slices.Grow(dst, len(samples)*BytesPerSample)[:start+len(samples)*BytesPerSample]
	out := dst[start:]
	var peak, squares int64
	for i, s := range samples {
		q := quantize(s)
		binary.LittleEndian.PutUint16(out[i*BytesPerSample:], uint16(q))
		v := int64(q)
		squares += v * v
		peak = max(peak, v, -v)
	}
	m.peak = max(m.peak, float64(peak)/math.MaxInt16)
	m.squares += float64(squares) / (math.MaxInt16 * math.MaxInt16)
	m.samples += int64(len(samples))
	return dst
}

// AppendWAV appends a whole one-channel WAV file and takes its samples in.
func (m *Meter) AppendWAV(dst []byte, rate int, samples []float32) []byte {
	dataBytes := min(uint64(len(samples))*BytesPerSample, StreamedSize)
	return m.AppendS16LE(AppendWAVHeader(dst, rate, 1, uint32(dataBytes)), samples)
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
