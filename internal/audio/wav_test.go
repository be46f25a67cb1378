package audio

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func TestWAVHeaderSaysWhatFollows(t *testing.T) {
	got := AppendWAVHeader(nil, 24000, 2, 8)
	want := "RIFF\x2c\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00" +
		"\xc0\x5d\x00\x00\x00\x77\x01\x00\x04\x00\x10\x00data\x08\x00\x00\x00"
	if string(got) != want {
		t.Errorf("%q, want\n%q", got, want)
	}
}

func TestWAVComesBack(t *testing.T) {
	samples := []float32{0, 0.25, -0.25}
	file := AppendWAV(nil, 24000, samples)
	f, pcm, err := ParseWAV(file)
	if err != nil || f != (Format{24000, 1, 16}) || !bytes.Equal(pcm, AppendS16LE(nil, samples)) {
		t.Errorf("%+v, %v, %v", f, pcm, err)
	}
	if f, pcm, err := ParseWAV(AppendWAV(nil, 16000, nil)); err != nil || len(pcm) != 0 || f.Rate != 16000 {
		t.Errorf("without a sample: %+v, %v, %v", f, pcm, err)
	}
}

func TestStreamedAndOversizedWAVEndWhereTheFileEnds(t *testing.T) {
	for _, size := range []uint32{StreamedSize, StreamedSize - 1, 1<<31 - 1, 100, 5} {
		file := append(AppendWAVHeader(nil, 24000, 1, size), 1, 2, 3, 4)
		if _, pcm, err := ParseWAV(file); err != nil || !bytes.Equal(pcm, []byte{1, 2, 3, 4}) {
			t.Errorf("size %d: %v, %v", size, pcm, err)
		}
	}
	streamed := AppendWAVHeader(nil, 24000, 1, StreamedSize)
	if file, data := binary.LittleEndian.Uint32(streamed[4:]), binary.LittleEndian.Uint32(streamed[40:]); file != StreamedSize || data != StreamedSize {
		t.Errorf("sizes %#x and %#x, want both StreamedSize", file, data)
	}
	if huge := AppendWAVHeader(nil, 24000, 1, StreamedSize-10); !bytes.Equal(huge, streamed) {
		t.Error("a size whose file size does not fit 32 bits is not written as streamed")
	}
}

func TestSoundIsCutToWholeFrames(t *testing.T) {
	file := append(AppendWAVHeader(nil, 24000, 2, StreamedSize), 1, 2, 3, 4, 5, 6, 7)
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

// extensible is a file whose fmt chunk names its format in a GUID.
func extensible(tag byte) []byte {
	plain := AppendWAV(nil, 48000, []float32{0.5})
	chunk := append([]byte("fmt \x28\x00\x00\x00\xfe\xff"), plain[22:36]...)
	chunk = append(chunk, 22, 0, 16, 0, 4, 0, 0, 0, tag, 0)
	chunk = append(chunk, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	return append(append(plain[:12:12], chunk...), plain[36:]...)
}

func TestExtensibleFormatIsReadIfItIsPCM(t *testing.T) {
	if f, pcm, err := ParseWAV(extensible(tagPCM)); err != nil || len(pcm) != 2 || f.Rate != 48000 {
		t.Errorf("%+v, %v, %v", f, pcm, err)
	}
	if _, _, err := ParseWAV(extensible(3)); err == nil {
		t.Error("floats were taken for integers")
	}
}

func TestBrokenWAVSaysWhatIsWrong(t *testing.T) {
	good := AppendWAV(nil, 24000, []float32{0.5})
	change := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"nothing", "no RIFF/WAVE header", nil},
		{"cut header", "no RIFF/WAVE header", good[:11]},
		{"another form", "no RIFF/WAVE header", change(8, 'A', 'V', 'I', ' ')},
		{"cut before data", "no data chunk", good[:36]},
		{"cut in a chunk's header", "no data chunk", good[:40]},
		{"floats", "format 0x3 is not integer PCM", change(20, 3)},
		{"short fmt", "fmt chunk: 2 bytes", change(16, 2)},
		{"cut fmt", "fmt chunk: 4 bytes", good[:24]},
		{"no fmt", "before the fmt chunk", change(12, 'x')},
		{"no rate", "rate 0", change(24, 0, 0, 0, 0)},
		{"no channels", "0 channels", change(22, 0)},
		{"odd width", "7 bits a sample", change(34, 7)},
	} {
		if _, _, err := ParseWAV(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzParseWAV(f *testing.F) {
	f.Add(AppendWAV(nil, 24000, []float32{0.5, -1}))
	f.Add(append(AppendWAVHeader(nil, 48000, 2, StreamedSize), "streamed"...))
	f.Add(extensible(tagPCM))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVELIST\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		format, pcm, err := ParseWAV(file)
		if err != nil {
			if format != (Format{}) || pcm != nil {
				t.Errorf("%+v and %d bytes beside the error %v", format, len(pcm), err)
			}
			return
		}
		frame := format.Channels * format.BitsPerSample / 8
		if format.Rate <= 0 || frame <= 0 || len(pcm)%frame != 0 || !bytes.Contains(file, pcm) {
			t.Errorf("%+v with %d of %d bytes", format, len(pcm), len(file))
		}
		if format.BitsPerSample != 16 || format.Rate > 1<<24 {
			return
		}
		again, same, err := ParseWAV(append(AppendWAVHeader(nil, format.Rate, format.Channels, uint32(len(pcm))), pcm...))
		if err != nil || again != format || !bytes.Equal(same, pcm) {
			t.Errorf("written again: %+v, %v; was %+v", again, err, format)
		}
	})
}
