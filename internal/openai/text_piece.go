package openai

import "strconv"

// TextPiece is what a reply, or one event of it, has to say of the text of one
// choice.
type TextPiece struct {
	// Index is the choice's, from 0.
	Index int
	Text  string
	// Logprobs holds one entry for each token, if they were asked for.
	Logprobs []Logprobs
	// Finish is empty while the choice goes on; Stop is set with it.
	Finish string
	Stop   StopReason
}

// StopReason says which of the request's conditions stopped a choice: a string,
// a token, or a word for another one; the zero value is none.
type StopReason struct {
	Text    string
	Token   int64
	IsToken bool // Token is meant, not Text
}

func (r StopReason) append(dst []byte) []byte {
	switch {
	case r.IsToken:
		return strconv.AppendInt(dst, r.Token, 10)
	case r.Text != "":
		return appendJSON(dst, r.Text)
	}
	return append(dst, "null"...)
}
