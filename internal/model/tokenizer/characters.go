package tokenizer

import "unicode/utf8"

// characters puts characters together from their bytes.
type characters struct {
	held [utf8.UTFMax]byte // held[:n] begins a character and does not end it
	n    int
}

// appendByte appends what b completes: a character, or the replacement for
// held bytes that b does not go on from.
func (c *characters) appendByte(dst []byte, b byte) []byte {
	if c.n == 0 && b < utf8.RuneSelf {
		return append(dst, b)
	}
	c.held[c.n] = b
	c.n++
	if !utf8.FullRune(c.held[:c.n]) {
		return dst
	}
	whole, n := c.held, c.n
	c.n = 0
	if utf8.Valid(whole[:n]) {
		return append(dst, whole[:n]...)
	}
	dst = utf8.AppendRune(dst, utf8.RuneError)
	if n == 1 {
		return dst
	}
	return c.appendByte(dst, b) // b may begin a character of its own
}

// Flush implements Decoder.
func (c *characters) Flush(dst []byte) []byte {
	if c.n == 0 {
		return dst
	}
	c.n = 0
	return utf8.AppendRune(dst, utf8.RuneError)
}
