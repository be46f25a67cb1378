package openai

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hello = `"messages":[{"role":"user","content":"hi"}]`

var everything = Abilities{Language: true}

const wholeRequest = `{
	"model":"m", "modalities":["text","audio"], "stream":true, "stream_options":{"include_usage":true,"continuous_usage_stats":false},
	"temperature":0, "top_p":0.5, "top_k":-1, "min_p":0.1, "repetition_penalty":1.1, "presence_penalty":-2, "frequency_penalty":2,
	"seed":-7, "max_completion_tokens":9, "min_tokens":2, "ignore_eos":true, "stop":"END", "stop_token_ids":[5,6.0],
	"audio":{"voice":"Ethan","format":"pcm16"}, "speaker":"ethan", "language":"English",
	"user":"u", "metadata":{"k":"v"}, "service_tier":"auto", "store":false, "n":3, "tools":[], "logprobs":false,
	"include_stop_str_in_output":false, "logit_bias":{"50256":-100,"7":1.5}, "allowed_token_ids":[3,1], "bad_words":["a b"],
	"repetition_detection":{"max_pattern_size":4,"min_count":3}, "response_format":{ "type" : "text" },
	"sampling_params_list":[{"temperature":1,"stop":["a","b"]},{"max_tokens":5,"stop_token_ids":[2150],"detokenize":false,"n":1},{"logprobs":0}],
	"messages":[{"role":"developer","content":"be brief"},{"role":"user","content":[{"type":"text","text":"a"},{"text":"b","type":"text"}]},
		{"role":"assistant","content":"c","refusal":null,"tool_calls":[]}]}`

func TestChatRequestIsReadWhole(t *testing.T) {
	got, e := everything.DecodeChatRequest([]byte(wholeRequest))
	if e != nil {
		t.Fatal(e)
	}
	want := &ChatRequest{
		Model:    "m",
		Messages: []Message{{"system", "be brief"}, {"user", "ab"}, {"assistant", "c"}},
		Text:     true, Audio: true,
		Voice: "ethan", VoiceParam: "speaker", Language: "English",
		AudioObject: true, AudioFormat: "pcm16",
		Stream: true, Usage: UsageEvents{Last: true},
		Sampling: Sampling{
			Temperature: new(0.0), TopP: new(0.5), TopK: new(int64(-1)), MinP: new(0.1),
			RepetitionPenalty: new(1.1), PresencePenalty: new(-2.0), FrequencyPenalty: new(2.0),
			Seed: new(int64(-7)), MaxTokens: new(int64(9)), MinTokens: new(int64(2)), IgnoreEOS: new(true),
			Stop: []string{"END"}, IncludeStop: new(false), StopTokenIDs: []int64{5, 6},
			LogitBias: []TokenBias{{7, 1.5}, {50256, -100}}, AllowedTokenIDs: []int64{3, 1}, BadWords: []string{"a b"},
			Repetition: &RepetitionDetection{MaxPatternSize: 4, MinCount: 3},
			N:          new(int64(3)),
		},
		Stages: []Sampling{
			{Temperature: new(1.0), Stop: []string{"a", "b"}},
			{MaxTokens: new(int64(5)), StopTokenIDs: []int64{2150}},
			{Logprobs: new(int64(0))},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request differs (-want +got):\n%s", diff)
	}
}

func TestWhatIsAbsentNullOrANoOpIsNotSet(t *testing.T) {
	want := &ChatRequest{Messages: []Message{{"user", "hi"}}}
	for _, more := range []string{
		``,
		`"temperature":null,"seed":null,"stop":null,"modalities":null,"stream_options":null,"audio":null,"tools":null,"logprobs":null,"model":null,`,
		`"tools":[],"tool_choice":"none","logprobs":false,"top_logprobs":0,"logit_bias":{},"bad_words":[],"response_format":{"type":"text"},`,
		`"parallel_tool_calls":true,"functions":[],"store":false,"mm_processor_kwargs":{},"stop":[],"language":"Auto",`,
	} {
		got, e := DecodeChatRequest([]byte(`{` + more + hello + `}`))
		if e != nil {
			t.Errorf("%s: %v", more, e)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: request differs (-want +got):\n%s", more, diff)
		}
	}
}

func TestTwoNamesOfTheLogprobsAreOneParameter(t *testing.T) {
	for more, want := range map[string]*int64{
		`"logprobs":true`: new(int64(0)), `"logprobs":true,"top_logprobs":5`: new(int64(5)), `"top_logprobs":0`: nil,
	} {
		r, e := DecodeChatRequest([]byte(`{` + more + `,` + hello + `}`))
		if e != nil {
			t.Errorf("%s: %v", more, e)
		} else if diff := cmp.Diff(want, r.Sampling.Logprobs); diff != "" {
			t.Errorf("%s: differs (-want +got):\n%s", more, diff)
		}
	}
}

func TestNewerNameOfTheTokenLimitWinsInAnyOrder(t *testing.T) {
	for _, body := range []string{`{"max_tokens":3,"max_completion_tokens":7,` + hello + `}`, `{"max_completion_tokens":7,"max_tokens":3,` + hello + `}`} {
		r, e := DecodeChatRequest([]byte(body))
		if e != nil || *r.Sampling.MaxTokens != 7 {
			t.Errorf("%s: %+v, %v", body, r, e)
		}
	}
}

func TestAudioObjectAsksForSoundInOpenAIsShape(t *testing.T) {
	for more, want := range map[string]ChatRequest{
		``:           {},
		`"audio":{}`: {Text: true, Audio: true, AudioObject: true, AudioFormat: "wav"},
		`"audio":{"format":"opus"},"modalities":["audio"]`: {Audio: true, AudioObject: true, AudioFormat: "opus"},
		`"audio":{"voice":"a"},"stream":true`:              {Text: true, Audio: true, AudioObject: true, AudioFormat: "pcm16", Stream: true, Voice: "a", VoiceParam: "audio.voice"},
		`"modalities":["audio"],"speaker":"a"`:             {Audio: true, Voice: "a", VoiceParam: "speaker"},
	} {
		body := `{` + more + `,` + hello + `}`
		got, e := DecodeChatRequest([]byte(strings.Replace(body, "{,", "{", 1)))
		if e != nil {
			t.Errorf("%s: %v", body, e)
			continue
		}
		want.Messages = []Message{{"user", "hi"}}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s: request differs (-want +got):\n%s", body, diff)
		}
	}
}

func TestSpokenReplyThatIsSentBackIsItsTranscript(t *testing.T) {
	turn := func(message string) string {
		return `{"messages":[{"role":"user","content":"hi"},` + message + `]}`
	}
	for message, want := range map[string]string{
		`{"role":"assistant","content":null,"refusal":null,"audio":{"id":"audio-1","data":"UklGRg==","expires_at":1700086400,"transcript":"hello"}}`: "hello",
		`{"audio":{"id":"audio-1","transcript":"hello"},"role":"assistant"}`:                                                                         "hello",
		`{"role":"assistant","content":"hello","audio":{"id":"audio-1"}}`:                                                                            "hello",
	} {
		got, e := DecodeChatRequest([]byte(turn(message)))
		if e != nil || got.Messages[1] != (Message{"assistant", want}) {
			t.Errorf("%s: %+v, %v", message, got, e)
		}
	}
	for message, why := range map[string]string{
		`{"role":"assistant","audio":{"id":"audio-1"}}`:                "sounds are not kept",
		`{"role":"user","content":"x","audio":{"transcript":"hello"}}`: "is for assistant messages",
	} {
		if _, e := DecodeChatRequest([]byte(turn(message))); e == nil || e.Param != "messages[1].audio" || !strings.Contains(e.Message, why) {
			t.Errorf("%s: %v, want %q", message, e, why)
		}
	}
}

func TestEngineWithoutALanguageRefusesIt(t *testing.T) {
	set, noop := []byte(`{"language":"Chinese",`+hello+`}`), []byte(`{"language":"auto",`+hello+`}`)
	if _, e := DecodeChatRequest(set); e == nil || e.Param != "language" || !strings.Contains(e.Message, "is not supported") {
		t.Errorf("%s: %v, want a refusal", set, e)
	}
	if _, e := everything.DecodeChatRequest(set); e != nil {
		t.Errorf("%s with the ability: %v", set, e)
	}
	if _, e := DecodeChatRequest(noop); e != nil {
		t.Errorf("%s asks for nothing: %v", noop, e)
	}
}

func TestBadChatRequestsNameTheParameter(t *testing.T) {
	part := func(part string) string { return `{"messages":[{"role":"user","content":[` + part + `]}]}` }
	with := func(member string) string { return `{` + member + `,` + hello + `}` }
	for _, c := range []struct{ body, param, message string }{
		{``, "", "the body is empty"},
		{" \n", "", "the body is empty"},
		{`{`, "", "not valid JSON"},
		{"{\n\"a\": x}", "", "line 2, byte 8"},
		{`[]`, "", "the body must be an object, got an array"},
		{`null`, "", "the body must be an object, got null"},
		{`{} {}`, "", "not valid JSON"},
		{with("\"model\":\"\xff\""), "", "UTF-8"},
		{with(`"model":5`), "model", "must be a string, got a number"},

		{`{}`, "messages", "is required"},
		{`{"messages":null}`, "messages", "is required"},
		{`{"messages":[]}`, "messages", "at least one"},
		{`{"messages":{}}`, "messages", "must be an array, got an object"},
		{`{"messages":["hi"]}`, "messages[0]", "must be an object, got a string"},
		{`{"messages":[{"content":"x"}]}`, "messages[0].role", "is required"},
		{`{"messages":[{"role":"user"}]}`, "messages[0].content", "is required"},
		{`{"messages":[{"role":"user","content":null}]}`, "messages[0].content", "is required"},
		{`{"messages":[{"role":"user","content":"x"},{"role":"tool","content":"x"}]}`, "messages[1].role", "tool is not supported"},
		{`{"messages":[{"role":"boss","content":"x"}]}`, "messages[0].role", `must be system, developer, user or assistant, got "boss"`},
		{`{"messages":[{"role":"user","content":5}]}`, "messages[0].content", "a string or an array of parts, got a number"},
		{`{"messages":[{"role":"user","content":"x","contents":1}]}`, "messages[0].contents", `did you mean "content"`},
		{`{"messages":[{"role":"assistant","content":"x","tool_calls":[{}]}]}`, "messages[0].tool_calls", "is not supported"},
		{part(`{"type":"image_url","image_url":{}}`), "messages[0].content[0].type", "image_url is not supported: the embedded engine reads text only"},
		{part(`{"type":"text","text":"a"},{"input_audio":{},"type":"input_audio"}`), "messages[0].content[1].type", "input_audio is not supported"},
		{part(`{"video_url":{}}`), "messages[0].content[0].video_url", "reads text only"},
		{part(`{"type":"text","text":"a","file":{}}`), "messages[0].content[0].file", "reads text only"},
		{part(`{"type":"text"}`), "messages[0].content[0].text", "is required"},
		{part(`{"text":"a"}`), "messages[0].content[0].type", "is required"},
		{part(`{"type":"poem","text":"a"}`), "messages[0].content[0].type", `must be text, got "poem"`},

		{with(`"temperature":"hot"`), "temperature", "must be a number, got a string"},
		{with(`"temperature":2.1`), "temperature", "between 0 and 2, got 2.1"},
		{with(`"temperature":-0.1`), "temperature", "between 0 and 2"},
		{with(`"temperature":1e999`), "temperature", "out of range"},
		{with(`"top_p":0`), "top_p", "greater than 0"},
		{with(`"top_p":1.01`), "top_p", "at most 1"},
		{with(`"min_p":-1`), "min_p", "between 0 and 1"},
		{with(`"top_k":-2`), "top_k", "at least -1"},
		{with(`"top_k":1.5`), "top_k", "integer"},
		{with(`"repetition_penalty":0`), "repetition_penalty", "greater than 0"},
		{with(`"presence_penalty":2.5`), "presence_penalty", "between -2 and 2"},
		{with(`"frequency_penalty":-3`), "frequency_penalty", "between -2 and 2"},
		{with(`"max_tokens":0`), "max_tokens", "at least 1"},
		{with(`"max_completion_tokens":3000000000`), "max_completion_tokens", "at most 2147483647"},
		{with(`"min_tokens":9,"max_tokens":8`), "min_tokens", "at most the maximum of tokens, 8"},
		{with(`"seed":18446744073709551616`), "seed", "64 bits"},
		{with(`"seed":"4"`), "seed", "must be an integer, got a string"},
		{with(`"ignore_eos":1`), "ignore_eos", "must be a boolean, got a number"},
		{with(`"stop":[""]`), "stop[0]", "must not be empty"},
		{with(`"stop":7`), "stop", "a string or an array of strings"},
		{with(`"stop_token_ids":[-1]`), "stop_token_ids[0]", "at least 0"},
		{with(`"stop_token_ids":[0` + strings.Repeat(",0", maxStops) + `]`), "stop_token_ids", "at most 256 elements, got 257"},

		{with(`"n":129`), "n", "at most 128"},
		{with(`"n":0`), "n", "at least 1"},
		{with(`"tools":[{}]`), "tools", "is not supported"},
		{with(`"tool_choice":"required"`), "tool_choice", "is not supported"},
		{with(`"logprobs":5`), "logprobs", "must be a boolean, got a number"},
		{with(`"top_logprobs":2`), "top_logprobs", "logprobs must be true"},
		{with(`"logprobs":true,"top_logprobs":21`), "top_logprobs", "at most 20"},
		{with(`"logprobs":true,"audio":{}`), "logprobs", "not for replies with the audio object"},
		{with(`"logit_bias":{"5":101}`), "logit_bias.5", "between -100 and 100"},
		{with(`"logit_bias":{"05":1}`), "logit_bias.05", "must be a token id"},
		{with(`"logit_bias":{"-5":1}`), "logit_bias.-5", "must be a token id"},
		{with(`"logit_bias":[5]`), "logit_bias", "must be an object, got an array"},
		{with(`"allowed_token_ids":[]`), "allowed_token_ids", "must not be empty"},
		{with(`"allowed_token_ids":[-3]`), "allowed_token_ids[0]", "at least 0"},
		{with(`"bad_words":[""]`), "bad_words[0]", "must not be empty"},
		{with(`"repetition_detection":true`), "repetition_detection", "must be an object"},
		{with(`"repetition_detection":{"max_pattern_size":3}`), "repetition_detection.min_count", "between 2 and 1024"},
		{with(`"repetition_detection":{"max_pattern_size":3,"min_pattern_size":4,"min_count":2}`), "repetition_detection.min_pattern_size", "at most max_pattern_size, 3"},
		{with(`"repetition_detection":{"max_pattern_size":2049,"min_count":2}`), "repetition_detection.max_pattern_size", "at most 2048"},
		{with(`"repetition_detection":{"size":1}`), "repetition_detection.size", "not a known parameter"},
		{with(`"reasoning_effort":"low"`), "reasoning_effort", "is not supported"},
		{with(`"store":true`), "store", "is not supported"},
		{with(`"response_format":{"type":"json_object"}`), "response_format", "is not supported"},
		{with(`"user":5`), "user", "must be a string"},
		{with(`"metadata":{"a":1,"a":2}`), "metadata.a", "is given twice"},

		{with(`"modalities":["text","image"]`), "modalities[1]", `must be text or audio, got "image"`},
		{with(`"modalities":[]`), "modalities", "at least one"},
		{with(`"modalities":"audio"`), "modalities", "must be an array"},
		{with(`"audio":{"voice":3}`), "audio.voice", "must be a string"},
		{with(`"audio":{"format":"pcm"}`), "audio.format", `must be one of wav, pcm16, flac, opus, mp3, aac, got "pcm"`},
		{with(`"audio":{"format":"mp3"},"stream":true`), "audio.format", "mp3 can't be streamed"},
		{with(`"audio":{},"modalities":["text"]`), "audio", `modalities does not hold "audio"`},
		{with(`"audio":{"voice":"a"},"speaker":"b"`), "speaker", `is "b", but audio.voice is "a"`},
		{with(`"stream":"yes"`), "stream", "must be a boolean"},
		{with(`"stream":true,"stream_options":{"usage":true}`), "stream_options.usage", "not a known parameter"},
		{with(`"stream_options":{"include_usage":true}`), "stream_options", "stream must be true"},
		{with(`"sampling_params_list":{}`), "sampling_params_list", "must be an array"},
		{with(`"sampling_params_list":[{},{"top_p":2}]`), "sampling_params_list[1].top_p", "at most 1"},
		{with(`"sampling_params_list":[{"n":2}]`), "sampling_params_list[0].n", "the request's own n"},
		{with(`"sampling_params_list":[{"logprobs":true}]`), "sampling_params_list[0].logprobs", "must be an integer"},
		{with(`"sampling_params_list":[{"repetition_detection":{"max_pattern_size":1}}]`), "sampling_params_list[0].repetition_detection.min_count", "between 2"},
		{with(`"sampling_params_list":[{"min_tokens":2,"max_tokens":1}]`), "sampling_params_list[0].min_tokens", "at most"},

		{with(`"temprature":1`), "temprature", `did you mean "temperature"`},
		{with(`"maxTokens":1`), "maxTokens", `did you mean "max_tokens"`},
		{with(`"qqqqqqqq":1`), "qqqqqqqq", "is not a known parameter"},
		{with(`"stream":true,"stream":false`), "stream", "is given twice"},
		{with(`"` + strings.Repeat("é", 5000) + `":1`), strings.Repeat("é", 32) + "…", "is not a known parameter"},
	} {
		_, e := everything.DecodeChatRequest([]byte(c.body))
		if e == nil {
			t.Errorf("%.200s: accepted", c.body)
			continue
		}
		if e.Status != 400 || e.Type != "BadRequestError" || e.Param != c.param || !strings.Contains(e.Message, c.message) {
			t.Errorf("%.200s: param %q, %q; want %q, %q", c.body, e.Param, e.Message, c.param, c.message)
		}
	}
}

func FuzzDecodeChatRequest(f *testing.F) {
	f.Add([]byte(wholeRequest))
	f.Add([]byte(`{"temperature":1e0,` + hello + `}`))
	f.Add([]byte(`{"sampling_params_list":[{"stop":["x"]}],` + hello + `}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}],"n":3}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, e := everything.DecodeChatRequest(body)
		if e != nil {
			if e.Status != 400 || e.Message == "" || !json.Valid(e.Body()) || len(e.Message) > 1000 {
				t.Errorf("error %+v", e)
			}
			return
		}
		if len(r.Messages) == 0 || r.Sampling.MaxTokens != nil && *r.Sampling.MaxTokens < 1 {
			t.Errorf("%+v was accepted", r)
		}
		for _, m := range r.Messages {
			if m.Role != "system" && m.Role != "user" && m.Role != "assistant" {
				t.Errorf("role %q was accepted", m.Role)
			}
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, body, "", "\t"); err != nil {
			t.Fatalf("accepted a body that is no JSON: %v", err)
		}
		again, e := everything.DecodeChatRequest(indented.Bytes())
		if e != nil {
			t.Fatalf("refused with other white space: %v", e)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("differs with other white space:\n%s", diff)
		}
	})
}

func BenchmarkDecodeChatRequest(b *testing.B) {
	body := []byte(`{"model":"limelight-tiny","messages":[{"role":"system","content":"You are brief."},{"role":"user","content":"` +
		strings.Repeat("word ", 200) + `"}],"modalities":["text","audio"],"stream":true,"max_tokens":200,"temperature":0.7,"seed":1}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, e := DecodeChatRequest(body); e != nil {
			b.Fatal(e)
		}
	}
}
