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
	// More holds further members of the delta or the message, in JSON by name, as
	// another server wrote them; logprobs and stop_reason stand in their places.
	More map[string][]byte
}

func (t *TextPiece) appendLogprobs(dst []byte) []byte {
	if raw := t.More["logprobs"]; raw != nil {
		return append(dst, raw...)
	}
	return appendLogprobs(dst, t.Logprobs)
}

func (t *TextPiece) appendStop(dst []byte) []byte {
	if raw := t.More["stop_reason"]; raw != nil {
		return append(dst, raw...)
	}
	return t.Stop.append(dst)
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
