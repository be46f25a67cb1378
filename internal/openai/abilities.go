package openai

import (
	"strconv"
	"strings"
)

// Abilities says which parameters the engines behind a server do, of those that
// not every engine does. A request that sets another one is refused, unless its
// value asks for nothing: a parameter that is accepted takes effect.
type Abilities struct {
	Penalties    bool // presence_penalty and frequency_penalty
	Stop         bool // stop strings
	StopTokenIDs bool
	MinTokens    bool
	Language     bool // the language to speak in
}

func (a Abilities) check(r *ChatRequest) *Error {
	if r.Language != "" && !a.Language {
		return BadRequest("language", "is not supported")
	}
	if e := a.checkSampling(&r.Sampling, ""); e != nil {
		return e
	}
	for i := range r.Stages {
		if e := a.checkSampling(&r.Stages[i], "sampling_params_list["+strconv.Itoa(i)+"]."); e != nil {
			return e
		}
	}
	return nil
}

func (a Abilities) checkSampling(s *Sampling, path string) *Error {
	for _, p := range [...]struct {
		name      string
		set, able bool
	}{
		{"presence_penalty", s.PresencePenalty != nil && *s.PresencePenalty != 0, a.Penalties},
		{"frequency_penalty", s.FrequencyPenalty != nil && *s.FrequencyPenalty != 0, a.Penalties},
		{"stop", len(s.Stop) > 0, a.Stop},
		{"stop_token_ids", len(s.StopTokenIDs) > 0, a.StopTokenIDs},
		{"min_tokens", s.MinTokens != nil && *s.MinTokens != 0, a.MinTokens},
	} {
		if p.set && !p.able {
			return BadRequest(path+p.name, "is not supported")
		}
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
