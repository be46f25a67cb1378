package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/openai"
)

// speak turns text into sound: the client's own speech request, or each piece
// of text that the stage before hands over, one after the other.
func (t *task) speak() error {
	rate := 0
	pass := func(a *engine.Audio) error {
		if rate != 0 && a.Rate != rate {
			return fmt.Errorf("backend %s: the sound changes from %d to %d samples a second", t.e.root, rate, a.Rate)
		}
		rate = a.Rate
		t.heard()
		return t.put(engine.Output{Payload: a})
	}
	spoken := 0
	if t.req.Entry {
		body, err := t.e.forwardSpeech(t.req.Relay.Body)
		if err != nil {
			return fmt.Errorf("backend %s: request: %w", t.e.root, err)
		}
		if err := t.say(body, pass); err != nil {
			return err
		}
		return t.put(engine.Output{Finish: engine.FinishStop})
	}
	for {
		p, err := t.next()
		if err != nil {
			return err
		}
		if p == nil {
			break
		}
		text, ok := p.(*engine.Text)
		if !ok {
			return fmt.Errorf("backend %s: payload %T is not text", t.e.root, p)
		}
		if strings.TrimSpace(text.Text) == "" {
			continue
		}
		spoken++
		body, err := json.Marshal(speechBody{
			Model: t.e.model(t.req.Relay.Model), Input: text.Text, Voice: first(t.req.Voice, t.e.cfg.Voice), ResponseFormat: "pcm", Stream: true,
		})
		if err != nil {
			return fmt.Errorf("backend %s: request: %w", t.e.root, err)
		}
		if err := t.say(body, pass); err != nil {
			return err
		}
	}
	return t.put(engine.Output{Finish: engine.FinishStop, Usage: engine.Usage{PromptTokens: spoken}})
}

// speechBody is a speech request of our own.
type speechBody struct {
	Model          string `json:"model,omitempty"`
	Input          string `json:"input"`
	Voice          string `json:"voice,omitempty"`
	ResponseFormat string `json:"response_format"`
	Stream         bool   `json:"stream"`
}

// forwardSpeech changes a client's speech request into one for a stream of PCM;
// the client's own format is made here.
func (e *Engine) forwardSpeech(body []byte) ([]byte, error) {
	return openai.Forward{
		Model: e.model(""),
		Set:   map[string]any{"response_format": "pcm", "stream": true},
	}.Apply(body)
}

// say posts one speech request and passes its sound on as it comes.
func (t *task) say(body []byte, pass func(*engine.Audio) error) error {
	resp, err := t.post("/v1/audio/speech", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer drain(resp.Body)
	s := sound{rate: t.e.cfg.SampleRate}
	begin := make([]byte, 4)
	n, err := io.ReadFull(resp.Body, begin)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return t.broken(err)
	}
	kind, params, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "application/json" || strings.HasPrefix(kind, "text/") {
		return t.broken(fmt.Errorf("answered with %s, not with sound", kind))
	}
	s.wav = string(begin[:n]) == "RIFF"
	if r := rateOf(params["rate"]); r > 0 && !s.wav {
		s.rate = r
	}
	var failed error
	err = s.read(io.MultiReader(bytes.NewReader(begin[:n]), resp.Body), func(a *engine.Audio) error {
		failed = pass(a)
		return failed
	})
	if failed != nil {
		return failed
	}
	if err != nil {
		return t.broken(err)
	}
	return nil
}

// rateOf reads the rate parameter of a media type such as audio/pcm;rate=16000;
// 0 if it is none.
func rateOf(text string) int {
	n := 0
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil || n < 1000 || n > 768000 {
		return 0
	}
	return n
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
