package tokenizer

import "unicode/utf8"

// Pieces is a tokenizer over a list of text pieces, whose ids are their
// positions. Text is cut greedily, longest piece first; a character that no
// piece begins with becomes Unknown.
type Pieces struct {
	text    []string
	trie    []node
	unknown []int32
}

// Unknown stands for characters outside the vocabulary.
const Unknown = "?"

// node is a place in the trie of the pieces' bytes; node 0 is its root.
type node struct {
	id   int32 // of the piece that ends here, or none
	next []edge
}

type edge struct {
	b  byte
	to int32
}

const none = -1

// NewPieces makes a tokenizer of pieces. Of equal pieces, the first is the one
// that text is cut into; an empty piece is never. When the list has no Unknown,
// characters outside the vocabulary are left out.
func NewPieces(text []string) *Pieces {
	p := &Pieces{text: text, trie: []node{{id: none}}}
	for i, piece := range text {
		at := int32(0)
		for j := range len(piece) {
			to := p.trie[at].after(piece[j])
			if to == none {
				to = int32(len(p.trie))
				p.trie = append(p.trie, node{id: none})
				p.trie[at].next = append(p.trie[at].next, edge{piece[j], to})
			}
			at = to
		}
		if p.trie[at].id == none {
			p.trie[at].id = int32(i)
		}
	}
	if id, n := p.first(Unknown); n > 0 {
		p.unknown = []int32{id}
	}
	return p
}

// after is the node behind byte b, or none. Nodes are narrow but for the first
// two levels, so a scan is as good as a table.
func (n *node) after(b byte) int32 {
	for _, e := range n.next {
		if e.b == b {
			return e.to
		}
	}
	return none
}

// first finds the longest piece that text begins with; its length is 0 if there
// is none.
func (p *Pieces) first(text string) (id int32, length int) {
	at := int32(0)
	for i := range len(text) {
		if at = p.trie[at].after(text[i]); at == none {
			break
		}
		if end := p.trie[at].id; end != none {
			id, length = end, i+1
		}
	}
	return id, length
}

// Encode implements Tokenizer.
func (p *Pieces) Encode(text string) []int32 {
	ids := make([]int32, 0, len(text)/2+1)
	for len(text) > 0 {
		id, n := p.first(text)
		if n > 0 {
			ids = append(ids, id)
		} else {
			_, n = utf8.DecodeRuneInString(text)
			ids = append(ids, p.unknown...)
		}
		text = text[n:]
	}
	return ids
}

// VocabSize implements Tokenizer.
func (p *Pieces) VocabSize() int { return len(p.text) }

// Piece implements Tokenizer.
func (p *Pieces) Piece(id int32) string {
	if id < 0 || int(id) >= len(p.text) {
		return ""
	}
	return p.text[id]
}

// NewDecoder implements Tokenizer.
func (p *Pieces) NewDecoder() Decoder { return &pieceDecoder{pieces: p.text} }

type pieceDecoder struct {
	characters // a piece may end within a character
	pieces     []string
}

func (d *pieceDecoder) Append(dst []byte, id int32) []byte {
	if id < 0 || int(id) >= len(d.pieces) {
		return dst
	}
	piece := d.pieces[id]
	for i := range len(piece) {
		dst = d.appendByte(dst, piece[i])
	}
	return dst
}
