package engine

import (
	"fmt"
	"strings"
)

// Join makes one payload of several of one type, in their order; nil of none.
func Join(payloads []Payload) (Payload, error) {
	if len(payloads) < 2 {
		for _, p := range payloads {
			return p, nil
		}
		return nil, nil
	}
	switch first := payloads[0].(type) {
	case *Embeddings:
		whole := &Embeddings{Width: first.Width}
		for _, p := range payloads {
			e, same := p.(*Embeddings)
			if !same || e.Width != first.Width {
				return nil, fmt.Errorf("join payloads: %T after rows of width %d", p, first.Width)
			}
			whole.Prompt, whole.Text = append(whole.Prompt, e.Prompt...), append(whole.Text, e.Text...)
		}
		return whole, nil
	case *Frames:
		whole := &Frames{Groups: first.Groups}
		for _, p := range payloads {
			f, same := p.(*Frames)
			if !same || f.Groups != first.Groups {
				return nil, fmt.Errorf("join payloads: %T after frames of %d groups", p, first.Groups)
			}
			whole.Codes = append(whole.Codes, f.Codes...)
		}
		return whole, nil
	case *Text:
		var whole []string
		for _, p := range payloads {
			t, same := p.(*Text)
			if !same {
				return nil, fmt.Errorf("join payloads: %T after text", p)
			}
			whole = append(whole, t.Text)
		}
		return &Text{Text: strings.Join(whole, " ")}, nil // sentences, whose spaces were cut off
	}
	return nil, fmt.Errorf("join payloads: %T can't be joined", payloads[0])
}
