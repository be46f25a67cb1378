package openai

import (
	"encoding/json"
	"math"
	"testing"
)

func TestLogprobsHaveOpenAIsShape(t *testing.T) {
	list := []Logprobs{
		{TokenLogprob{5, " a", -0.25}, []TokenLogprob{{5, " a", -0.25}, {7, "\xe2\x82", -1.5}}},
		{TokenLogprob{9, "", float32(math.Inf(-1))}, nil},
	}
	const want = `{"content":[` +
		`{"token":" a","logprob":-0.25,"bytes":[32,97],"top_logprobs":[` +
		`{"token":" a","logprob":-0.25,"bytes":[32,97]},{"token":"\ufffd\ufffd","logprob":-1.5,"bytes":[226,130]}]},` +
		`{"token":"token_id:9","logprob":-9999,"bytes":null,"top_logprobs":[]}],"refusal":null}`
	if got := string(appendLogprobs(nil, list)); got != want || !json.Valid([]byte(got)) {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := string(appendLogprobs(nil, nil)); got != "null" {
		t.Errorf("none: %s", got)
	}
}

func TestStopReasonIsAStringATokenOrNull(t *testing.T) {
	for want, r := range map[string]StopReason{
		`null`: {}, `"\"END\""`: {Text: `"END"`}, `0`: {IsToken: true}, `2150`: {Token: 2150, IsToken: true},
	} {
		if got := string(r.append(nil)); got != want {
			t.Errorf("%+v: %s, want %s", r, got, want)
		}
	}
}
