// Package tokenizer turns text into token ids and ids into text.
package tokenizer

// Tokenizer is safe for concurrent use.
type Tokenizer interface {
	// Encode returns the ids of text.
	Encode(text string) []int32
	// NewDecoder starts the text of one reply.
	NewDecoder() Decoder
	// VocabSize is the number of ids that have text: 0 to VocabSize-1.
	VocabSize() int
	// Piece returns the bytes of one id, which alone need not be whole
	// characters. It is empty for an id without text.
	Piece(id int32) string
}

// Decoder turns the ids of one reply into text as they come. What it gives out
// is UTF-8, in whole characters: the bytes of an incomplete one are held back.
// Bytes that never become a character are replaced by U+FFFD, one for each
// longest run that might have begun one, as Unicode recommends. One goroutine
// uses a decoder.
type Decoder interface {
	// Append appends the text that id completes. An id without text completes
	// nothing.
	Append(dst []byte, id int32) []byte
	// Flush appends what is held back, as a replacement character.
	Flush(dst []byte) []byte
}

var (
	_ Tokenizer = Bytes{}
	_ Tokenizer = (*Pieces)(nil)
)
