package openai

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// events decodes server-sent events into JSON; [DONE] stays a string.
func events(t *testing.T, stream []byte) []any {
	t.Helper()
	var out []any
	for _, ev := range strings.Split(strings.TrimSuffix(string(stream), "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(ev, "data: ")
		if !ok || strings.Contains(data, "\n") {
			t.Fatalf("event %q", ev)
		}
		if data == "[DONE]" {
			out = append(out, data)
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			t.Fatalf("event %s: %v", data, err)
		}
		out = append(out, v)
	}
	return out
}

func TestChatStreamHasVLLMOmnisShape(t *testing.T) {
	s := NewChatStream("chatcmpl-1", "tiny", 1700000000, false)
	var b []byte
	b = s.AppendText(b, "Hi", "", NewUsage(3, 1))
	b = s.AppendText(b, "!", "", NewUsage(3, 2))
	b = s.AppendAudio(b, []byte("RIFF"), "", NewUsage(3, 2))
	b = s.AppendAudio(b, nil, "stop", NewUsage(3, 2))
	b = s.AppendUsage(b, NewUsage(3, 2))
	b = AppendDone(b)
	base := func(choices []any, more map[string]any) map[string]any {
		m := map[string]any{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000.0, "model": "tiny", "choices": choices}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	choice := func(delta map[string]any, more map[string]any) []any {
		m := map[string]any{"index": 0.0, "delta": delta, "logprobs": nil, "finish_reason": nil}
		for k, v := range more {
			m[k] = v
		}
		return []any{m}
	}
	audioUsage := map[string]any{"prompt_tokens": 3.0, "total_tokens": 3.0, "completion_tokens": 0.0}
	want := []any{
		base(choice(map[string]any{"role": "assistant", "content": ""}, nil), map[string]any{"prompt_token_ids": nil, "prompt_text": nil, "modality": "text"}),
		base(choice(map[string]any{"content": "Hi"}, map[string]any{"token_ids": nil}), map[string]any{"modality": "text", "metrics": map[string]any{}}),
		base(choice(map[string]any{"content": "!"}, map[string]any{"token_ids": nil}), map[string]any{"modality": "text", "metrics": map[string]any{}}),
		base(choice(map[string]any{"role": "assistant", "content": base64.StdEncoding.EncodeToString([]byte("RIFF"))}, map[string]any{"stop_reason": nil, "token_ids": nil}), map[string]any{"modality": "audio", "usage": audioUsage}),
		base(choice(map[string]any{"role": "assistant", "content": ""}, map[string]any{"finish_reason": "stop", "stop_reason": nil, "token_ids": nil}), map[string]any{"modality": "audio", "usage": audioUsage}),
		base([]any{}, map[string]any{"usage": map[string]any{"prompt_tokens": 3.0, "total_tokens": 5.0, "completion_tokens": 2.0}}),
		"[DONE]",
	}
	if diff := cmp.Diff(want, events(t, b)); diff != "" {
		t.Errorf("stream differs (-want +got):\n%s", diff)
	}
}

func TestContinuousUsageIsInEveryEvent(t *testing.T) {
	s := NewChatStream("c", "m", 1, true)
	b := s.AppendText(nil, "a", "", NewUsage(3, 1))
	b = s.AppendAudio(b, nil, "", NewUsage(3, 2))
	for i, ev := range events(t, b) {
		if usage, _ := ev.(map[string]any)["usage"].(map[string]any); usage["completion_tokens"] == 0.0 || usage == nil {
			t.Errorf("event %d: usage %v", i, usage)
		}
	}
}

func TestChatReplyHasTwoChoicesWithIndexZero(t *testing.T) {
	r := ChatReply{ID: "c", Model: "m", Created: 10, Usage: NewUsage(1, 2), HasText: true, Text: "ok\"", TextFinish: "length",
		HasAudio: true, AudioID: "audio-1", WAV: []byte("RIFF"), AudioFinish: "stop"}
	var got struct {
		Object  string
		Usage   Usage
		Choices []struct {
			Index        int
			FinishReason string `json:"finish_reason"`
			Message      struct {
				Role    string
				Content *string
				Audio   *struct {
					ID, Data, Transcript string
					ExpiresAt            int64 `json:"expires_at"`
				}
			}
		}
	}
	if err := json.Unmarshal(r.Body(), &got); err != nil {
		t.Fatal(err)
	}
	text, audio := got.Choices[0], got.Choices[1]
	if len(got.Choices) != 2 || text.Index != 0 || audio.Index != 0 || *text.Message.Content != `ok"` || text.FinishReason != "length" || text.Message.Audio != nil {
		t.Errorf("text choice %+v", text)
	}
	if audio.Message.Content != nil || audio.Message.Audio.Data != "UklGRg==" || audio.Message.Audio.ExpiresAt != 10+86400 || audio.FinishReason != "stop" {
		t.Errorf("audio choice %+v", audio)
	}
	if got.Usage != (Usage{1, 3, 2}) || got.Object != "chat.completion" {
		t.Errorf("%+v", got)
	}
	r.HasAudio = false
	if err := json.Unmarshal(r.Body(), &got); err != nil || len(got.Choices) != 1 {
		t.Errorf("text only: %d choices, %v", len(got.Choices), err)
	}
}

func TestErrorBodyNamesTheParameterOrNull(t *testing.T) {
	stage := 2
	for want, e := range map[string]*Error{
		`{"error":{"message":"top_p: must be less","type":"BadRequestError","param":"top_p","code":400}}`:                    BadRequest("top_p", "must be %s", "less"),
		`{"error":{"message":"gone","type":"NotFoundError","param":null,"code":404}}`:                                        Problem(404, "gone"),
		`{"error":{"message":"x","type":"InternalServerError","param":null,"code":500,"request_id":"r","error_stage_id":2}}`: {Status: 500, Type: "InternalServerError", Message: "x", RequestID: "r", Stage: &stage},
	} {
		if got := string(e.Body()); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func FuzzJSONStringsComeBack(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\"\\\n\u2028\U0001F600\xff\x7f")
	f.Fuzz(func(t *testing.T, s string) {
		b := appendJSON(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); got != want && !bytes.Contains([]byte(s), []byte{0xff}) && strings.ToValidUTF8(s, "") == s {
			t.Errorf("%q became %q", s, got)
		}
		if bytes.ContainsAny(b, "\n\r") {
			t.Errorf("%q breaks an event", b)
		}
	})
}

func TestTextEventAllocatesNothing(t *testing.T) {
	s := NewChatStream("chatcmpl-1", "tiny", 1, false)
	b := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { b = s.AppendText(b[:0], "hello", "", Usage{}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTextEvent(b *testing.B) {
	s := NewChatStream("chatcmpl-0123456789abcdef", "limelight-tiny", 1700000000, false)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = s.AppendText(buf[:0], " hello", "", Usage{})
	}
}
