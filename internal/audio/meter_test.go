package audio

import (
	"bytes"
	"math"
	"testing"
)

// tone is a second of 440 Hz at 24 kHz.
func tone(peak float64) []float32 {
	samples := make([]float32, 24000)
	for i := range samples {
		samples[i] = float32(peak * math.Sin(2*math.Pi*440*float64(i)/24000))
	}
	return samples
}

func TestMeterHearsWhatTheListenerGets(t *testing.T) {
	samples := append(tone(0.5), 2, -3, float32(math.NaN()))
	var m Meter
	got := m.AppendS16LE([]byte("x"), samples[:1000])
	got = m.AppendS16LE(got, samples[1000:])
	if !bytes.Equal(got, AppendS16LE([]byte("x"), samples)) {
		t.Error("measuring changes the sound")
	}
	var want Meter
	want.Add(AppendFloat32(nil, got[1:]))
	peak, rms := m.Level()
	wantPeak, wantRMS := want.Level()
	if peak != wantPeak || peak != 1 || math.Abs(rms-wantRMS) > 1e-9 || m.Samples() != int64(len(samples)) {
		t.Errorf("peak %v, rms %v of %d samples; want %v, %v", peak, rms, m.Samples(), wantPeak, wantRMS)
	}
	if file := new(Meter).AppendWAV(nil, 24000, samples); !bytes.Equal(file, AppendWAV(nil, 24000, samples)) {
		t.Error("measuring changes the file")
	}
}

func TestSoundIsSilentBelowAThousandthOfFullScale(t *testing.T) {
	for _, c := range []struct {
		name    string
		samples []float32
		silent  bool
	}{
		{"no sound", nil, false},
		{"zeros", make([]float32, 480), true},
		{"a whisper of noise", []float32{0, 9e-4, -9e-4}, true},
		{"one sample", append(make([]float32, 480), -2e-3), false},
		{"a tone", tone(0.1), false},
	} {
		var m Meter
		m.AppendS16LE(nil, c.samples)
		if m.Silent() != c.silent {
			t.Errorf("%s: silent is %v", c.name, m.Silent())
		}
	}
}

// BenchmarkMeasure encodes a second of sound, with and without its level.
func BenchmarkMeasure(b *testing.B) {
	samples, buf := tone(0.5), make([]byte, 0, 48000)
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			AppendS16LE(buf, samples)
		}
	})
	b.Run("measured", func(b *testing.B) {
		var m Meter
		b.ReportAllocs()
		for b.Loop() {
			m.AppendS16LE(buf, samples)
		}
	})
}
