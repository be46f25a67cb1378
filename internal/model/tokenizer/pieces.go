package tokenizer

import "unicode/utf8"

// Pieces is a tokenizer over a list of text pieces, whose ids are their
// positions. Text is cut greedily, longest piece first; a character that no
// piece begins with becomes Unknown.
type Pieces struct {
	text    []string
	ids     map[string]int32
	longest int
	unknown []int32
}

// Unknown stands for characters outside the vocabulary.
const Unknown = "?"

// NewPieces makes a tokenizer of pieces. When the list has no Unknown,
// characters outside the vocabulary are left out.
func NewPieces(text []string) *Pieces {
	p := &Pieces{text: text, ids: make(map[string]int32, len(text))}
	for i, piece := range text {
		p.ids[piece] = int32(i)
		p.longest = max(p.longest, len(piece))
	}
	if id, ok := p.ids[Unknown]; ok {
		p.unknown = []int32{id}
	}
	return p
}

// Encode implements Tokenizer.
func (p *Pieces) Encode(text string) []int32 {
	ids := make([]int32, 0, len(text)/3+1)
next:
	for len(text) > 0 {
		for n := min(p.longest, len(text)); n > 0; n-- {
			if id, ok := p.ids[text[:n]]; ok {
				ids = append(ids, id)
				text = text[n:]
				continue next
			}
		}
		_, n := utf8.DecodeRuneInString(text)
		ids = append(ids, p.unknown...)
		text = text[n:]
	}
	return ids
}

// NewDecoder implements Tokenizer.
func (p *Pieces) NewDecoder() Decoder { return pieceDecoder{p} }

// pieceDecoder holds nothing back: pieces are whole characters.
type pieceDecoder struct{ *Pieces }

func (d pieceDecoder) Append(dst []byte, id int32) []byte {
	if id < 0 || int(id) >= len(d.text) {
		return dst
	}
	return append(dst, d.text[id]...)
}

func (d pieceDecoder) Flush(dst []byte) []byte { return dst }

var (
	_ Tokenizer = Bytes{}
	_ Tokenizer = (*Pieces)(nil)
)
