package qwen3omni

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGenerationConfig(t *testing.T) {
	c := loadSetA(t).Config
	defaults := GenerationConfig{
		Thinker: SamplingConfig{Temperature: 1, TopP: 1, TopK: 50, RepetitionPenalty: 1, MaxNewTokens: 1024},
		Talker:  SamplingConfig{DoSample: true, Temperature: 0.9, TopP: 1, TopK: 50, RepetitionPenalty: 1.05, MaxNewTokens: 4096},
		EOS:     []int32{301},
	}
	changed := defaults
	changed.Thinker = SamplingConfig{DoSample: true, Temperature: 0.7, TopP: 0.8, TopK: 0, RepetitionPenalty: 1.1, MaxNewTokens: 77}
	changed.Talker = SamplingConfig{Temperature: 0.5, TopP: 0.6, TopK: 7, RepetitionPenalty: 1, MaxNewTokens: 88}
	changed.EOS = []int32{301, 300}
	prefixed := defaults
	prefixed.Thinker.MaxNewTokens = 5
	prefixed.EOS = []int32{7}
	for _, test := range []struct {
		file string
		want GenerationConfig
	}{
		{`{}`, defaults},
		{`{"transformers_version": "5.0.0", "temperature": null, "eos_token_id": null}`, defaults},
		{`{"do_sample": true, "temperature": 0.7, "top_p": 0.8, "top_k": 0, "repetition_penalty": 1.1, "max_new_tokens": 77,
		   "eos_token_id": [301, 300], "talker_do_sample": false, "talker_temperature": 0.5, "talker_top_p": 0.6,
		   "talker_top_k": 7, "talker_repetition_penalty": 1, "talker_max_new_tokens": 88}`, changed},
		{`{"max_new_tokens": 77, "thinker_max_new_tokens": 5, "eos_token_id": [1], "thinker_eos_token_id": 7}`, prefixed},
	} {
		got, err := ParseGenerationConfig([]byte(test.file), c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.file, diff)
		}
	}
	if got := loadSetA(t).Generation; !cmp.Equal(got, &defaults) {
		t.Errorf("without a file: %+v", got)
	}
}

func TestGenerationConfigErrorsNameTheField(t *testing.T) {
	c := loadSetA(t).Config
	for file, want := range map[string]string{
		`{"temperature": -1}`:             "temperature: must not be negative",
		`{"talker_temperature": "hot"}`:   "talker_temperature: must be a number",
		`{"top_p": 0}`:                    "top_p: must be more than 0 and at most 1",
		`{"talker_top_p": 1.5}`:           "talker_top_p: must be more than 0 and at most 1",
		`{"top_k": -1}`:                   "top_k: must be at least 0",
		`{"repetition_penalty": 0}`:       "repetition_penalty: must be positive",
		`{"talker_max_new_tokens": 0}`:    "talker_max_new_tokens: must be positive",
		`{"thinker_max_new_tokens": 1.5}`: "thinker_max_new_tokens: must be a whole number",
		`{"eos_token_id": []}`:            "eos_token_id: must not be empty",
		`{"eos_token_id": [1, 320]}`:      "eos_token_id: 320 is not in the vocabulary of 320",
		`{"eos_token_id": "end"}`:         "eos_token_id: must be an id or a list of ids",
		`{"do_sample": 1}`:                "do_sample: must be true or false",
	} {
		if _, err := ParseGenerationConfig([]byte(file), c); err == nil || err.Error() != "generation_config.json: "+want {
			t.Errorf("%s: error %v, want generation_config.json: %s", file, err, want)
		}
	}
}
