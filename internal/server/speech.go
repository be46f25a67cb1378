package server

import (
	"io"
	"net/http"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// speech answers POST /v1/audio/speech. The text goes straight to the stage
// that speaks: the thinker has no part in it.
func (s *Server) speech(c *call) {
	data, err := s.body(c)
	if err != nil {
		c.failBody(err)
		return
	}
	var req *openai.SpeechRequest
	var work orchestrator.Request
	var e *openai.Error
	if s.relay != nil {
		req, work, e = s.relayedSpeech(c, data)
	} else if req, e = openai.DecodeSpeechRequest(data); e == nil {
		work, e = s.speechWork(c, req)
	}
	if e != nil {
		c.fail(e)
		return
	}
	reply, ok := s.submit(c, req.Stream, work)
	if !ok {
		return
	}
	if req.Stream {
		err = streamSpeech(c, req.Format, reply)
	} else {
		err = s.wholeSpeech(c, req.Format, reply)
	}
	s.settle(c, req.Stream, reply, err)
}

// speechWork turns a speech request into a request of the pipeline.
func (s *Server) speechWork(c *call, req *openai.SpeechRequest) (orchestrator.Request, *openai.Error) {
	none := orchestrator.Request{}
	if e := s.checkModel(req.Model); e != nil {
		return none, e
	}
	if e := s.checkVoice(req.VoiceParam, req.Voice); e != nil {
		return none, e
	}
	if e := s.checkFormat(c, "response_format", req.Format); e != nil {
		return none, e
	}
	final, ok := s.orch.FinalStage(orchestrator.Audio)
	if !ok {
		return none, openai.Problem(http.StatusNotFound, "the pipeline has no stage that produces audio")
	}
	tokens := s.model.SpeechPrompt(req.Input)
	if len(tokens) == 0 {
		return none, openai.BadRequest("input", "holds nothing that the model can say")
	}
	if len(tokens) > s.model.MaxModelLen() {
		return none, openai.BadRequest("input", "has %d tokens, the model takes %d", len(tokens), s.model.MaxModelLen())
	}
	sampling, e := s.samplingFor(openai.Sampling{Seed: req.Seed}, nil)
	if e != nil {
		return none, e
	}
	entry := s.model.SpeechEntry()
	if req.MaxNewTokens != nil {
		sampling[entry].MaxTokens = int(*req.MaxNewTokens)
	}
	return orchestrator.Request{
		ID: c.id, Arrived: c.arrived, Entry: entry, Final: final, Streamed: req.Stream,
		Tokens: tokens, Voice: req.Voice, Sampling: sampling,
	}, nil
}

// wholeSpeech sends the sound at once, when it is complete.
func (s *Server) wholeSpeech(c *call, format string, reply *orchestrator.Reply) error {
	got, err := collect(c.r.Context(), reply)
	if err != nil {
		return err
	}
	body, err := s.sound(c, reply, format, got.rate, got.samples)
	if err != nil {
		return err
	}
	return c.deliver(reply, mediaTypes[format], body)
}

// streamSpeech sends raw PCM as it appears, behind one WAV header of unknown
// length if WAV was asked for.
func streamSpeech(c *call, format string, reply *orchestrator.Reply) error {
	ctrl := http.NewResponseController(c.w)
	var buf []byte
	begin := func(rate int) {
		c.w.Header().Set("Content-Type", mediaTypes[format])
		if format == openai.FormatWAV {
			buf = audio.AppendWAVHeader(buf, rate, 1, audio.StreamedSize)
		}
	}
	for {
		ev, err := reply.Next(c.r.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(ev.Samples) == 0 {
			continue
		}
		buf = buf[:0]
		if c.w.status == 0 {
			begin(ev.Rate)
		}
		buf = c.meter.AppendS16LE(buf, ev.Samples)
		reply.AudioWritten(len(ev.Samples), ev.Rate)
		reply.Writing()
		if _, err := c.w.Write(buf); err != nil {
			return err
		}
		if err := ctrl.Flush(); err != nil {
			return err
		}
	}
	if c.w.status == 0 { // not a sample came: an empty sound is still an answer
		begin(silentRate)
		reply.Writing()
		if _, err := c.w.Write(buf); err != nil {
			return err
		}
	}
	c.trailReceipt(reply)
	return nil
}
