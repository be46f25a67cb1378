package openai

import (
	"encoding/json"
	"testing"
)

func TestChatReplyHasAChoiceForEachTextAndOneForTheAudio(t *testing.T) {
	r := ChatReply{ID: "c", Model: "m", Created: 10, Usage: NewUsage(1, 2), Texts: []TextPiece{{Text: "ok\"", Finish: "length"}},
		HasAudio: true, AudioID: "audio-1", WAV: []byte("RIFF"), AudioFinish: "stop"}
	const (
		head  = `{"id":"c","object":"chat.completion","created":10,"model":"m","choices":[`
		text  = `{"index":0,"message":{"role":"assistant","content":"ok\""},"logprobs":null,"finish_reason":"length","stop_reason":null}`
		audio = `{"index":0,"message":{"role":"assistant","content":null,"audio":{"id":"audio-1","data":"UklGRg==","expires_at":86410,"transcript":""}},"logprobs":null,"finish_reason":"stop","stop_reason":null}`
		tail  = `],"usage":{"prompt_tokens":1,"total_tokens":3,"completion_tokens":2},"metrics":null}`
	)
	const (
		many   = `{"index":0,"message":{"role":"assistant","content":"a"},"logprobs":null,"finish_reason":"stop","stop_reason":"END"},`
		second = `{"index":1,"message":{"role":"assistant","content":"b"},"logprobs":{"content":[{"token":"b","logprob":-1,"bytes":[98],"top_logprobs":[]}],"refusal":null},"finish_reason":"stop","stop_reason":7}`
	)
	both := r
	textOnly, audioOnly, choices := r, r, r
	textOnly.HasAudio, audioOnly.Texts, choices.HasAudio = false, nil, false
	choices.Texts = []TextPiece{
		{Text: "a", Finish: "stop", Stop: StopReason{Text: "END"}},
		{Index: 1, Text: "b", Finish: "stop", Stop: StopReason{Token: 7, IsToken: true}, Logprobs: []Logprobs{{TokenLogprob{1, "b", -1}, nil}}},
	}
	for want, r := range map[string]ChatReply{
		head + text + "," + audio + tail: both,
		head + text + tail:               textOnly,
		head + audio + tail:              audioOnly,
		head + many + second + tail:      choices,
	} {
		if got := string(r.Body()); got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
