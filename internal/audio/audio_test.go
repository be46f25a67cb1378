package audio

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestSamplesAreClampedRoundedAndSymmetric(t *testing.T) {
	for sample, want := range map[float32]int16{
		0: 0, 1: 32767, -1: -32767, 2: 32767, -2: -32767,
		0.5: 16384, -0.5: -16384, 1e-6: 0, -1e-6: 0, float32(math.Inf(1)): 32767,
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
}

func TestWAVHeaderSaysWhatFollows(t *testing.T) {
	samples := []float32{0, 0.25, -0.25}
	file := AppendWAV(nil, 24000, samples)
	if len(file) != WAVHeaderSize+6 {
		t.Fatalf("%d bytes", len(file))
	}
	f, pcm, err := ParseWAV(file)
	if err != nil || f != (Format{24000, 1, 16}) || !bytes.Equal(pcm, AppendS16LE(nil, samples)) {
		t.Errorf("%+v, %v, %v", f, pcm, err)
	}
}

func TestStreamedWAVEndsWhereTheFileEnds(t *testing.T) {
	file := AppendWAVHeader(nil, 24000, 1, StreamedSize)
	file = append(file, 1, 2, 3, 4)
	if _, pcm, err := ParseWAV(file); err != nil || !bytes.Equal(pcm, []byte{1, 2, 3, 4}) {
		t.Errorf("%v, %v", pcm, err)
	}
}

func TestUnknownChunksArePassedOver(t *testing.T) {
	file := AppendWAV(nil, 24000, []float32{0.5})
	list := append([]byte("LIST\x03\x00\x00\x00abc\x00"), file[12:]...)
	if _, pcm, err := ParseWAV(append(file[:12:12], list...)); err != nil || len(pcm) != 2 {
		t.Errorf("%v, %v", pcm, err)
	}
}

func TestBrokenWAVSaysWhatIsWrong(t *testing.T) {
	good := AppendWAV(nil, 24000, []float32{0.5})
	change := func(at int, b byte) []byte {
		c := bytes.Clone(good)
		c[at] = b
		return c
	}
	for want, file := range map[string][]byte{
		"no RIFF/WAVE header":    good[:11],
		"no data chunk":          good[:36],
		"is not PCM":             change(20, 3),
		"rate 0":                 append(append(bytes.Clone(good[:24]), 0, 0, 0, 0), good[28:]...),
		"fmt chunk of 2 bytes":   change(16, 2),
		"before the fmt chunk":   change(12, 'x'),
		"0 channels":             change(22, 0),
		"7 bits a sample":        change(34, 7),
		"wav: no RIFF/WAVE head": nil,
	} {
		if _, _, err := ParseWAV(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestLevel(t *testing.T) {
	if peak, rms := Level([]float32{0.5, -0.5, 0.5, -0.5}); peak != 0.5 || rms != 0.5 {
		t.Errorf("peak %v, rms %v", peak, rms)
	}
	if peak, rms := Level(nil); peak != 0 || rms != 0 {
		t.Errorf("silence: peak %v, rms %v", peak, rms)
	}
}

func TestConversionAllocatesNothingWhenThereIsRoom(t *testing.T) {
	samples, dst := make([]float32, 480), make([]byte, 0, 960)
	if n := testing.AllocsPerRun(100, func() { dst = AppendS16LE(dst[:0], samples) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseWAV(f *testing.F) {
	f.Add(AppendWAV(nil, 24000, []float32{0.5, -1}))
	f.Add(AppendWAVHeader(nil, 48000, 2, StreamedSize))
	f.Fuzz(func(t *testing.T, file []byte) {
		format, pcm, err := ParseWAV(file)
		if err == nil && (format.Rate <= 0 || len(pcm) > len(file)) {
			t.Errorf("%+v with %d of %d bytes", format, len(pcm), len(file))
		}
	})
}

func BenchmarkAppendS16LE(b *testing.B) {
	samples, dst := make([]float32, 48000), make([]byte, 0, 96000)
	b.ReportAllocs()
	b.SetBytes(96000)
	for b.Loop() {
		dst = AppendS16LE(dst[:0], samples)
	}
}
