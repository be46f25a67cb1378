package openai

import (
	"maps"
	"math"
)

// Sampling holds the sampling parameters that a client set; nil is not set.
type Sampling struct {
	Temperature       *float64
	TopP              *float64
	TopK              *int64 // 0 and -1 are off
	MinP              *float64
	RepetitionPenalty *float64
	Seed              *int64
	MaxTokens         *int64
	IgnoreEOS         *bool
}

const maxInt32 = math.MaxInt32

// samplingFields are vLLM's sampling parameters, for any request that holds a
// Sampling.
func samplingFields[T any](of func(*T) *Sampling) map[string]field[T] {
	return map[string]field[T]{
		"temperature": numberField(interval{from: 0, to: 2, text: "between 0 and 2"},
			func(r *T) **float64 { return &of(r).Temperature }),
		"top_p": numberField(interval{from: 0, fromOpen: true, to: 1, text: "greater than 0 and at most 1"},
			func(r *T) **float64 { return &of(r).TopP }),
		"min_p": numberField(interval{from: 0, to: 1, text: "between 0 and 1"},
			func(r *T) **float64 { return &of(r).MinP }),
		"repetition_penalty": numberField(interval{from: 0, fromOpen: true, to: math.MaxFloat32, text: "greater than 0"},
			func(r *T) **float64 { return &of(r).RepetitionPenalty }),
		"top_k": integerField(-1, maxInt32, "-1 or 0 (off), or positive",
			func(r *T) **int64 { return &of(r).TopK }),
		"seed": integerField(math.MinInt64, math.MaxInt64, "an integer",
			func(r *T) **int64 { return &of(r).Seed }),
		"ignore_eos": func(r *T, v value) *Error {
			b, e := v.boolean()
			of(r).IgnoreEOS = &b
			return e
		},
	}
}

// unsupportedSampling are the sampling parameters of vLLM and OpenAI that
// Limelight does not do.
var unsupportedSampling = map[string][]string{
	"presence_penalty":              {"0", "0.0"},
	"frequency_penalty":             {"0", "0.0"},
	"logit_bias":                    {"{}"},
	"logprobs":                      {"false"},
	"top_logprobs":                  {"0"},
	"prompt_logprobs":               {},
	"n":                             {"1"},
	"best_of":                       {"1"},
	"stop":                          {"[]"},
	"stop_token_ids":                {"[]"},
	"min_tokens":                    {"0"},
	"allowed_token_ids":             {},
	"bad_words":                     {"[]"},
	"use_beam_search":               {"false"},
	"length_penalty":                {"1", "1.0"},
	"logits_processors":             {},
	"skip_special_tokens":           {"true"},
	"spaces_between_special_tokens": {"true"},
	"include_stop_str_in_output":    {"false"},
	"truncate_prompt_tokens":        {},
	"repetition_detection":          {},
	"structured_outputs":            {},
	"guided_json":                   {},
	"guided_regex":                  {},
	"guided_choice":                 {},
	"guided_grammar":                {},
	"return_token_ids":              {"false"},
	"return_tokens_as_token_ids":    {"false"},
}

// stageSampling is one object of sampling_params_list.
var stageSampling = func() schema[Sampling] {
	fields := samplingFields(func(s *Sampling) *Sampling { return s })
	fields["max_tokens"] = integerField(1, maxInt32, "at least 1", func(s *Sampling) **int64 { return &s.MaxTokens })
	return schema[Sampling]{fields: fields, unsupported: maps.Clone(unsupportedSampling)}
}()
