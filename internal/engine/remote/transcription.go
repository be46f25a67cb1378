package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"

	"github.com/limelight-omni/limelight/internal/engine"
)

// maxTranscript bounds the answer to a transcription.
const maxTranscript = 4 << 20

// transcribe writes down the request's recordings, one after the other, and
// hands each over as a text of its own.
func (t *task) transcribe() error {
	for i, clip := range t.req.Relay.Clips {
		text, err := t.writeDown(clip)
		if err != nil {
			return err
		}
		t.heard()
		out := engine.Output{Text: text}
		if t.req.Handover {
			out.Payload = &engine.Text{Text: text}
		}
		if i == len(t.req.Relay.Clips)-1 {
			out.Finish = engine.FinishStop
		}
		if err := t.put(out); err != nil {
			return err
		}
	}
	if len(t.req.Relay.Clips) == 0 {
		return t.put(engine.Output{Finish: engine.FinishStop})
	}
	return nil
}

func (t *task) writeDown(clip engine.Clip) (string, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "clip."+first(clip.Format, "wav"))
	if err == nil {
		_, err = file.Write(clip.Data)
	}
	fields := [][2]string{{"model", t.e.model(t.req.Relay.Model)}, {"response_format", "json"}}
	for _, f := range append(fields, clip.Fields...) {
		if err == nil && f[1] != "" {
			err = form.WriteField(f[0], f[1])
		}
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return "", fmt.Errorf("backend %s: request: %w", t.e.root, err)
	}
	resp, err := t.post("/v1/audio/transcriptions", form.FormDataContentType(), &body)
	if err != nil {
		return "", err
	}
	defer drain(resp.Body)
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxTranscript))
	if err != nil {
		return "", t.broken(err)
	}
	var answer struct {
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(data, &answer); err != nil || answer.Text == nil {
		return "", t.broken(fmt.Errorf("answered without a text: %.200q", data))
	}
	return *answer.Text, nil
}
