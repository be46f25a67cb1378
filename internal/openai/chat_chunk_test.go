package openai

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
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
