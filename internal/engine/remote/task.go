package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/metrics"
)

// Depths of a task's buffers.
const (
	intakeDepth = 16
	outputDepth = 32
)

// maxErrorBody bounds what is read of a refusal.
const maxErrorBody = 64 << 10

// task is one request at the server: a goroutine between the orchestrator and
// an HTTP exchange.
type task struct {
	*engine.Exchange
	e    *Engine
	req  engine.Request
	wake chan struct{}
	seen metrics.GatewayRequest
	over bool // its end was seen

	ctx    context.Context
	cancel context.CancelCauseFunc
}

func newTask(e *Engine, req engine.Request) *task {
	t := &task{e: e, req: req, wake: make(chan struct{}, 1)}
	t.ctx, t.cancel = context.WithCancelCause(e.ctx)
	t.Exchange = engine.NewExchange(intakeDepth, outputDepth, t.woken)
	return t
}

// woken hears that the other side did something. An abort ends the exchange
// with the server at once.
func (t *task) woken() {
	if t.Aborted() {
		t.cancel(engine.ErrAborted)
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *task) run() {
	defer t.cancel(nil)
	t.seen = t.e.recorder.Load().Begin(time.Now())
	var err error
	switch t.e.cfg.Kind {
	case Chat, Omni:
		err = t.chat()
	case Speech:
		err = t.speak()
	case Transcription:
		err = t.transcribe()
	}
	if cause := context.Cause(t.ctx); err != nil && cause != nil {
		err = cause
	}
	t.failed(err)
	t.End(err)
}

// heard records that the server gave something.
func (t *task) heard() { t.seen.Output(time.Now()) }

// finished records the server's natural end of the request. Only those that
// chat count tokens.
func (t *task) finished(out engine.Output) {
	t.over = true
	var u metrics.TokenUsage
	if t.e.cfg.Kind == Chat || t.e.cfg.Kind == Omni {
		u = metrics.TokenUsage{Prompt: out.Usage.PromptTokens, Generated: out.Usage.CompletionTokens}
	}
	t.seen.Ended(metrics.FinishedReason(out.Finish), u, time.Now())
}

// failed records an error of the server: not what the client, this server, or
// the request itself is the cause of.
func (t *task) failed(err error) {
	var refusal *Refusal
	if err == nil || t.over || errors.As(err, &refusal) || errors.Is(err, engine.ErrAborted) || errors.Is(err, engine.ErrClosed) {
		return
	}
	t.seen.Ended(metrics.Error, metrics.TokenUsage{}, time.Now())
}

// put hands an output over, once there is room for it.
func (t *task) put(out engine.Output) error {
	if out.Finish != "" {
		t.finished(out)
	}
	for !t.Room() {
		if err := t.wait(); err != nil {
			return err
		}
	}
	t.Put(out)
	return nil
}

// next returns the next payload, or nil after the last one.
func (t *task) next() (engine.Payload, error) {
	for {
		p, ok, last := t.Take()
		if ok {
			return p, nil
		}
		if last {
			return nil, nil
		}
		if err := t.wait(); err != nil {
			return nil, err
		}
	}
}

func (t *task) wait() error {
	select {
	case <-t.wake:
		return nil
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	}
}

// post sends a body and returns the answer if it is a 200. Anything else is an
// error: a Refusal with the server's own words, or a failure to reach it.
func (t *task) post(path, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(t.ctx, http.MethodPost, t.e.root+path, body)
	if err != nil {
		return nil, fmt.Errorf("backend %s: %w", t.e.root, err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("X-Request-Id", t.req.ID)
	t.e.authorize(req)
	resp, err := t.e.client.Do(req)
	if err != nil {
		return nil, &Failure{Backend: t.e.root, Err: withoutURL(err)}
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer drain(resp.Body)
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what can be read of it
	e := openai.ParseError(resp.StatusCode, text)
	if again(resp.StatusCode) {
		return nil, &Failure{Backend: t.e.root, Status: resp.StatusCode, Err: e}
	}
	return nil, &Refusal{Backend: t.e.root, Err: e}
}

// Failure is a server's inability to do its work for a request: it could not
// be reached, broke off, or said that it can't. Another server may do better.
type Failure struct {
	Backend string
	Status  int // of its answer; 0 if there was none
	Err     error
}

func (f *Failure) Error() string { return fmt.Sprintf("backend %s: %v", f.Backend, f.Err) }
func (f *Failure) Unwrap() error { return f.Err }

// Retryable says that another replica may do what this one failed at.
func (f *Failure) Retryable() bool { return true }

// Refusal is a server's judgement on the request itself; any other would say
// the same. Err has the status and the words that the client gets.
type Refusal struct {
	Backend string
	Err     *openai.Error
}

func (r *Refusal) Error() string { return fmt.Sprintf("backend %s: %v", r.Backend, r.Err) }
func (r *Refusal) Unwrap() error { return r.Err }

// again says whether a status speaks of the server's state and not of the
// request.
func again(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError && status != http.StatusNotImplemented || status < http.StatusBadRequest
}

// broken is a failure in the middle of an answer.
func (t *task) broken(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &Failure{Backend: t.e.root, Err: err}
}

// drain reads the little that is left of a body, so that its connection can be
// used again, and closes it.
func drain(body io.ReadCloser) {
	io.CopyN(io.Discard, body, maxErrorBody)
	body.Close()
}
