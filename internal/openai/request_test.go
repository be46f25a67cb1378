package openai

import (
	"reflect"
	"strings"
	"testing"
)

const hello = `"messages":[{"role":"user","content":"hi"}]`

func TestChatRequestIsReadWhole(t *testing.T) {
	r, e := DecodeChatRequest([]byte(`{
		"model":"m", "modalities":["text","audio"], "stream":true, "stream_options":{"include_usage":true},
		"temperature":0, "top_p":0.5, "top_k":-1, "min_p":0.1, "repetition_penalty":1.1, "seed":-7, "max_completion_tokens":9, "ignore_eos":true,
		"speaker":"Ethan", "user":"u", "n":1, "tools":[], "stop":null, "response_format":{ "type" : "text" },
		"sampling_params_list":[{"temperature":1},{"max_tokens":5},{}],
		"messages":[{"role":"developer","content":"be brief"},{"role":"user","content":[{"type":"text","text":"a"},{"text":"b","type":"text"}]},{"role":"assistant","content":"c"}]}`))
	if e != nil {
		t.Fatal(e)
	}
	want := []Message{{"system", "be brief"}, {"user", "ab"}, {"assistant", "c"}}
	if !reflect.DeepEqual(r.Messages, want) || !r.Text || !r.Audio || !r.Stream || !r.IncludeUsage || r.ContinuousUsage || r.Voice != "Ethan" {
		t.Errorf("%+v", r)
	}
	s := r.Sampling
	if *s.Temperature != 0 || *s.TopP != 0.5 || *s.TopK != -1 || *s.MinP != 0.1 || *s.RepetitionPenalty != 1.1 || *s.Seed != -7 || *s.MaxTokens != 9 || !*s.IgnoreEOS {
		t.Errorf("sampling %+v", s)
	}
	if len(r.Stages) != 3 || *r.Stages[0].Temperature != 1 || *r.Stages[1].MaxTokens != 5 || r.Stages[2] != (Sampling{}) {
		t.Errorf("stages %+v", r.Stages)
	}
}

func TestAbsentAndNullParametersAreNotSet(t *testing.T) {
	r, e := DecodeChatRequest([]byte(`{"temperature":null,"seed":null,` + hello + `}`))
	if e != nil {
		t.Fatal(e)
	}
	if r.Sampling != (Sampling{}) || r.Text || r.Audio || r.Stages != nil {
		t.Errorf("%+v", r)
	}
}

func TestBadChatRequestsNameTheParameter(t *testing.T) {
	for _, c := range []struct{ body, param, message string }{
		{``, "", "the body is empty"},
		{`{`, "", "not valid JSON"},
		{"{\n\"a\": x}", "", "line 2"},
		{`[]`, "", "the body must be an object, got an array"},
		{`{} {}`, "", "not valid JSON"},
		{"{\"model\":\"\xff\"," + hello + "}", "", "UTF-8"},
		{`{}`, "messages", "is required"},
		{`{"messages":[]}`, "messages", "at least one"},
		{`{"messages":{}}`, "messages", "must be an array, got an object"},
		{`{"messages":[{"content":"x"}]}`, "messages[0].role", "is required"},
		{`{"messages":[{"role":"user"}]}`, "messages[0].content", "is required"},
		{`{"messages":[{"role":"tool","content":"x"}]}`, "messages[0].role", "must be system"},
		{`{"messages":[{"role":"user","content":5}]}`, "messages[0].content", "a string or an array of parts, got a number"},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}`, "messages[0].content[0].type", "reads text only"},
		{`{"messages":[{"role":"user","content":[{"input_audio":{},"type":"input_audio"}]}]}`, "messages[0].content[0].input_audio", "reads text only"},
		{`{"messages":[{"role":"user","content":[{"type":"text"}]}]}`, "messages[0].content[0].text", "is required"},
		{`{"temperature":"hot",` + hello + `}`, "temperature", "must be a number, got a string"},
		{`{"temperature":2.1,` + hello + `}`, "temperature", "between 0 and 2"},
		{`{"temperature":1e999,` + hello + `}`, "temperature", "out of range"},
		{`{"top_p":0,` + hello + `}`, "top_p", "greater than 0"},
		{`{"top_k":-2,` + hello + `}`, "top_k", "positive"},
		{`{"top_k":1.5,` + hello + `}`, "top_k", "integer"},
		{`{"repetition_penalty":0,` + hello + `}`, "repetition_penalty", "greater than 0"},
		{`{"max_tokens":0,` + hello + `}`, "max_tokens", "at least 1"},
		{`{"seed":18446744073709551616,` + hello + `}`, "seed", "64 bits"},
		{`{"n":2,` + hello + `}`, "n", "is not supported"},
		{`{"tools":[{}],` + hello + `}`, "tools", "is not supported"},
		{`{"response_format":{"type":"json_object"},` + hello + `}`, "response_format", "is not supported"},
		{`{"modalities":["text","image"],` + hello + `}`, "modalities[1]", `got "image"`},
		{`{"modalities":[],` + hello + `}`, "modalities", "at least one"},
		{`{"modalities":"audio",` + hello + `}`, "modalities", "must be an array"},
		{`{"audio":{"voice":3},` + hello + `}`, "audio.voice", "must be a string"},
		{`{"audio":{"format":"mp3"},` + hello + `}`, "audio.format", "must be wav"},
		{`{"stream":"yes",` + hello + `}`, "stream", "must be a boolean"},
		{`{"stream_options":{"usage":true},` + hello + `}`, "stream_options.usage", "not a known parameter"},
		{`{"temprature":1,` + hello + `}`, "temprature", `did you mean "temperature"`},
		{`{"qqqqqqqq":1,` + hello + `}`, "qqqqqqqq", "not a known parameter"},
		{`{"stream":true,"stream":false,` + hello + `}`, "stream", "given twice"},
		{`{"sampling_params_list":[{},{"top_p":2}],` + hello + `}`, "sampling_params_list[1].top_p", "at most 1"},
	} {
		_, e := DecodeChatRequest([]byte(c.body))
		if e == nil {
			t.Errorf("%s: accepted", c.body)
			continue
		}
		if e.Status != 400 || e.Type != "BadRequestError" || e.Param != c.param || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: param %q, %q; want %q, %q", c.body, e.Param, e.Message, c.param, c.message)
		}
	}
}

func TestSpeechRequest(t *testing.T) {
	r, e := DecodeSpeechRequest([]byte(`{"input":"say it","voice":"aiden","response_format":"pcm","stream":true,"seed":4,"speed":1.0,"max_new_tokens":20}`))
	if e != nil {
		t.Fatal(e)
	}
	if r.Input != "say it" || r.Voice != "aiden" || r.Format != "pcm" || !r.Stream || *r.Seed != 4 || *r.MaxNewTokens != 20 {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct{ body, param, message string }{
		{`{}`, "input", "is required"},
		{`{"input":" "}`, "input", "is required"},
		{`{"input":5}`, "input", "must be a string"},
		{`{"input":"x","response_format":"mp3"}`, "response_format", "wav or pcm"},
		{`{"input":"x","speed":2}`, "speed", "not supported"},
		{`{"input":"x","speed":9}`, "speed", "between"},
		{`{"input":"x","ref_audio":"y"}`, "ref_audio", "not supported"},
		{`{"input":"x","max_new_tokens":5000}`, "max_new_tokens", "4096"},
		{`{"input":"x","stream_format":"sse"}`, "stream_format", "must be audio"},
	} {
		_, e := DecodeSpeechRequest([]byte(c.body))
		if e == nil || e.Param != c.param || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %v", c.body, e)
		}
	}
}

func FuzzDecodeRequests(f *testing.F) {
	f.Add([]byte(`{"temperature":1,` + hello + `}`))
	f.Add([]byte(`{"input":"x","seed":1}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, e := DecodeChatRequest(body); e == nil && len(r.Messages) == 0 {
			t.Error("a request without messages was accepted")
		} else if e != nil && e.Status != 400 {
			t.Errorf("status %d", e.Status)
		}
		if r, e := DecodeSpeechRequest(body); e == nil && r.Input == "" {
			t.Error("a request without input was accepted")
		}
	})
}
