package openai

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpokenStreamHasOpenAIsShape(t *testing.T) {
	s := NewSpokenStream("chatcmpl-1", "audio-1", "tiny", 1700000000, UsageEvents{Last: true})
	var b []byte
	b = s.AppendTranscript(b, "Hi", nil, NewUsage(3, 1))
	b = s.AppendTranscript(b, " \"you\"", nil, NewUsage(3, 2))
	b = s.AppendSound(b, []byte{1, 0, 2, 0}, NewUsage(3, 2))
	b = s.AppendEnd(b, "stop", NewUsage(3, 2))
	want := []string{
		`[{"index":0,"delta":{"role":"assistant","content":null,"refusal":null,"audio":{"id":"audio-1","transcript":"Hi"}},"finish_reason":null}],"usage":null}`,
		`[{"index":0,"delta":{"audio":{"transcript":" \"you\""}},"finish_reason":null}],"usage":null}`,
		`[{"index":0,"delta":{"audio":{"data":"AQACAA=="}},"finish_reason":null}],"usage":null}`,
		`[{"index":0,"delta":{"audio":{"expires_at":1700086400}},"finish_reason":"stop"}],"usage":null}`,
		`[],"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2}}`,
	}
	if diff := cmp.Diff(want, lines(t, b)); diff != "" {
		t.Errorf("stream differs (-want +got):\n%s", diff)
	}
}

func TestSpokenStreamWithoutASoundStillNamesItsAudio(t *testing.T) {
	s := NewSpokenStream("chatcmpl-1", "audio-1", "tiny", 1700000000, UsageEvents{})
	want := []string{`[{"index":0,"delta":{"role":"assistant","content":null,"refusal":null,"audio":{"id":"audio-1","expires_at":1700086400}},"finish_reason":"length"}]}`}
	if diff := cmp.Diff(want, lines(t, s.AppendEnd(nil, "length", Usage{}))); diff != "" {
		t.Errorf("stream differs (-want +got):\n%s", diff)
	}
}

func TestContinuousUsageIsInEverySpokenEvent(t *testing.T) {
	s := NewSpokenStream("chatcmpl-1", "audio-1", "tiny", 1, UsageEvents{Continuous: true})
	b := s.AppendTranscript(nil, "a", nil, NewUsage(3, 1))
	b = s.AppendSound(b, nil, NewUsage(3, 2))
	b = s.AppendEnd(b, "stop", NewUsage(3, 3))
	for i, c := range chunks(t, b) {
		if *c.Usage != NewUsage(3, i+1) {
			t.Errorf("event %d: %+v", i, *c.Usage)
		}
	}
}

func TestClientReadsWhatIsSpoken(t *testing.T) {
	pcm := bytes.Repeat([]byte{0, 1, 0xff, 'R'}, 24001)
	s := NewSpokenStream("chatcmpl-1", "audio-1", "tiny", 1, UsageEvents{})
	b := s.AppendSound(nil, pcm[:4], Usage{})
	b = s.AppendTranscript(b, "déjà\u2028", nil, Usage{})
	b = s.AppendSound(b, pcm[4:], Usage{})
	b = s.AppendEnd(b, "stop", Usage{})
	var id, transcript, finish string
	var got []byte
	for _, c := range chunks(t, b) {
		id += c.Choices[0].Delta.Audio.ID
		transcript += c.Choices[0].Delta.Audio.Transcript
		finish += c.FinishReason()
		var err error
		if got, err = c.AppendAudio(got); err != nil {
			t.Error(err)
		}
	}
	if id != "audio-1" || transcript != "déjà\u2028" || finish != "stop" || !bytes.Equal(got, pcm) {
		t.Errorf("id %q, transcript %q, finish %q, %d bytes of sound", id, transcript, finish, len(got))
	}
}

func TestLogprobsOfATranscriptAreBesideIt(t *testing.T) {
	logprobs := []Logprobs{{TokenLogprob: TokenLogprob{ID: 1, Token: "a", Logprob: -0.5}}}
	const want = `"logprobs":{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}],"refusal":null},"finish_reason":`
	s := NewSpokenStream("chatcmpl-1", "audio-1", "tiny", 1, UsageEvents{})
	if got := string(s.AppendTranscript(nil, "a", logprobs, Usage{})); !strings.Contains(got, `}},`+want) {
		t.Errorf("%s", got)
	}
	r := SpokenReply{Transcript: "a", Logprobs: logprobs}
	if got := string(r.Body()); !strings.Contains(got, `}},`+want) {
		t.Errorf("%s", got)
	}
}

func TestSpokenReplyHasOneChoiceWithoutContent(t *testing.T) {
	r := SpokenReply{ID: "chatcmpl-1", Model: "tiny", Created: 1700000000, AudioID: "audio-1", Sound: []byte("RIFF"), Transcript: "Hi\n", Finish: "length", Usage: NewUsage(3, 2)}
	const want = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,` +
		`"audio":{"id":"audio-1","data":"UklGRg==","expires_at":1700086400,"transcript":"Hi\n"}},"logprobs":null,"finish_reason":"length"}],` +
		`"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2}}`
	if got := string(r.Body()); got != want || !json.Valid(r.Body()) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestSpokenEventsAllocateNothingWhenThereIsRoom(t *testing.T) {
	s := NewSpokenStream("chatcmpl-1", "audio-1", "tiny", 1, UsageEvents{Last: true})
	pcm, b := make([]byte, 4000), make([]byte, 0, 16384)
	if n := testing.AllocsPerRun(100, func() {
		b = s.AppendTranscript(b[:0], "hello \x01", nil, NewUsage(10, 20))
		b = s.AppendSound(b, pcm, NewUsage(10, 20))
		b = s.AppendEnd(b, "stop", NewUsage(10, 20))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkSoundEvent is for a chunk of two seconds at 24 kHz.
func BenchmarkSoundEvent(b *testing.B) {
	s := NewSpokenStream("chatcmpl-0123456789abcdef", "audio-0123456789abcdef", "limelight-tiny", 1700000000, UsageEvents{})
	pcm := make([]byte, 96000)
	buf := make([]byte, 0, 1024+base64.StdEncoding.EncodedLen(len(pcm)))
	b.ReportAllocs()
	b.SetBytes(int64(len(pcm)))
	for b.Loop() {
		buf = s.AppendSound(buf[:0], pcm, Usage{})
	}
}
