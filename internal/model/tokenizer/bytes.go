package tokenizer

// Bytes is the tokenizer of a model without one: a token is a byte, an id its
// value. Ids from 256 on have no text.
type Bytes struct{}

// Encode implements Tokenizer.
func (Bytes) Encode(text string) []int32 {
	ids := make([]int32, len(text))
	for i := range len(text) {
		ids[i] = int32(text[i])
	}
	return ids
}

// VocabSize implements Tokenizer.
func (Bytes) VocabSize() int { return 256 }

// Piece implements Tokenizer.
func (Bytes) Piece(id int32) string {
	if id < 0 || id > 255 {
		return ""
	}
	return string([]byte{byte(id)})
}

// NewDecoder implements Tokenizer.
func (Bytes) NewDecoder() Decoder { return &byteDecoder{} }

type byteDecoder struct{ characters }

func (d *byteDecoder) Append(dst []byte, id int32) []byte {
	if id < 0 || id > 255 {
		return dst
	}
	return d.appendByte(dst, byte(id))
}
