// Package tokenizer turns text into token ids and ids into text.
package tokenizer

import "unicode/utf8"

// Tokenizer is safe for concurrent use.
type Tokenizer interface {
	// Encode returns the ids of text.
	Encode(text string) []int32
	// NewDecoder starts the text of one reply.
	NewDecoder() Decoder
}

// Decoder turns the ids of one reply into text as they come. It gives out whole
// characters only: bytes of an incomplete one are held back.
type Decoder interface {
	// Append appends the text that id completes.
	Append(dst []byte, id int32) []byte
	// Flush appends what is held back, with U+FFFD for what never became a
	// character.
	Flush(dst []byte) []byte
}

// Bytes is the tokenizer of a model without one: a token is a byte. Ids from
// 256 on have no text.
type Bytes struct{}

// Encode implements Tokenizer.
func (Bytes) Encode(text string) []int32 {
	ids := make([]int32, len(text))
	for i := range len(text) {
		ids[i] = int32(text[i])
	}
	return ids
}

// NewDecoder implements Tokenizer.
func (Bytes) NewDecoder() Decoder { return &byteDecoder{} }

// byteDecoder holds back the bytes of an incomplete character.
type byteDecoder struct{ held []byte }

func (d *byteDecoder) Append(dst []byte, id int32) []byte {
	if id < 0 || id > 255 {
		return dst
	}
	d.held = append(d.held, byte(id))
	for len(d.held) > 0 && utf8.FullRune(d.held) {
		r, n := utf8.DecodeRune(d.held) // an invalid byte becomes U+FFFD
		dst = utf8.AppendRune(dst, r)
		d.held = d.held[:copy(d.held, d.held[n:])]
	}
	return dst
}

func (d *byteDecoder) Flush(dst []byte) []byte {
	if len(d.held) > 0 {
		dst = utf8.AppendRune(dst, utf8.RuneError)
		d.held = d.held[:0]
	}
	return dst
}
