package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/openai"
)

// maxEvent bounds one event of a stream: 30 seconds of sound at 24 kHz in
// base64 are 2 MB.
const maxEvent = 16 << 20

// chat forwards a chat request and passes its stream on.
func (t *task) chat() error {
	transcripts, err := t.transcripts()
	if err != nil {
		return err
	}
	forward := openai.Forward{
		Model:       t.e.model(""),
		Set:         map[string]any{"stream": true, "stream_options": map[string]bool{"include_usage": true}, "n": 1},
		Transcripts: transcripts,
	}
	if t.req.Group != nil { // one of several choices: each is a request of its own
		forward.Set["seed"] = t.req.Sampling.Seed
	}
	if t.e.cfg.Kind == Chat { // what would ask a text server for sound
		forward.Drop = []string{"modalities", "audio", "speaker"}
	}
	body, err := forward.Apply(t.req.Relay.Body)
	if err != nil {
		return fmt.Errorf("backend %s: request: %w", t.e.root, err)
	}
	resp, err := t.post("/v1/chat/completions", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer drain(resp.Body)
	r := chatReader{task: t, sound: sound{rate: t.e.cfg.SampleRate}}
	events := openai.NewEventReader(resp.Body, maxEvent)
	defer events.Close()
	for {
		data, err := events.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return t.broken(err)
		}
		if string(data) == openai.Done {
			return r.finish()
		}
		if err := r.take(data); err != nil {
			return err
		}
	}
	if r.reason == "" {
		return t.broken(io.ErrUnexpectedEOF)
	}
	return r.finish() // some servers end without the marker
}

// transcripts collects what the stage before has written down of the request's
// recordings; nil if it has none.
func (t *task) transcripts() ([]string, error) {
	var all []string
	for {
		p, err := t.next()
		if p == nil || err != nil {
			return all, err
		}
		text, ok := p.(*engine.Text)
		if !ok {
			return nil, fmt.Errorf("backend %s: payload %T is not text", t.e.root, p)
		}
		all = append(all, text.Text)
	}
}

// chatReader turns the events of a chat stream into outputs.
type chatReader struct {
	task      *task
	chunk     openai.ChatChunk // the newest event
	sound     sound
	sentences sentences
	usage     engine.Usage
	reason    string
	stop      json.RawMessage
}

func (r *chatReader) take(data []byte) error {
	chunk := &r.chunk
	err := chunk.Decode(data)
	if err != nil {
		var said *openai.Error
		if errors.As(err, &said) && said.Status < http.StatusInternalServerError {
			return &Refusal{Backend: r.task.e.root, Err: said}
		}
		return r.task.broken(err)
	}
	if u := chunk.Usage; u != nil {
		r.usage = engine.Usage{PromptTokens: max(r.usage.PromptTokens, u.PromptTokens), CompletionTokens: max(r.usage.CompletionTokens, u.CompletionTokens)}
	}
	out := engine.Output{Text: chunk.Text(), More: more(chunk)}
	for i := range chunk.Choices {
		c := &chunk.Choices[i]
		if c.FinishReason != "" {
			r.reason, r.stop = c.FinishReason, c.StopReason
		}
		if a := c.Delta.Audio; a != nil && a.Transcript != "" && out.Text == "" {
			out.Text = a.Transcript // OpenAI's shape has what is spoken beside the sound
		}
	}
	if r.task.e.cfg.Kind == Omni {
		if out.Payload, err = r.listen(chunk); err != nil {
			return r.task.broken(err)
		}
	}
	if out.Text != "" || out.Payload != nil || out.More != nil {
		r.task.heard()
	}
	if r.task.req.Handover {
		for _, piece := range r.sentences.add(out.Text) {
			if err := r.task.put(engine.Output{Payload: &engine.Text{Text: piece}}); err != nil {
				return err
			}
		}
	}
	if out.Text == "" && out.Payload == nil && out.More == nil {
		return nil
	}
	return r.task.put(out)
}

// listen returns the sound of an event: a WAV of its own in vLLM-Omni's shape,
// a piece of one PCM stream in OpenAI's.
func (r *chatReader) listen(chunk *openai.ChatChunk) (engine.Payload, error) {
	data, err := chunk.AppendAudio(nil)
	if len(data) == 0 || err != nil {
		return nil, err
	}
	s := &r.sound
	if bytes.HasPrefix(data, []byte("RIFF")) {
		s = &sound{wav: true}
	}
	a, err := s.take(data)
	if a == nil || err != nil {
		return nil, err
	}
	return a, nil
}

// finish hands over what is left and the end.
func (r *chatReader) finish() error {
	out := engine.Output{Usage: r.usage, Finish: reasonOf(r.reason), Told: r.reason}
	if len(r.stop) > 0 && !bytes.Equal(r.stop, []byte("null")) {
		out.More = map[string][]byte{"stop_reason": r.stop}
	}
	if r.task.req.Handover {
		if rest := r.sentences.flush(); rest != "" {
			out.Payload = &engine.Text{Text: rest}
		}
	}
	return r.task.put(out)
}

// reasonOf maps a server's finish reason to the closed set: whatever is not a
// limit is a stop.
func reasonOf(said string) engine.FinishReason {
	switch r := engine.FinishReason(said); r {
	case engine.FinishLength, engine.FinishRepetition:
		return r
	}
	return engine.FinishStop
}

// more gathers what an event says beyond text and sound.
func more(chunk *openai.ChatChunk) map[string][]byte {
	var all map[string][]byte
	add := func(name string, raw []byte) {
		if all == nil {
			all = map[string][]byte{}
		}
		all[name] = raw
	}
	for i := range chunk.Choices {
		c := &chunk.Choices[i]
		for _, name := range slices.Sorted(maps.Keys(c.Delta.More)) {
			add(name, c.Delta.More[name])
		}
		if len(c.Logprobs) > 0 && !bytes.Equal(c.Logprobs, []byte("null")) {
			add("logprobs", c.Logprobs)
		}
	}
	return all
}
