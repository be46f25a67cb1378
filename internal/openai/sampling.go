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
	Seed              *int64
	MaxTokens         *int64 // at least 1
	MinTokens         *int64 // at least 0, at most MaxTokens
	IgnoreEOS         *bool
	Stop              []string // none is empty
	StopTokenIDs      []int64  // at least 0
}

const (
	maxInt32 = math.MaxInt32
	maxStops = 256 // of each kind; vLLM sets no limit
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
		"top_k":      integerField(-1, maxInt32, func(r *T) **int64 { return &of(r).TopK }),
		"seed":       integerField(math.MinInt64, math.MaxInt64, func(r *T) **int64 { return &of(r).Seed }),
		"min_tokens": integerField(0, maxInt32, func(r *T) **int64 { return &of(r).MinTokens }),
		"ignore_eos": func(r *T, v value) *Error {
			b, e := v.boolean()
			of(r).IgnoreEOS = &b
			return e
		},
		"stop": decodeStop(func(r *T) *[]string { return &of(r).Stop }),
		"stop_token_ids": listField(maxStops, func(v value) (int64, *Error) { return bounded(v, 0, maxInt32) },
			func(r *T) *[]int64 { return &of(r).StopTokenIDs }),
		"n": func(_ *T, v value) *Error {
			n, e := bounded(v, 1, math.MaxInt64)
			if e == nil && n != 1 {
				return BadRequest(v.path, "is not supported other than 1")
			}
			return e
		},
	}
}

// decodeStop reads a string or an array of strings.
func decodeStop[T any](place func(*T) *[]string) field[T] {
	element := func(v value) (string, *Error) {
		s, e := v.text()
		if e == nil && s == "" {
			return "", BadRequest(v.path, "must not be empty")
		}
		return s, e
	}
	list := listField(maxStops, element, place)
	return func(r *T, v value) *Error {
		switch v.kind() {
		case "an array":
			return list(r, v)
		case "a string":
			s, e := element(v)
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
	return nil
}

// unsupportedSampling are the sampling parameters of vLLM and OpenAI that
// Limelight does not do.
var unsupportedSampling = map[string][]string{
	"logit_bias":                    {"{}"},
	"logprobs":                      {"false"},
	"top_logprobs":                  {"0"},
	"prompt_logprobs":               {},
	"logprob_token_ids":             {},
	"best_of":                       {"1"},
	"allowed_token_ids":             {},
	"bad_words":                     {"[]"},
	"use_beam_search":               {"false"},
	"length_penalty":                {"1", "1.0"},
	"logits_processors":             {},
	"detokenize":                    {"true", "false"}, // what is shown of a stage is the pipeline's choice
	"skip_special_tokens":           {"true"},
	"spaces_between_special_tokens": {"true"},
	"include_stop_str_in_output":    {"false"},
	"truncate_prompt_tokens":        {},
	"truncation_side":               {},
	"repetition_detection":          {},
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
	})
	return schema[Sampling]{fields: fields, unsupported: unsupportedSampling}
}()
