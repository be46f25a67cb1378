package server

import (
	"io"
	"net/http"
	"strconv"

	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// completions answers POST /v1/completions: text that goes on from a prompt as
// it stands, without a conversation around it.
func (s *Server) completions(c *call) {
	data, err := s.body(c)
	if err != nil {
		c.failBody(err)
		return
	}
	req, e := openai.DecodeCompletionRequest(data)
	if e != nil {
		c.fail(e)
		return
	}
	work, e := s.completionWork(c, req)
	if e != nil {
		c.fail(e)
		return
	}
	reply, ok := s.submit(c, req.Stream, work)
	if !ok {
		return
	}
	prompts := s.promptsOf(req, work)
	if req.Stream {
		err = s.streamCompletion(c, req, prompts, reply)
	} else {
		err = s.wholeCompletion(c, req, prompts, reply)
	}
	s.settle(c, req.Stream, reply, err)
}

// completionWork turns a completion request into a request of the pipeline: one
// for all of its prompts.
func (s *Server) completionWork(c *call, req *openai.CompletionRequest) (orchestrator.Request, *openai.Error) {
	none := orchestrator.Request{}
	if e := s.checkModel(req.Model); e != nil {
		return none, e
	}
	final, ok := s.orch.FinalStage(orchestrator.Text)
	if !ok {
		return none, openai.Problem(http.StatusNotFound, "the pipeline has no stage that produces text")
	}
	sampling, e := s.samplingFor(req.Sampling, nil)
	if e != nil {
		return none, e
	}
	n, e := choices(req.Sampling, sampling[0], false)
	if e != nil {
		return none, e
	}
	prompts := make([][]int32, len(req.Prompts))
	for i, p := range req.Prompts {
		if prompts[i], e = s.promptTokens(p); e != nil {
			return none, e
		}
	}
	return orchestrator.Request{
		ID: c.id, Arrived: c.arrived, Final: final, Text: true, Streamed: req.Stream,
		Tokens: prompts[0], MorePrompts: prompts[1:], Sampling: sampling, N: n,
	}, nil
}

// promptTokens are the tokens of one prompt.
func (s *Server) promptTokens(p openai.Prompt) ([]int32, *openai.Error) {
	var tokens []int32
	if p.IDs == nil {
		tokens = s.model.TextPrompt(p.Text)
	} else {
		vocabulary := s.model.Vocabulary(0)
		for i, id := range p.IDs {
			if id >= int64(vocabulary) {
				return nil, openai.BadRequest(p.Path+"["+strconv.Itoa(i)+"]", "%d is not a token of the model, which has 0 to %d", id, vocabulary-1)
			}
		}
		tokens = tokenIDs(p.IDs)
	}
	switch most := s.model.MaxModelLen(); {
	case len(tokens) == 0:
		return nil, openai.BadRequest(p.Path, "has no tokens")
	case len(tokens) >= most:
		return nil, openai.BadRequest(p.Path, "has %d tokens, the model takes %d with at least one token of completion", len(tokens), most)
	}
	return tokens, nil
}

// prompted is what a completion repeats of its prompt.
type prompted struct {
	tokens []int32
	echo   string
}

// promptsOf lists the prompts by choice.
func (s *Server) promptsOf(req *openai.CompletionRequest, work orchestrator.Request) []prompted {
	var list []prompted
	for i, tokens := range append([][]int32{work.Tokens}, work.MorePrompts...) {
		p := prompted{tokens: tokens}
		switch given := req.Prompts[i]; {
		case !req.Echo:
		case given.IDs == nil:
			p.echo = given.Text
		default:
			p.echo = s.model.Text(tokens)
		}
		for range work.N {
			list = append(list, p)
		}
	}
	return list
}

// streamCompletion sends completions as they appear. The first event of each
// begins with what is repeated of its prompt.
func (s *Server) streamCompletion(c *call, req *openai.CompletionRequest, prompts []prompted, reply *orchestrator.Reply) error {
	events := openai.NewCompletionStream("cmpl-"+c.id, s.card.Name(), s.now().Unix(), len(prompts), req.Usage, req.ReturnTokenIDs)
	out := newEventWriter(c.w, reply)
	began := make([]bool, len(prompts))
	for {
		ev, err := out.next(c.r.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		piece := openai.CompletionPiece{TextPiece: pieceOf(ev, string(ev.Finish)), Tokens: ev.Tokens}
		if !began[ev.Choice] {
			piece.Text = prompts[ev.Choice].echo + piece.Text
			piece.PromptTokens = prompts[ev.Choice].tokens
		}
		if piece.Text == "" && piece.Finish == "" && piece.Logprobs == nil && !req.ReturnTokenIDs {
			continue // a character is incomplete
		}
		began[ev.Choice] = true
		out.buf = events.Append(out.buf, piece, usageOf(ev.Usage))
	}
	out.buf = openai.AppendDone(c.appendReceipt(events.AppendEnd(out.buf, usageOf(reply.Usage())), reply))
	return out.flush()
}

// wholeCompletion sends completions at once, when all are complete.
func (s *Server) wholeCompletion(c *call, req *openai.CompletionRequest, prompts []prompted, reply *orchestrator.Reply) error {
	got, err := collect(c.r.Context(), reply)
	if err != nil {
		return err
	}
	body := openai.CompletionReply{
		ID: "cmpl-" + c.id, Model: s.card.Name(), Created: s.now().Unix(), ShowTokens: req.ReturnTokenIDs, Usage: usageOf(reply.Usage()),
	}
	for i := range got.texts {
		piece := openai.CompletionPiece{TextPiece: got.texts[i].piece(i), Tokens: got.texts[i].tokens, PromptTokens: prompts[i].tokens}
		piece.Text = prompts[i].echo + piece.Text
		body.Choices = append(body.Choices, piece)
	}
	return c.deliver(reply, "application/json", body.Body())
}
