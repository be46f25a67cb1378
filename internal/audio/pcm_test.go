package audio

import (
	"bytes"
	"math"
	"testing"
)

func TestSamplesAreClampedAndRoundedToNearest(t *testing.T) {
	const step = 1.0 / 32767
	for sample, want := range map[float32]int16{
		0: 0, 1: 32767, -1: -32767, 2: 32767, -2: -32767,
		0.5: 16384, -0.5: -16384, // 16383.5: a half goes to the even neighbour
		0.49 * step: 0, -0.49 * step: 0, 0.51 * step: 1, -0.51 * step: -1,
		float32(math.Inf(1)): 32767, float32(math.Inf(-1)): -32767,
	} {
		b := AppendS16LE(nil, []float32{sample})
		if got := int16(b[0]) | int16(b[1])<<8; got != want {
			t.Errorf("%v: %d, want %d", sample, got, want)
		}
	}
	if b := AppendS16LE(nil, []float32{float32(math.NaN())}); !bytes.Equal(b, []byte{0, 0}) {
		t.Errorf("NaN: %v, want silence", b)
	}
}

func TestPCMComesBack(t *testing.T) {
	pcm := make([]byte, 0, 1<<17)
	for v := -32767; v <= 32767; v++ {
		pcm = append(pcm, byte(v), byte(v>>8))
	}
	if got := AppendS16LE(nil, AppendFloat32(nil, pcm)); !bytes.Equal(got, pcm) {
		t.Error("PCM to samples and back is not the same")
	}
	if got := AppendFloat32(nil, []byte{0, 0x80, 7}); len(got) != 1 || got[0] != -1 {
		t.Errorf("-32768 and an odd byte: %v, want [-1]", got)
	}
}

func TestPCMIsAppended(t *testing.T) {
	if got := AppendS16LE([]byte("ab"), []float32{1}); !bytes.Equal(got, []byte("ab\xff\x7f")) {
		t.Errorf("%q", got)
	}
}

func TestLevel(t *testing.T) {
	for _, c := range []struct {
		samples   []float32
		peak, rms float64
	}{
		{nil, 0, 0},
		{make([]float32, 5), 0, 0},
		{[]float32{0.5, -0.5, 0.5, -0.5}, 0.5, 0.5},
		{[]float32{0, -1, 0, 0}, 1, 0.5},
	} {
		if peak, rms := Level(c.samples); peak != c.peak || rms != c.rms {
			t.Errorf("%v: peak %v and rms %v, want %v and %v", c.samples, peak, rms, c.peak, c.rms)
		}
	}
}

func TestConversionAllocatesNothingWhenThereIsRoom(t *testing.T) {
	samples, dst := make([]float32, 480), make([]byte, 0, WAVHeaderSize+960)
	if n := testing.AllocsPerRun(100, func() { dst = AppendWAV(dst[:0], 24000, samples) }); n != 0 {
		t.Errorf("to PCM: %v allocations", n)
	}
	back := make([]float32, 0, 480)
	if n := testing.AllocsPerRun(100, func() { back = AppendFloat32(back[:0], dst[WAVHeaderSize:]) }); n != 0 {
		t.Errorf("from PCM: %v allocations", n)
	}
}

// noise is two seconds of sound at 24 kHz, of both signs in no order.
func noise() []float32 {
	samples := make([]float32, 48000)
	state := uint32(1)
	for i := range samples {
		state = state*1664525 + 1013904223
		samples[i] = float32(int32(state)) / (1 << 31)
	}
	return samples
}

func BenchmarkAppendS16LE(b *testing.B) {
	samples := noise()
	dst := make([]byte, 0, len(samples)*BytesPerSample)
	b.ReportAllocs()
	b.SetBytes(int64(cap(dst)))
	for b.Loop() {
		dst = AppendS16LE(dst[:0], samples)
	}
}

func BenchmarkAppendFloat32(b *testing.B) {
	pcm := AppendS16LE(nil, noise())
	dst := make([]float32, 0, len(pcm)/BytesPerSample)
	b.ReportAllocs()
	b.SetBytes(int64(len(pcm)))
	for b.Loop() {
		dst = AppendFloat32(dst[:0], pcm)
	}
}
