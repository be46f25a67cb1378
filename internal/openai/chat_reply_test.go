package openai

import (
	"encoding/json"
	"testing"
)

func TestChatReplyHasTwoChoicesWithIndexZero(t *testing.T) {
	r := ChatReply{ID: "c", Model: "m", Created: 10, Usage: NewUsage(1, 2), HasText: true, Text: "ok\"", TextFinish: "length",
		HasAudio: true, AudioID: "audio-1", WAV: []byte("RIFF"), AudioFinish: "stop"}
	const (
		head  = `{"id":"c","object":"chat.completion","created":10,"model":"m","choices":[`
		text  = `{"index":0,"message":{"role":"assistant","content":"ok\""},"logprobs":null,"finish_reason":"length","stop_reason":null}`
		audio = `{"index":0,"message":{"role":"assistant","content":null,"audio":{"id":"audio-1","data":"UklGRg==","expires_at":86410,"transcript":""}},"logprobs":null,"finish_reason":"stop","stop_reason":null}`
		tail  = `],"usage":{"prompt_tokens":1,"total_tokens":3,"completion_tokens":2},"metrics":null}`
	)
	both := r
	textOnly, audioOnly := r, r
	textOnly.HasAudio, audioOnly.HasText = false, false
	for want, r := range map[string]ChatReply{
		head + text + "," + audio + tail: both,
		head + text + tail:               textOnly,
		head + audio + tail:              audioOnly,
	} {
		if got := string(r.Body()); got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
