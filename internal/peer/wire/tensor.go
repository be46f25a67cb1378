package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/limelight-omni/limelight/internal/engine"
)

// Kinds of payload.
const (
	noPayload byte = iota
	embeddings
	frames
	audio
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrChecksum is returned for a payload that is not the one that was sent.
var ErrChecksum = fmt.Errorf("%w: checksum of the payload differs", ErrMalformed)

// appendPayload encodes a payload: its kind, its shape, its values as they lie
// in memory, and the CRC32-C of all that. A nil payload is one byte.
func appendPayload(dst []byte, p engine.Payload) ([]byte, error) {
	begin := len(dst)
	le := binary.LittleEndian
	switch p := p.(type) {
	case nil:
		return append(dst, noPayload), nil
	case *engine.Embeddings:
		if p.Width < 1 || len(p.Prompt)%p.Width != 0 || len(p.Text)%p.Width != 0 {
			return nil, fmt.Errorf("embeddings: %d and %d values are not rows of %d", len(p.Prompt), len(p.Text), p.Width)
		}
		dst = append(dst, embeddings)
		dst = le.AppendUint32(dst, uint32(p.Width))
		dst = le.AppendUint32(dst, uint32(len(p.Prompt)/p.Width))
		dst = le.AppendUint32(dst, uint32(len(p.Text)/p.Width))
		dst = appendFloats(dst, p.Prompt)
		dst = appendFloats(dst, p.Text)
	case *engine.Frames:
		if p.Groups < 1 || len(p.Codes)%p.Groups != 0 {
			return nil, fmt.Errorf("codec frames: %d codes are not frames of %d", len(p.Codes), p.Groups)
		}
		dst = append(dst, frames)
		dst = le.AppendUint32(dst, uint32(p.Groups))
		dst = le.AppendUint32(dst, uint32(len(p.Codes)/p.Groups))
		dst = appendInts(dst, p.Codes)
	case *engine.Audio:
		dst = append(dst, audio)
		dst = le.AppendUint32(dst, uint32(p.Rate))
		dst = le.AppendUint32(dst, uint32(len(p.Samples)))
		dst = appendFloats(dst, p.Samples)
	default:
		return nil, fmt.Errorf("a payload of type %T has no wire format", p)
	}
	return le.AppendUint32(dst, crc32.Checksum(dst[begin:], castagnoli)), nil
}

// payload decodes what appendPayload encoded. The values are copied.
func (r *reader) payload() engine.Payload {
	begin := r.rest
	var p engine.Payload
	switch kind := r.u8(); kind {
	case noPayload:
		return nil
	case embeddings:
		width, prompt, text := r.dim(), r.dim(), r.dim()
		if width < 1 {
			r.fail("embeddings of width 0")
		}
		p = &engine.Embeddings{Width: width, Prompt: r.floats(prompt, width), Text: r.floats(text, width)}
	case frames:
		groups, n := r.dim(), r.dim()
		if groups < 1 {
			r.fail("codec frames without groups")
		}
		p = &engine.Frames{Groups: groups, Codes: r.ints(n, groups)}
	case audio:
		rate, n := r.dim(), r.dim()
		p = &engine.Audio{Rate: rate, Samples: r.floats(n, 1)}
	default:
		r.fail("a payload of unknown kind %d", kind)
	}
	if r.err != nil {
		return nil
	}
	sum := crc32.Checksum(begin[:len(begin)-len(r.rest)], castagnoli)
	if got := r.u32(); r.err == nil && got != sum {
		r.err = ErrChecksum
	}
	if r.err != nil {
		return nil
	}
	return p
}

// dim reads one extent of a shape.
func (r *reader) dim() int {
	n := r.u32()
	if n > math.MaxInt32 {
		r.fail("an extent of %d", n)
		return 0
	}
	return int(n)
}

func appendFloats(dst []byte, v []float32) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, 4*len(v))...)
	for i, b := 0, dst[at:]; i < len(v); i++ {
		binary.LittleEndian.PutUint32(b[4*i:4*i+4], math.Float32bits(v[i]))
	}
	return dst
}

func appendInts(dst []byte, v []int32) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, 4*len(v))...)
	for i, b := 0, dst[at:]; i < len(v); i++ {
		binary.LittleEndian.PutUint32(b[4*i:4*i+4], uint32(v[i]))
	}
	return dst
}

// floats reads rows*width values; none is nil.
func (r *reader) floats(rows, width int) []float32 {
	b := r.values(rows, width)
	if len(b) == 0 {
		return nil
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i : 4*i+4]))
	}
	return v
}

// ints reads rows*width values; none is nil.
func (r *reader) ints(rows, width int) []int32 {
	b := r.values(rows, width)
	if len(b) == 0 {
		return nil
	}
	v := make([]int32, len(b)/4)
	for i := range v {
		v[i] = int32(binary.LittleEndian.Uint32(b[4*i : 4*i+4]))
	}
	return v
}

// values takes the bytes of rows*width values of four bytes.
func (r *reader) values(rows, width int) []byte {
	if rows == 0 {
		return nil
	}
	if n := int64(rows) * int64(width); n > int64(len(r.rest))/4 { // both are at most 2^31: no overflow
		r.fail("%d x %d values in %d bytes", rows, width, len(r.rest))
		return nil
	}
	return r.bytes(4 * rows * width)
}
