package openai

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompletionRequestIsReadWhole(t *testing.T) {
	text := func(path, text string) Prompt { return Prompt{Path: path, Text: text} }
	ids := func(path string, ids ...int64) Prompt { return Prompt{Path: path, IDs: ids} }
	sixteen := Sampling{MaxTokens: new(int64(16))}
	for body, want := range map[string]*CompletionRequest{
		`{"prompt":"hi"}`:         {Prompts: []Prompt{text("prompt", "hi")}, Sampling: sixteen},
		`{"prompt":[5, 0,7.0]}`:   {Prompts: []Prompt{ids("prompt", 5, 0, 7)}, Sampling: sixteen},
		`{"prompt":["a","b,[c"]}`: {Prompts: []Prompt{text("prompt[0]", "a"), text("prompt[1]", "b,[c")}, Sampling: sixteen},
		`{"prompt":[[1,2],"a"]}`:  {Prompts: []Prompt{ids("prompt[0]", 1, 2), text("prompt[1]", "a")}, Sampling: sixteen},
		`{"model":"m","prompt":"hi","echo":true,"return_token_ids":true,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true},
			"max_tokens":5,"n":2,"temperature":0.5,"stop":"x","seed":3,"user":"u","suffix":"","best_of":1,"add_special_tokens":true}`: {
			Model: "m", Prompts: []Prompt{text("prompt", "hi")}, Echo: true, ReturnTokenIDs: true, Stream: true, Usage: UsageEvents{Last: true, Continuous: true},
			Sampling: Sampling{MaxTokens: new(int64(5)), N: new(int64(2)), Temperature: new(0.5), Stop: []string{"x"}, Seed: new(int64(3))},
		},
		`{"prompt":"hi","logprobs":0,"echo":null}`: {Prompts: []Prompt{text("prompt", "hi")}, Sampling: Sampling{MaxTokens: new(int64(16)), Logprobs: new(int64(0))}},
	} {
		got, e := DecodeCompletionRequest([]byte(body))
		if e != nil {
			t.Errorf("%s: %v", body, e)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: request differs (-want +got):\n%s", body, diff)
		}
	}
}

func TestBadCompletionRequestsNameTheParameter(t *testing.T) {
	with := func(member string) string { return `{"prompt":"x",` + member + `}` }
	for _, c := range []struct{ body, param, message string }{
		{`{`, "", "not valid JSON"},
		{`{}`, "prompt", "is required"},
		{`{"prompt":null}`, "prompt", "is required"},
		{`{"prompt":{}}`, "prompt", "must be a string, an array of token ids, or an array of those"},
		{`{"prompt":[]}`, "prompt", "at least one prompt or token"},
		{`{"prompt":[[]]}`, "prompt[0]", "at least one token"},
		{`{"prompt":[1,"a"]}`, "prompt[1]", "must be an integer, got a string"},
		{`{"prompt":[1,-1]}`, "prompt[1]", "at least 0"},
		{`{"prompt":[[1],[2.5]]}`, "prompt[1][0]", "integer"},
		{`{"prompt":["a",1]}`, "prompt[1]", "must be a string or an array of token ids, got a number"},
		{`{"prompt":["a"` + strings.Repeat(`,"a"`, maxPrompts) + `]}`, "prompt", "at most 256 elements, got 257"},
		{`{"prompt":[1` + strings.Repeat(",1", maxPromptTokens) + `]}`, "prompt", "has 262145 elements"},
		{`{"prompt":["a","b","c"],"n":128}`, "n", "more than 256"},
		{with(`"max_tokens":0`), "max_tokens", "at least 1"},
		{with(`"logprobs":21`), "logprobs", "at most 20"},
		{with(`"logprobs":true`), "logprobs", "must be an integer"},
		{with(`"logprobs":1,"echo":true`), "logprobs", "is not supported with echo"},
		{with(`"echo":"yes"`), "echo", "must be a boolean"},
		{with(`"best_of":2`), "best_of", "is not supported"},
		{with(`"suffix":"y"`), "suffix", "is not supported"},
		{with(`"prompt_logprobs":1`), "prompt_logprobs", "is not supported"},
		{with(`"response_format":{"type":"json_object"}`), "response_format", "is not supported"},
		{with(`"messages":[]`), "messages", "is not a known parameter"},
		{with(`"stream_options":{}`), "stream_options", "stream must be true"},
		{with(`"min_tokens":17`), "min_tokens", "at most the maximum of tokens, 16"},
		{with(`"prompts":"y"`), "prompts", `did you mean "prompt"`},
	} {
		_, e := DecodeCompletionRequest([]byte(c.body))
		if e == nil || e.Status != 400 || e.Param != c.param || !strings.Contains(e.Message, c.message) {
			t.Errorf("%.100s: %v; want %q, %q", c.body, e, c.param, c.message)
		}
	}
}

func FuzzDecodeCompletionRequest(f *testing.F) {
	f.Add([]byte(`{"prompt":[[1,2],"a"],"echo":true}`))
	f.Add([]byte(`{"prompt":"x","logprobs":3,"stop":["y"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, e := DecodeCompletionRequest(body)
		if e != nil {
			if e.Status != 400 || e.Message == "" || !json.Valid(e.Body()) || len(e.Message) > 1000 {
				t.Errorf("error %+v", e)
			}
			return
		}
		for _, p := range r.Prompts {
			if (p.IDs == nil) == (p.Text == "") && p.Text != "" || p.IDs != nil && len(p.IDs) == 0 || !strings.HasPrefix(p.Path, "prompt") {
				t.Errorf("%+v was accepted", p)
			}
		}
		if len(r.Prompts) == 0 || *r.Sampling.MaxTokens < 1 {
			t.Errorf("%+v was accepted", r)
		}
	})
}
