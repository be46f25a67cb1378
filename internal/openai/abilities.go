package openai

import "strings"

// Abilities says which parameters the engines behind a server do, of those that
// not every engine does. A request that sets another one is refused, unless its
// value asks for nothing: a parameter that is accepted takes effect.
type Abilities struct {
	Language bool // the language to speak in
}

func (a Abilities) check(r *ChatRequest) *Error {
	if r.Language != "" && !a.Language {
		return BadRequest("language", "is not supported")
	}
	return nil
}

// decodeLanguage reads the name of a language; "auto", which leaves the choice
// to the model, is no name.
func decodeLanguage(r *chatBody, v value) *Error {
	language, e := v.text()
	if e == nil && !strings.EqualFold(language, "auto") {
		r.Language = language
	}
	return e
}
