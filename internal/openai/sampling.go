package openai

import (
	"maps"
	"math"
)

// Sampling holds the sampling parameters that a client set; nil is not set.
// Their meanings and ranges are vLLM's.
type Sampling struct {
	Temperature       *float64 // 0 to 2; 0 is greedy
	TopP              *float64 // above 0, to 1
	TopK              *int64   // at least 1; 0 and -1 are off
	MinP              *float64 // 0 to 1
	RepetitionPenalty *float64 // above 0; 1 is off
	PresencePenalty   *float64 // -2 to 2; 0 is off
	FrequencyPenalty  *float64 // -2 to 2; 0 is off
	LogitBias         []TokenBias
	AllowedTokenIDs   []int64  // at least 0; nil is all
	BadWords          []string // none is empty
	Seed              *int64   // -1 leaves it open
	MaxTokens         *int64   // at least 1
	MinTokens         *int64   // at least 0, at most MaxTokens
	IgnoreEOS         *bool
	Stop              []string // none is empty
	IncludeStop       *bool
	StopTokenIDs      []int64 // at least 0
	Repetition        *RepetitionDetection
	// Logprobs asks for the log probability of each token and of so many of the
	// likeliest ones, 0 to 20.
	Logprobs *int64
	// N is the number of choices, 1 to 128.
	N *int64
}

const (
	maxInt32 = math.MaxInt32
	maxStops = 256 // of each kind; vLLM sets no limit
	// maxChoices is OpenAI's bound of n; vLLM's can be configured.
	maxChoices = 128
	// maxLogprobs is OpenAI's bound of top_logprobs, and what vLLM's
	// --max-logprobs is unless it is set.
	maxLogprobs = 20
)

// samplingFields are vLLM's sampling parameters, for any request that holds a
// Sampling. How long the reply may get is not among them: chat requests have
// two names for it.
func samplingFields[T any](of func(*T) *Sampling) map[string]field[T] {
	return map[string]field[T]{
		"temperature": numberField(interval{to: 2, text: "between 0 and 2"},
			func(r *T) **float64 { return &of(r).Temperature }),
		"top_p": numberField(interval{open: true, to: 1, text: "greater than 0 and at most 1"},
			func(r *T) **float64 { return &of(r).TopP }),
		"min_p": numberField(interval{to: 1, text: "between 0 and 1"},
			func(r *T) **float64 { return &of(r).MinP }),
		// Engines divide by it in float32: these bounds keep logits finite.
		"repetition_penalty": numberField(interval{from: 1e-6, to: 1e6, text: "greater than 0 (1e-6 to 1e6)"},
			func(r *T) **float64 { return &of(r).RepetitionPenalty }),
		"presence_penalty": numberField(interval{from: -2, to: 2, text: "between -2 and 2"},
			func(r *T) **float64 { return &of(r).PresencePenalty }),
		"frequency_penalty": numberField(interval{from: -2, to: 2, text: "between -2 and 2"},
			func(r *T) **float64 { return &of(r).FrequencyPenalty }),
		"top_k":                      integerField(-1, maxInt32, func(r *T) **int64 { return &of(r).TopK }),
		"seed":                       integerField(math.MinInt64, math.MaxInt64, func(r *T) **int64 { return &of(r).Seed }),
		"min_tokens":                 integerField(0, maxInt32, func(r *T) **int64 { return &of(r).MinTokens }),
		"ignore_eos":                 booleanPointer(func(r *T) **bool { return &of(r).IgnoreEOS }),
		"stop":                       decodeStop(func(r *T) *[]string { return &of(r).Stop }),
		"stop_token_ids":             listField(maxStops, tokenID, func(r *T) *[]int64 { return &of(r).StopTokenIDs }),
		"include_stop_str_in_output": booleanPointer(func(r *T) **bool { return &of(r).IncludeStop }),
		"logit_bias":                 decodeLogitBias(func(r *T) *[]TokenBias { return &of(r).LogitBias }),
		"allowed_token_ids": func(r *T, v value) *Error {
			list := &of(r).AllowedTokenIDs
			e := listField(maxInt32, tokenID, func(*T) *[]int64 { return list })(r, v)
			if e == nil && len(*list) == 0 {
				return BadRequest(v.path, "must not be empty: leave it out to allow every token")
			}
			return e
		},
		"bad_words":            listField(maxStops, nonEmpty, func(r *T) *[]string { return &of(r).BadWords }),
		"repetition_detection": decodeRepetition(func(r *T) **RepetitionDetection { return &of(r).Repetition }),
	}
}

func tokenID(v value) (int64, *Error) { return bounded(v, 0, maxInt32) }

func nonEmpty(v value) (string, *Error) {
	s, e := v.text()
	if e == nil && s == "" {
		return "", BadRequest(v.path, "must not be empty")
	}
	return s, e
}

// decodeStop reads a string or an array of strings.
func decodeStop[T any](place func(*T) *[]string) field[T] {
	list := listField(maxStops, nonEmpty, place)
	return func(r *T, v value) *Error {
		switch v.kind() {
		case "an array":
			return list(r, v)
		case "a string":
			s, e := nonEmpty(v)
			*place(r) = []string{s}
			return e
		}
		return v.mustBe("a string or an array of strings")
	}
}

// check holds parameters against each other. Path is where they stand, as
// "sampling_params_list[0].", empty for the request itself.
func (s *Sampling) check(path string) *Error {
	if s.MinTokens != nil && s.MaxTokens != nil && *s.MinTokens > *s.MaxTokens {
		return BadRequest(path+"min_tokens", "must be at most the maximum of tokens, %d, got %d", *s.MaxTokens, *s.MinTokens)
	}
	return s.Repetition.check(path)
}

// unsupportedSampling are the sampling parameters of vLLM and OpenAI that
// Limelight does not do.
var unsupportedSampling = map[string][]string{
	"prompt_logprobs":               {},
	"logprob_token_ids":             {},
	"best_of":                       {"1"},
	"use_beam_search":               {"false"},
	"length_penalty":                {"1", "1.0"},
	"logits_processors":             {},
	"detokenize":                    {"true", "false"}, // what is shown of a stage is the pipeline's choice
	"skip_special_tokens":           {"true"},
	"spaces_between_special_tokens": {"true"},
	"truncate_prompt_tokens":        {},
	"truncation_side":               {},
	"structured_outputs":            {},
	"guided_json":                   {},
	"guided_regex":                  {},
	"guided_choice":                 {},
	"guided_grammar":                {},
	"watermarking":                  {"false"},
	"extra_args":                    {"{}"},
}

// stageSampling is one object of sampling_params_list.
var stageSampling = func() schema[Sampling] {
	fields := samplingFields(func(s *Sampling) *Sampling { return s })
	maps.Copy(fields, map[string]field[Sampling]{
		"max_tokens": integerField(1, maxInt32, func(s *Sampling) **int64 { return &s.MaxTokens }),
		"logprobs":   integerField(0, maxLogprobs, func(s *Sampling) **int64 { return &s.Logprobs }),
		"n": func(_ *Sampling, v value) *Error {
			n, e := bounded(v, 1, maxChoices)
			if e == nil && n != 1 {
				return BadRequest(v.path, "must be 1: the number of choices is the request's own n")
			}
			return e
		},
	})
	return schema[Sampling]{fields: fields, unsupported: unsupportedSampling}
}()
