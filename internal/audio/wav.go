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

const formatPCM = 1

// AppendWAVHeader appends the header of a 16-bit PCM WAV with dataBytes bytes
// of sound, or StreamedSize for both sizes of a stream.
func AppendWAVHeader(dst []byte, rate, channels int, dataBytes uint32) []byte {
	le := binary.LittleEndian
	riff := dataBytes
	if riff != StreamedSize {
		riff += WAVHeaderSize - 8
	}
	frame := channels * BytesPerSample
	dst = append(dst, "RIFF"...)
	dst = le.AppendUint32(dst, riff)
	dst = append(dst, "WAVEfmt "...)
	dst = le.AppendUint32(dst, 16)
	dst = le.AppendUint16(dst, formatPCM)
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
	dst = AppendWAVHeader(dst, rate, 1, uint32(len(samples)*BytesPerSample))
	return AppendS16LE(dst, samples)
}

// Format describes the sound of a WAV file.
type Format struct {
	Rate, Channels, BitsPerSample int
}

// ParseWAV finds the format and the sound of a PCM WAV file. Chunks it doesn't
// know are passed over. A data chunk that claims more than there is, as those of
// streamed files do, ends where the file ends.
func ParseWAV(file []byte) (Format, []byte, error) {
	var f Format
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return f, nil, errors.New("wav: no RIFF/WAVE header")
	}
	le := binary.LittleEndian
	for rest := file[12:]; len(rest) >= 8; {
		id, size, body := string(rest[:4]), uint64(le.Uint32(rest[4:])), rest[8:]
		there := min(size, uint64(len(body)))
		chunk := body[:there]
		switch id {
		case "fmt ":
			if len(chunk) < 16 {
				return f, nil, fmt.Errorf("wav: fmt chunk of %d bytes, it has at least 16", len(chunk))
			}
			if code := le.Uint16(chunk); code != formatPCM && code != 0xFFFE {
				return f, nil, fmt.Errorf("wav: format %d is not PCM", code)
			}
			f = Format{Rate: int(le.Uint32(chunk[4:])), Channels: int(le.Uint16(chunk[2:])), BitsPerSample: int(le.Uint16(chunk[14:]))}
			if f.Rate == 0 || f.Channels == 0 || f.BitsPerSample == 0 || f.BitsPerSample%8 != 0 {
				return f, nil, fmt.Errorf("wav: rate %d, %d channels, %d bits a sample", f.Rate, f.Channels, f.BitsPerSample)
			}
		case "data":
			if f.Rate == 0 {
				return f, nil, errors.New("wav: data chunk before the fmt chunk")
			}
			return f, chunk, nil
		}
		next := there + there&1 // chunks are padded to even lengths
		if next >= uint64(len(body)) {
			break
		}
		rest = body[next:]
	}
	return f, nil, errors.New("wav: no data chunk")
}
