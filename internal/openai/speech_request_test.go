package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpeechRequestIsReadWhole(t *testing.T) {
	for body, want := range map[string]*SpeechRequest{
		`{"input":"hi"}`: {Input: "hi", Format: "wav"},
		`{"model":"m","input":"say it","voice":"Aiden","speaker":"aiden","response_format":"pcm","stream":true,"stream_format":"audio","seed":4,"speed":1.0,"max_new_tokens":20,"user":"u"}`: {
			Model: "m", Input: "say it", Voice: "aiden", VoiceParam: "speaker", Format: "pcm", Stream: true, Seed: new(int64(4)), MaxNewTokens: new(int64(20)),
		},
		`{"input":"hi","voice":"a","instructions":"","language":"Auto","response_format":null,"ref_audio":null,"extra_params":{}}`: {Input: "hi", Voice: "a", VoiceParam: "voice", Format: "wav"},
		`{"input":"hi","speaker":"b","response_format":"mp3"}`:                                                                     {Input: "hi", Voice: "b", VoiceParam: "speaker", Format: "mp3"},
	} {
		got, e := DecodeSpeechRequest([]byte(body))
		if e != nil {
			t.Errorf("%s: %v", body, e)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: request differs (-want +got):\n%s", body, diff)
		}
	}
}

func TestBadSpeechRequestsNameTheParameter(t *testing.T) {
	for _, c := range []struct{ body, param, message string }{
		{`{`, "", "not valid JSON"},
		{`{}`, "input", "is required"},
		{`{"input":" \n"}`, "input", "is required"},
		{`{"input":5}`, "input", "must be a string"},
		{`{"input":"x","voice":{"id":"v"}}`, "voice", "must be a string, got an object"},
		{`{"input":"x","voice":"a","speaker":"b"}`, "speaker", `is "b", but voice is "a"`},
		{`{"input":"x","response_format":"pcm16"}`, "response_format", `must be one of wav, pcm, flac, opus, mp3, aac, got "pcm16"`},
		{`{"input":"x","response_format":"mp3","stream":true}`, "response_format", "mp3 can't be streamed"},
		{`{"input":"x","stream_format":"sse"}`, "stream_format", "must be audio"},
		{`{"input":"x","speed":2}`, "speed", "not supported"},
		{`{"input":"x","speed":9}`, "speed", "between 0.25 and 4"},
		{`{"input":"x","speed":"fast"}`, "speed", "must be a number"},
		{`{"input":"x","max_new_tokens":5000}`, "max_new_tokens", "at most 4096"},
		{`{"input":"x","max_new_tokens":0}`, "max_new_tokens", "at least 1"},
		{`{"input":"x","instructions":"whisper"}`, "instructions", "is not supported"},
		{`{"input":"x","ref_audio":"y"}`, "ref_audio", "is not supported"},
		{`{"input":"x","task_type":"Base"}`, "task_type", "is not supported"},
		{`{"input":"x","voices":"y"}`, "voices", `did you mean "voice"`},
		{`{"input":"x","input":"y"}`, "input", "is given twice"},
	} {
		_, e := DecodeSpeechRequest([]byte(c.body))
		if e == nil || e.Status != 400 || e.Param != c.param || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %v; want %q, %q", c.body, e, c.param, c.message)
		}
	}
}

func FuzzDecodeSpeechRequest(f *testing.F) {
	f.Add([]byte(`{"input":"x","seed":1,"voice":"v","response_format":"pcm"}`))
	f.Add([]byte(`{"input":"x","speed":1.5,"extra_params":{"a":[]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, e := DecodeSpeechRequest(body)
		switch {
		case e != nil && (e.Status != 400 || e.Message == ""):
			t.Errorf("error %+v", e)
		case e == nil && (strings.TrimSpace(r.Input) == "" || r.Format != "wav" && r.Format != "pcm"):
			t.Errorf("%+v was accepted", r)
		}
	})
}
