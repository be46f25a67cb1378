package openai

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// chunks reads a stream as a client does.
func chunks(t *testing.T, stream []byte) []*ChatChunk {
	t.Helper()
	var out []*ChatChunk
	r := NewEventReader(bytes.NewReader(stream), 1<<20)
	for {
		data, err := r.Next()
		if err == io.EOF || string(data) == Done {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		c, err := DecodeChatChunk(data)
		if err != nil {
			t.Fatalf("event %s: %v", data, err)
		}
		out = append(out, c)
	}
}

func TestChunkInOpenAIsShapeIsRead(t *testing.T) {
	c, err := DecodeChatChunk([]byte(`{"id":"x","choices":[{"index":0,"delta":{"audio":{"id":"a","data":"UklGRg==","transcript":"hi"}},"finish_reason":null}],"usage":null,"obfuscation":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	sound, err := c.AppendAudio([]byte("+"))
	if err != nil || string(sound) != "+RIFF" || c.Text() != "" || c.FinishReason() != "" || c.Usage != nil {
		t.Errorf("%q, %v, %+v", sound, err, c)
	}
	if c, err = DecodeChatChunk([]byte(`{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}],"metrics":{"num_tokens_out":4}}`)); err != nil || c.Text() != "Hi" || c.FinishReason() != "stop" || *c.Metrics.NumTokensOut != 4 {
		t.Errorf("%+v, %v", c, err)
	}
	if sound, err := c.AppendAudio(nil); len(sound) != 0 || err != nil {
		t.Errorf("text gave the sound %q, %v", sound, err)
	}
}

func TestFailureInAStreamIsAnError(t *testing.T) {
	stream := AppendError(nil, &Error{Status: 503, Type: "ServiceUnavailableError", Message: "gone", RequestID: "r", Stage: new(1)})
	data, err := NewEventReader(bytes.NewReader(stream), 1<<20).Next()
	if err != nil {
		t.Fatal(err)
	}
	_, err = DecodeChatChunk(data)
	var e *Error
	if !errors.As(err, &e) || e.Status != 503 || e.Type != "ServiceUnavailableError" || e.Message != "gone" || e.RequestID != "r" || *e.Stage != 1 {
		t.Errorf("%#v", err)
	}
}

func TestBrokenChunksAreErrors(t *testing.T) {
	if _, err := DecodeChatChunk([]byte(`{"choices":`)); err == nil || !strings.Contains(err.Error(), "chat chunk") {
		t.Errorf("cut off: %v", err)
	}
	c, err := DecodeChatChunk([]byte(`{"modality":"audio","choices":[{"delta":{"content":"***"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AppendAudio(nil); err == nil {
		t.Error("sound that is no base64 was accepted")
	}
}

// Every event is read as encoding/json reads it, whatever was read before.
func FuzzChunksAreReadAsEncodingJSONDoes(f *testing.F) {
	for _, event := range []string{
		`{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null,"stop_reason":null,"token_ids":null}],"prompt_token_ids":null,"modality":"text","metrics":{}}`,
		` { "choices" : [ { "index" : 12 , "delta" : { "content" : "a\u00e4\n" , "tool_calls" : [ { "index" : 0 } ] , "refusal" : null } , "finish_reason" : "tool_calls" , "stop_reason" : 7 } ] , "usage" : { "prompt_tokens" : 1 } } `,
		`{"choices":[{"index":0,"delta":{"audio":{"id":"a","data":"UklGRg==","transcript":"hi","expires_at":5,"x":1}}},{"index":1,"delta":null,"logprobs":{"content":[]}}],"metrics":{"num_tokens_out":4}}`,
		`{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`, `{"choices":null,"usage":null,"metrics":null,"modality":null,"id":null}`, `{}`, `null`, `[]`, `1`, ``, ` `, `{"choices":`,
		`{"id":1}`, `{"choices":{}}`, `{"choices":[1]}`, `{"choices":[null]}`, `{"choices":[{"delta":1}]}`, `{"choices":[{"delta":{"content":1}}]}`, `{"choices":[{"index":"0"}]}`, `{"choices":[{"index":null}]}`, `{"choices":[{"index":1.5}]}`,
		`{"ID":"X","Choices":[{"Delta":{"Content":"a"}}]}`, `{"choices":[{"delta":{"content":"a"}}],"choices":[{"delta":{"role":"b"}}]}`, `{"choices":[{"delta":{"content":"a","content":"b"}}]}`, `{"choices":[{"delta":{"x":1,"x":null}}]}`, `{"\u0069d":"x"}`, `{"choice\u017f":[]}`, `{"choiceſ":[{}]}`,
		`{"error":null,"id":"x"}`, `{"error":{"message":"gone","code":503}}`, `{"error":"gone"}`, `{"choices":[{"delta":{"content":"\ud800"}}]}`, "{\"id\":\"\xff\"}", `{"choices":[{"delta":{"audio":null,"a\"b":1}}]}`, `{"choices":[{"delta":{"audio":{"expires_at":"x"}}}]}`,
	} {
		f.Add([]byte(event))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want ChatChunk
		wanted := want.decode(data)
		got := ChatChunk{ID: "x", Model: "m", Modality: "text", Usage: new(Usage), Choices: []ChatChoice{{Index: 3, Logprobs: null}, {FinishReason: "stop"}}}
		err := got.Decode(data)
		if fmt.Sprint(err) != fmt.Sprint(wanted) {
			t.Fatalf("%v, encoding/json says %v", err, wanted)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err == nil && diff != "" {
			t.Error(diff)
		}
	})
}

func BenchmarkDecodeChatChunk(b *testing.B) {
	data := []byte(`{"id":"chatcmpl-0123456789abcdef","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null,"token_ids":null}]}`)
	b.ReportAllocs()
	var c ChatChunk
	for b.Loop() {
		if err := c.Decode(data); err != nil || c.Text() != " word" {
			b.Fatal(err)
		}
	}
}
