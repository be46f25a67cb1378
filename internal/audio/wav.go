package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// WAVHeaderSize is the length of the header that AppendWAVHeader writes.
const WAVHeaderSize = 44

// StreamedSize is the data size of a WAV whose length isn't known when its
// header is sent; readers take what follows as the sound.
const StreamedSize = math.MaxUint32

// Format tags of a fmt chunk. The extensible one names the format in a GUID
// that begins with its tag.
const (
	tagPCM        = 1
	tagExtensible = 0xFFFE
)

// AppendWAVHeader appends the header of a 16-bit PCM WAV with dataBytes bytes
// of sound. StreamedSize, and a size that leaves no room for the header in the
// file's own 32-bit size, set both sizes to StreamedSize.
func AppendWAVHeader(dst []byte, rate, channels int, dataBytes uint32) []byte {
	const header = WAVHeaderSize - 8 // what the file's size counts of it
	file := uint32(StreamedSize)
	if dataBytes < StreamedSize-header {
		file = dataBytes + header
	} else {
		dataBytes = StreamedSize
	}
	le := binary.LittleEndian
	frame := channels * BytesPerSample
	dst = append(dst, "RIFF"...)
	dst = le.AppendUint32(dst, file)
	dst = append(dst, "WAVEfmt "...)
	dst = le.AppendUint32(dst, 16)
	dst = le.AppendUint16(dst, tagPCM)
	dst = le.AppendUint16(dst, uint16(channels))
	dst = le.AppendUint32(dst, uint32(rate))
	dst = le.AppendUint32(dst, uint32(rate*frame))
	dst = le.AppendUint16(dst, uint16(frame))
	dst = le.AppendUint16(dst, BytesPerSample*8)
	dst = append(dst, "data"...)
	return le.AppendUint32(dst, dataBytes)
}

// AppendWAV appends a whole one-channel WAV file.
func AppendWAV(dst []byte, rate int, samples []float32) []byte {
	dataBytes := min(uint64(len(samples))*BytesPerSample, StreamedSize)
	return AppendS16LE(AppendWAVHeader(dst, rate, 1, uint32(dataBytes)), samples)
}

// Format describes the sound of a WAV file.
type Format struct {
	Rate, Channels, BitsPerSample int
}

// ErrShortWAV says that a WAV ends before its sound begins.
var ErrShortWAV = errors.New("the file ends before its sound")

// ParseWAV finds the format and the sound of an integer PCM WAV file, any width
// of whole bytes. Chunks it doesn't know are passed over. A data chunk that
// claims more than there is, as those of streamed files do, ends where the file
// ends. The sound is cut to whole frames and is a part of file, not a copy.
func ParseWAV(file []byte) (Format, []byte, error) {
	f, at, err := ParseWAVHeader(file)
	if err != nil {
		return Format{}, nil, err
	}
	sound := file[at:]
	sound = sound[:min(uint64(binary.LittleEndian.Uint32(file[at-4:])), uint64(len(sound)))]
	return f, sound[:len(sound)-len(sound)%(f.Channels*f.BitsPerSample/8)], nil
}

// ParseWAVHeader finds the format of a WAV file and where its sound begins.
// Of a file that comes in pieces the beginning is enough; the error wraps
// ErrShortWAV when more of it may help.
func ParseWAVHeader(file []byte) (Format, int, error) {
	const riff, longestFormat = 12, 40
	if n := min(4, len(file)); string(file[:n]) != "RIFF"[:n] || len(file) >= riff && string(file[8:riff]) != "WAVE" {
		return Format{}, 0, errors.New("wav: no RIFF/WAVE header")
	}
	if len(file) < riff {
		return Format{}, 0, fmt.Errorf("wav: no RIFF/WAVE header: %w", ErrShortWAV)
	}
	var f Format
	for at := riff; len(file) >= at+8; {
		id, size := string(file[at:at+4]), int(binary.LittleEndian.Uint32(file[at+4:]))
		at += 8
		if id == "data" {
			if f.Rate == 0 {
				return Format{}, 0, errors.New("wav: data chunk before the fmt chunk")
			}
			return f, at, nil
		}
		if id == "fmt " {
			end := at + min(size, longestFormat)
			if len(file) < end {
				return Format{}, 0, fmt.Errorf("wav: fmt chunk: %d bytes of %d: %w", len(file)-at, size, ErrShortWAV)
			}
			var err error
			if f, err = parseFormat(file[at:end]); err != nil {
				return Format{}, 0, fmt.Errorf("wav: fmt chunk: %w", err)
			}
		}
		at += size + size&1 // chunks are padded to even lengths
	}
	return Format{}, 0, fmt.Errorf("wav: no data chunk: %w", ErrShortWAV)
}

func parseFormat(chunk []byte) (Format, error) {
	if len(chunk) < 16 {
		return Format{}, fmt.Errorf("%d bytes, it has at least 16", len(chunk))
	}
	le := binary.LittleEndian
	tag := le.Uint16(chunk)
	if tag == tagExtensible && len(chunk) >= 26 {
		tag = le.Uint16(chunk[24:])
	}
	if tag != tagPCM {
		return Format{}, fmt.Errorf("format %#x is not integer PCM", tag)
	}
	f := Format{
		Rate:          int(le.Uint32(chunk[4:])),
		Channels:      int(le.Uint16(chunk[2:])),
		BitsPerSample: int(le.Uint16(chunk[14:])),
	}
	if f.Rate == 0 || f.Channels == 0 || f.BitsPerSample == 0 || f.BitsPerSample%8 != 0 {
		return Format{}, fmt.Errorf("rate %d, %d channels, %d bits a sample", f.Rate, f.Channels, f.BitsPerSample)
	}
	return f, nil
}
