package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// Relay is what the server has to know of a pipeline of other people's servers.
// A stage's index is -1 where the pipeline has none of its kind.
type Relay interface {
	Card
	// Stages is the number of stages.
	Stages() int
	// Chat is the stage that chat requests start at; with recordings it is the
	// one that writes them down, where there is one.
	Chat(recordings bool) int
	// Speech is the stage that speech requests start at.
	Speech() int
	// Transcription is the stage that writes recordings down.
	Transcription() int
	// AddServer makes a server a further replica of a stage, and Forget says that
	// one was removed.
	AddServer(stage int, address string) (int, error)
	Forget(stage, replica int)
}

// relayedChat reads a chat request for servers behind this one. Its body is
// theirs: only what steers the relay is looked at.
func (s *Server) relayedChat(c *call, data []byte) (*openai.ChatRequest, orchestrator.Request, *openai.Error) {
	none := orchestrator.Request{}
	req, e := openai.DecodeRelayedChat(data)
	if e != nil {
		return nil, none, e
	}
	if e := s.checkModel(req.Model); e != nil {
		return nil, none, e
	}
	if e := s.checkVoice(req.VoiceParam, req.Voice); e != nil {
		return nil, none, e
	}
	if e := s.checkFormat(c, "audio.format", req.AudioFormat); e != nil {
		return nil, none, e
	}
	if !req.Text && !req.Audio {
		req.Text, req.Audio = true, s.defaultAudio
	}
	if req.Audio && req.Sampling.N != nil && *req.Sampling.N > 1 {
		return nil, none, openai.BadRequest("n", "must be 1 with audio")
	}
	clips, entry := []engine.Clip(nil), s.relay.Chat(false)
	if s.relay.Transcription() >= 0 {
		recordings, e := openai.Clips(data)
		if e != nil {
			return nil, none, e
		}
		for _, r := range recordings {
			clips = append(clips, engine.Clip{Data: r.Data, Format: r.Format})
		}
		if clips != nil {
			entry = s.relay.Chat(true)
		}
	}
	final, ok := s.orch.FinalStage(wanted(req.Text, req.Audio))
	if entry < 0 || !ok || final < entry {
		return nil, none, openai.BadRequest("modalities", "the pipeline has no stage that produces what was asked for")
	}
	if req.Audio && final == s.relay.Chat(false) && s.orch.Stages()[final].Output&orchestrator.Audio == 0 {
		return nil, none, openai.BadRequest("modalities", "the pipeline has no stage that speaks")
	}
	n := 1
	if req.Sampling.N != nil {
		n = int(*req.Sampling.N)
	}
	return req, orchestrator.Request{
		ID: c.id, Arrived: c.arrived, Entry: entry, Final: final, Streamed: req.Stream, N: n,
		Text: req.Text || req.AudioObject, Audio: req.Audio, Voice: req.Voice, Sampling: s.relayedSampling(req.Sampling.Seed),
		Relay: &engine.Relay{Model: req.Model, Body: data, Clips: clips}, Affinity: openai.Affinity(data),
	}, nil
}

// relayedSampling is empty but for the seed: the servers behind read the rest
// from the client's own request.
func (s *Server) relayedSampling(seed *int64) []engine.Sampling {
	list := make([]engine.Sampling, s.relay.Stages())
	for i := range list {
		if list[i].Seed = randomSeed() >> 1; seed != nil { // servers take no more than an int64
			list[i].Seed = uint64(*seed)
		}
	}
	return list
}

// relayedSpeech reads a speech request for servers behind this one.
func (s *Server) relayedSpeech(c *call, data []byte) (*openai.SpeechRequest, orchestrator.Request, *openai.Error) {
	none := orchestrator.Request{}
	entry := s.relay.Speech()
	if entry < 0 {
		return nil, none, openai.Problem(http.StatusNotFound, "the pipeline has no stage that speaks a text as it is")
	}
	req, e := openai.DecodeRelayedSpeech(data)
	if e != nil {
		return nil, none, e
	}
	if e := s.checkModel(req.Model); e != nil {
		return nil, none, e
	}
	if e := s.checkVoice(req.VoiceParam, req.Voice); e != nil {
		return nil, none, e
	}
	if e := s.checkFormat(c, "response_format", req.Format); e != nil {
		return nil, none, e
	}
	return req, orchestrator.Request{
		ID: c.id, Arrived: c.arrived, Entry: entry, Final: entry, Streamed: req.Stream, Audio: true, Voice: req.Voice,
		Sampling: s.relayedSampling(nil), Relay: &engine.Relay{Model: req.Model, Body: data},
	}, nil
}

// transcription answers POST /v1/audio/transcriptions.
func (s *Server) transcription(c *call) {
	entry := s.relay.Transcription()
	if entry < 0 {
		c.fail(openai.Problem(http.StatusNotFound, "the pipeline has no stage that writes recordings down"))
		return
	}
	data, err := s.body(c)
	if err != nil {
		c.failBody(err)
		return
	}
	form, e := readTranscription(c.r.Header.Get("Content-Type"), data)
	if e == nil {
		e = s.checkModel(form.model)
	}
	if e != nil {
		c.fail(e)
		return
	}
	reply, ok := s.submit(c, false, orchestrator.Request{
		ID: c.id, Arrived: c.arrived, Entry: entry, Final: entry, Text: true, Sampling: s.relayedSampling(nil),
		Relay: &engine.Relay{Model: form.model, Clips: []engine.Clip{form.clip}},
	})
	if !ok {
		return
	}
	got, err := collect(c.r.Context(), reply)
	if err == nil {
		err = writeTranscript(c, reply, form.plain, got.spoken().Text)
	}
	s.settle(c, false, reply, err)
}

// transcriptionForm is the body of a transcription request.
type transcriptionForm struct {
	model string
	plain bool // the answer is text, not JSON
	clip  engine.Clip
}

// maxField bounds a field of a form that is not the recording.
const maxField = 64 << 10

// readTranscription reads a form. Fields that Limelight does not know go to the
// server behind as they are.
func readTranscription(contentType string, data []byte) (*transcriptionForm, *openai.Error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, openai.BadRequest("", "the body must be multipart/form-data with a file")
	}
	form := &transcriptionForm{}
	parts := multipart.NewReader(bytes.NewReader(data), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, openai.BadRequest("", "the form is broken: %v", err)
		}
		if part.FormName() == "file" {
			if form.clip.Data, err = io.ReadAll(part); err != nil {
				return nil, openai.BadRequest("file", "is broken: %v", err)
			}
			form.clip.Format = strings.TrimPrefix(strings.ToLower(filepath.Ext(part.FileName())), ".")
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil || len(value) > maxField {
			return nil, openai.BadRequest(part.FormName(), "is broken or longer than %d bytes", maxField)
		}
		if e := form.field(part.FormName(), string(value)); e != nil {
			return nil, e
		}
	}
	if len(form.clip.Data) == 0 {
		return nil, openai.BadRequest("file", "is required")
	}
	return form, nil
}

func (f *transcriptionForm) field(name, value string) *openai.Error {
	switch name {
	case "model":
		f.model = value
	case "response_format":
		if value != "json" && value != "text" {
			return openai.BadRequest(name, "must be json or text, got %q", value)
		}
		f.plain = value == "text"
	case "stream":
		if value != "false" && value != "" {
			return openai.BadRequest(name, "is not supported for transcriptions")
		}
	default:
		f.clip.Fields = append(f.clip.Fields, [2]string{name, value})
	}
	return nil
}

func writeTranscript(c *call, reply *orchestrator.Reply, plain bool, text string) error {
	if plain {
		return c.deliver(reply, "text/plain; charset=utf-8", append([]byte(text), '\n'))
	}
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return errors.New("transcript: " + err.Error())
	}
	return c.deliver(reply, "application/json", body)
}
