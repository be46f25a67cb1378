package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// chat answers POST /v1/chat/completions.
func (s *Server) chat(c *call) {
	data, err := s.body(c)
	if err != nil {
		c.failBody(err)
		return
	}
	var req *openai.ChatRequest
	var work orchestrator.Request
	var e *openai.Error
	if s.relay != nil {
		req, work, e = s.relayedChat(c, data)
	} else if req, e = openai.DecodeChatRequest(data); e == nil {
		work, e = s.chatWork(c, req)
	}
	if e != nil {
		c.fail(e)
		return
	}
	reply, ok := s.submit(c, req.Stream, work)
	if !ok {
		return
	}
	switch {
	case req.AudioObject && req.Stream:
		err = s.streamSpoken(c, req, reply)
	case req.AudioObject:
		err = s.wholeSpoken(c, req, reply)
	case req.Stream:
		err = s.streamChat(c, req, reply)
	default:
		err = s.wholeChat(c, req, reply)
	}
	s.settle(c, req.Stream, reply, err)
}

// chatWork turns a chat request into a request of the pipeline.
func (s *Server) chatWork(c *call, req *openai.ChatRequest) (orchestrator.Request, *openai.Error) {
	none := orchestrator.Request{}
	if e := s.checkModel(req.Model); e != nil {
		return none, e
	}
	if e := s.checkVoice(req.VoiceParam, req.Voice); e != nil {
		return none, e
	}
	if e := s.checkFormat(c, "audio.format", req.AudioFormat); e != nil {
		return none, e
	}
	if !req.Text && !req.Audio {
		req.Text, req.Audio = true, s.defaultAudio
	}
	final, ok := s.orch.FinalStage(wanted(req.Text, req.Audio))
	if !ok {
		return none, openai.BadRequest("modalities", "the pipeline has no stage that produces what was asked for")
	}
	messages := make([]engine.Message, len(req.Messages))
	for i, m := range req.Messages {
		messages[i] = engine.Message(m)
	}
	tokens := s.model.ChatPrompt(messages)
	if room := s.model.MaxModelLen() - len(tokens); room < 1 {
		return none, openai.BadRequest("messages", "the prompt has %d tokens, the model takes %d with at least one token of reply", len(tokens), s.model.MaxModelLen())
	}
	if req.Audio {
		taken, most, err := s.model.SpokenPrompt(tokens)
		if err != nil {
			return none, openai.BadRequest("messages", "%v", err)
		}
		if taken >= most {
			return none, openai.BadRequest("messages", "the prompt takes up %d tokens of the stage that speaks, which has %d with at least one of speech", taken, most)
		}
	}
	sampling, e := s.samplingFor(req.Sampling, req.Stages)
	if e != nil {
		return none, e
	}
	n, e := choices(req.Sampling, sampling[0], req.Audio)
	if e != nil {
		return none, e
	}
	return orchestrator.Request{
		ID: c.id, Arrived: c.arrived, Final: final, Streamed: req.Stream,
		Text:   req.Text || req.AudioObject, // of a sound alone, too: the audio object has its transcript
		Tokens: tokens, Voice: req.Voice, Sampling: sampling, N: n,
	}, nil
}

// wanted joins the modalities of a request.
func wanted(text, audio bool) (m orchestrator.Modality) {
	if text {
		m |= orchestrator.Text
	}
	if audio {
		m |= orchestrator.Audio
	}
	return m
}

// streamChat sends a reply as it appears. Nothing is sent before the first
// event, so a request that fails before it gets a status of its own.
func (s *Server) streamChat(c *call, req *openai.ChatRequest, reply *orchestrator.Reply) error {
	events := openai.NewChatStream("chatcmpl-"+c.id, s.card.Name(), s.now().Unix(), req.Usage.Continuous)
	out := newEventWriter(c.w, reply)
	several := req.Sampling.N != nil && *req.Sampling.N > 1
	open := 0 // modalities that have not finished
	for _, asked := range []bool{req.Text, req.Audio} {
		if asked {
			open++
		}
	}
	var wav []byte
	for {
		ev, err := out.next(c.r.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		finish := ""
		switch {
		case ev.Finish == "":
		case several: // of text alone: each choice ends by itself
			finish, open = told(ev), 0
		default:
			if open--; open == 0 {
				finish = reply.Says()
			}
		}
		switch {
		case ev.Modality == orchestrator.Audio && (len(ev.Samples) > 0 || finish != ""):
			if wav = wav[:0]; len(ev.Samples) > 0 {
				wav = c.meter.AppendWAV(wav, ev.Rate, ev.Samples)
			}
			out.buf = events.AppendAudio(out.buf, wav, finish, usageOf(ev.Usage))
			reply.AudioWritten(len(ev.Samples), ev.Rate)
		case ev.Modality == orchestrator.Text && (ev.Text != "" || finish != "" || ev.Logprobs != nil || ev.More != nil):
			out.buf = events.AppendText(out.buf, pieceOf(ev, finish), usageOf(ev.Usage))
		}
	}
	if open > 0 { // the audio was rejected; the text is complete
		out.buf = events.AppendAudio(out.buf, nil, reply.Says(), usageOf(reply.Usage()))
	}
	if req.Usage.Last {
		out.buf = events.AppendUsage(out.buf, usageOf(reply.Usage()))
	}
	out.buf = openai.AppendDone(c.appendReceipt(out.buf, reply))
	return out.flush()
}

// wholeChat sends a reply at once, when it is complete.
func (s *Server) wholeChat(c *call, req *openai.ChatRequest, reply *orchestrator.Reply) error {
	got, err := collect(c.r.Context(), reply)
	if err != nil {
		return err
	}
	body := openai.ChatReply{
		ID: "chatcmpl-" + c.id, Model: s.card.Name(), Created: s.now().Unix(), Usage: usageOf(reply.Usage()),
		HasAudio: req.Audio,
	}
	for i := range got.texts {
		body.Texts = append(body.Texts, got.texts[i].piece(i))
	}
	if req.Text && body.Texts == nil { // not a token came
		body.Texts = []openai.TextPiece{{Finish: string(engine.FinishStop)}}
	}
	if req.Audio {
		body.AudioID = newAudioID()
		body.WAV = c.meter.AppendWAV(nil, got.rate, got.samples)
		body.AudioFinish = string(engine.FinishStop)
		if len(got.texts) == 0 || got.texts[0].finish == engine.FinishStop { // the sound itself may have been cut short
			body.AudioFinish = reply.Says()
		}
	}
	return c.deliver(reply, "application/json", body.Body())
}

// whole is a reply put together.
type whole struct {
	texts   []text // by choice; empty if no text came
	samples []float32
	rate    int
}

// silentRate is the rate of a WAV without a sample; nothing is played at it.
const silentRate = 24000

// collect reads a reply to its end.
func collect(ctx context.Context, reply *orchestrator.Reply) (*whole, error) {
	got := &whole{rate: silentRate}
	for {
		ev, err := reply.Next(ctx)
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return nil, err
		}
		switch ev.Modality {
		case orchestrator.Text:
			for len(got.texts) <= ev.Choice {
				got.texts = append(got.texts, text{})
			}
			got.texts[ev.Choice].take(ev)
		case orchestrator.Audio:
			if len(ev.Samples) > 0 {
				got.samples, got.rate = append(got.samples, ev.Samples...), ev.Rate
			}
		}
	}
}

// usageOf is a count of tokens as clients get it.
func usageOf(u engine.Usage) openai.Usage {
	return openai.NewUsage(u.PromptTokens, u.CompletionTokens)
}

// settle ends a request in the books, answers what went wrong, and logs it.
// An err that is neither a stage's nor an encoder's nor a deadline's is a client
// that left.
func (s *Server) settle(c *call, streamed bool, reply *orchestrator.Reply, err error) {
	var stage *orchestrator.StageError
	var encode *encodeError
	cut := false
	switch {
	case err == nil:
		if c.meter.Silent() {
			reply.Silent()
		}
		reply.Finish()
	case errors.As(err, &encode):
		reply.Fail()
		c.fail(failure(c.id, err))
	case !errors.As(err, &stage) && !errors.Is(err, orchestrator.ErrRequestTimeout):
		err = nil // no fault of ours
	case c.w.status == 0:
		c.fail(failure(c.id, err))
	case isEventStream(c.w.Header()):
		out := newEventWriter(c.w, reply)
		out.buf = openai.AppendDone(openai.AppendError(out.buf, failure(c.id, err)))
		_ = out.flush() // the client may be gone; the request has ended
	default:
		cut = true
	}
	reply.Close()
	if c.w.status == 0 {
		c.w.status = statusClientGone
	}
	sum := reply.Summary()
	s.logRequest(c, streamed, reply, sum, err)
	s.keep(c, streamed, reply, &sum)
	if cut {
		panic(http.ErrAbortHandler) // half a sound must not look like a whole one
	}
}

// refuse answers a request that was not admitted.
func (c *call) refuse(err error) {
	if reason, later := busy(err); later {
		c.refused.Refused(reason)
	}
	c.fail(refusal(err))
}

func (s *Server) checkModel(name string) *openai.Error {
	if name == "" || name == s.card.Name() || slices.Contains(s.names, name) {
		return nil
	}
	e := openai.Problem(http.StatusNotFound, "model: there is no %q here, only %q", name, s.card.Name())
	e.Param = "model"
	return e
}

// checkVoice refuses a voice that the model does not have; param is where the
// client named it.
func (s *Server) checkVoice(param, name string) *openai.Error {
	if s.card.KnowsVoice(name) {
		return nil
	}
	return openai.BadRequest(param, "there is no %q, the voices are %v", name, s.card.Voices())
}
