package wire

import "encoding/binary"

// reader takes a body apart. After the first error everything reads as zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = malformed(format, args...)
	}
}

// bytes takes the next n bytes; nil when there are fewer.
func (r *reader) bytes(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.rest) {
		r.fail("%d bytes where %d are needed", len(r.rest), n)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) u8() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) i64() int64 {
	if b := r.bytes(8); b != nil {
		return int64(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// flag reads a byte that is 0 or 1.
func (r *reader) flag() bool {
	b := r.u8()
	if b > 1 {
		r.fail("a flag of %d", b)
	}
	return b == 1
}

// text reads a string: its length, then its bytes.
func (r *reader) text() string { return string(r.bytes(r.dim())) }

// end returns the error, which a byte too many is as well.
func (r *reader) end() error {
	if r.err == nil && len(r.rest) != 0 {
		r.fail("%d bytes too many", len(r.rest))
	}
	return r.err
}

func appendI64(dst []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(v)) }

func appendText(dst []byte, s string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}
