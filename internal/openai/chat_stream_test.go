package openai

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lines are the events of a stream, with the members that all share left out.
func lines(t *testing.T, stream []byte) []string {
	t.Helper()
	const envelope = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"tiny","choices":`
	var out []string
	for event := range strings.SplitSeq(strings.TrimSuffix(string(stream), "\n\n"), "\n\n") {
		out = append(out, strings.TrimPrefix(event, envelope))
	}
	return out
}

func TestChatStreamHasVLLMOmnisShape(t *testing.T) {
	s := NewChatStream("chatcmpl-1", "tiny", 1700000000, false)
	var b []byte
	b = s.AppendText(b, TextPiece{Text: "Hi"}, NewUsage(3, 1))
	b = s.AppendText(b, TextPiece{Text: "\"!\"\n"}, NewUsage(3, 2))
	b = s.AppendAudio(b, []byte("RIFF"), "", NewUsage(3, 2))
	b = s.AppendAudio(b, nil, "stop", NewUsage(3, 2))
	b = s.AppendUsage(b, NewUsage(3, 2))
	b = AppendDone(b)
	want := []string{
		`[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null,"modality":"text"}`,
		`[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null,"token_ids":null}],"modality":"text","metrics":{}}`,
		`[{"index":0,"delta":{"content":"\"!\"\n"},"logprobs":null,"finish_reason":null,"token_ids":null}],"modality":"text","metrics":{}}`,
		`[{"index":0,"delta":{"role":"assistant","content":"UklGRg=="},"logprobs":null,"finish_reason":null,"stop_reason":null,"token_ids":null}],"modality":"audio","usage":{"prompt_tokens":3,"total_tokens":3,"completion_tokens":0}}`,
		`[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}],"modality":"audio","usage":{"prompt_tokens":3,"total_tokens":3,"completion_tokens":0}}`,
		`[],"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2}}`,
		"data: [DONE]",
	}
	if diff := cmp.Diff(want, lines(t, b)); diff != "" {
		t.Errorf("stream differs (-want +got):\n%s", diff)
	}
}

func TestLastTextOfATextReplyHasTheFinishReason(t *testing.T) {
	s := NewChatStream("chatcmpl-1", "tiny", 1700000000, false)
	got := lines(t, s.AppendText(nil, TextPiece{Text: ".", Finish: "length"}, Usage{}))
	if want := `[{"index":0,"delta":{"content":"."},"logprobs":null,"finish_reason":"length","stop_reason":null,"token_ids":null}],"modality":"text","metrics":{}}`; got[1] != want {
		t.Errorf("%s\nwant %s", got[1], want)
	}
}

func TestEveryChoiceHasItsIndexAndItsRole(t *testing.T) {
	s := NewChatStream("chatcmpl-1", "tiny", 1700000000, false)
	b := s.AppendText(nil, TextPiece{Index: 1, Text: "a"}, Usage{})
	b = s.AppendText(b, TextPiece{Text: "b"}, Usage{})
	b = s.AppendText(b, TextPiece{Index: 1, Text: "c", Finish: "stop", Stop: StopReason{Text: "d"}, Logprobs: []Logprobs{{TokenLogprob{1, "c", -1}, nil}}}, Usage{})
	const role, piece = `"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null,"modality":"text"}`, `,"token_ids":null}],"modality":"text","metrics":{}}`
	want := []string{
		`[{"index":1,` + role,
		`[{"index":1,"delta":{"content":"a"},"logprobs":null,"finish_reason":null` + piece,
		`[{"index":0,` + role,
		`[{"index":0,"delta":{"content":"b"},"logprobs":null,"finish_reason":null` + piece,
		`[{"index":1,"delta":{"content":"c"},"logprobs":{"content":[{"token":"c","logprob":-1,"bytes":[99],"top_logprobs":[]}],"refusal":null},"finish_reason":"stop","stop_reason":"d"` + piece,
	}
	if diff := cmp.Diff(want, lines(t, b)); diff != "" {
		t.Errorf("stream differs (-want +got):\n%s", diff)
	}
}

func TestContinuousUsageIsInEveryEvent(t *testing.T) {
	s := NewChatStream("chatcmpl-1", "tiny", 1700000000, true)
	b := s.AppendText(nil, TextPiece{Text: "a"}, NewUsage(3, 1))
	b = s.AppendAudio(b, nil, "", NewUsage(3, 2))
	want := []Usage{NewUsage(3, 0), NewUsage(3, 1), NewUsage(3, 2)}
	var got []Usage
	for _, c := range chunks(t, b) {
		got = append(got, *c.Usage)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("usage differs (-want +got):\n%s", diff)
	}
}

func TestClientReadsWhatTheServerStreams(t *testing.T) {
	wav := bytes.Repeat([]byte{0, 1, 0xff, 'R'}, 24001)
	const text = "déjà\u2028 <vu> \"\\\x00\U0001F600"
	s := NewChatStream("chatcmpl-\"1", "a/b", 1, false)
	b := s.AppendText(nil, TextPiece{Text: text}, NewUsage(1, 1))
	b = s.AppendAudio(b, wav, "", NewUsage(1, 1))
	b = s.AppendAudio(b, wav[:10], "length", NewUsage(1, 1))
	b = s.AppendUsage(b, NewUsage(1, 1))
	var gotText, finish string
	var gotWAV []byte
	for _, c := range chunks(t, AppendDone(b)) {
		if c.ID != "chatcmpl-\"1" || c.Model != "a/b" {
			t.Errorf("id %q, model %q", c.ID, c.Model)
		}
		gotText += c.Text()
		finish += c.FinishReason()
		var err error
		if gotWAV, err = c.AppendAudio(gotWAV); err != nil {
			t.Error(err)
		}
	}
	if gotText != text || finish != "length" || !bytes.Equal(gotWAV, append(wav, wav[:10]...)) {
		t.Errorf("text %q, finish %q, %d bytes of sound", gotText, finish, len(gotWAV))
	}
}

func TestEventsAllocateNothingWhenThereIsRoom(t *testing.T) {
	s := NewChatStream("chatcmpl-1", "tiny", 1, true)
	wav, b := make([]byte, 4000), make([]byte, 0, 16384)
	if n := testing.AllocsPerRun(100, func() { b = s.AppendText(b[:0], TextPiece{Text: "hello \x01"}, NewUsage(10, 20)) }); n != 0 {
		t.Errorf("text: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { b = s.AppendAudio(b[:0], wav, "stop", NewUsage(10, 20)) }); n != 0 {
		t.Errorf("audio: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { b = AppendDone(s.AppendUsage(b[:0], NewUsage(10, 20))) }); n != 0 {
		t.Errorf("end: %v allocations", n)
	}
}

func BenchmarkTextEvent(b *testing.B) {
	s := NewChatStream("chatcmpl-0123456789abcdef", "limelight-tiny", 1700000000, false)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = s.AppendText(buf[:0], TextPiece{Text: " hello"}, Usage{})
	}
}

// BenchmarkAudioEvent is for a chunk of two seconds at 24 kHz.
func BenchmarkAudioEvent(b *testing.B) {
	s := NewChatStream("chatcmpl-0123456789abcdef", "limelight-tiny", 1700000000, false)
	wav, buf := make([]byte, 96044), make([]byte, 0, 200000)
	b.ReportAllocs()
	b.SetBytes(int64(len(wav)))
	for b.Loop() {
		buf = s.AppendAudio(buf[:0], wav, "", Usage{})
	}
}
