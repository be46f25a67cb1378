package server

import (
	"io"

	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// streamSpoken sends a reply with sound as it appears, in OpenAI's shape.
// Nothing is sent before the first event, so a request that fails before it
// gets a status of its own.
func (s *Server) streamSpoken(c *call, req *openai.ChatRequest, reply *orchestrator.Reply) error {
	events := openai.NewSpokenStream("chatcmpl-"+c.id, newAudioID(), s.card.Name(), s.now().Unix(), req.Usage)
	out := newEventWriter(c.w, reply)
	var pcm []byte
	for {
		ev, err := out.next(c.r.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch {
		case ev.Modality == orchestrator.Text && (ev.Text != "" || ev.Logprobs != nil):
			out.buf = events.AppendTranscript(out.buf, ev.Text, logprobsOf(nil, ev.Logprobs), usageOf(ev.Usage))
		case ev.Modality == orchestrator.Audio && len(ev.Samples) > 0:
			pcm = c.meter.AppendS16LE(pcm[:0], ev.Samples)
			out.buf = events.AppendSound(out.buf, pcm, usageOf(ev.Usage))
			reply.AudioWritten(len(ev.Samples), ev.Rate)
		}
	}
	out.buf = events.AppendEnd(out.buf, reply.Says(), usageOf(reply.Usage()))
	out.buf = openai.AppendDone(c.appendReceipt(out.buf, reply))
	return out.flush()
}

// wholeSpoken sends a reply with sound at once, when it is complete, in
// OpenAI's shape.
func (s *Server) wholeSpoken(c *call, req *openai.ChatRequest, reply *orchestrator.Reply) error {
	got, err := collect(c.r.Context(), reply)
	if err != nil {
		return err
	}
	sound, err := s.sound(c, reply, req.AudioFormat, got.rate, got.samples)
	if err != nil {
		return err
	}
	words := got.spoken()
	body := openai.SpokenReply{
		ID: "chatcmpl-" + c.id, Model: s.card.Name(), Created: s.now().Unix(), AudioID: newAudioID(),
		Sound: sound, Transcript: words.Text, Logprobs: words.Logprobs, Finish: reply.Says(), Usage: usageOf(reply.Usage()),
	}
	return c.deliver(reply, "application/json", body.Body())
}

func newAudioID() string { return "audio-" + randomHex(8) }
