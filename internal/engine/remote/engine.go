// Package remote makes other people's servers the replicas of a stage: any
// server of the OpenAI API that chats (text in, text out), speaks (text in,
// sound out), transcribes (sound in, text out), or does all of it at once, as
// vLLM-Omni. What a request holds beyond Limelight's knowledge reaches the
// server as the client sent it.
package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/metrics"
)

// Kind says what a server is asked for.
type Kind string

// The kinds of remote stages.
const (
	// Chat takes a chat request and gives text.
	Chat Kind = "chat"
	// Omni takes a chat request and gives text and sound in one stream.
	Omni Kind = "omni"
	// Speech takes text and gives sound.
	Speech Kind = "speech"
	// Transcription takes sound and gives text.
	Transcription Kind = "transcription"
)

// Kinds lists them.
var Kinds = []Kind{Chat, Omni, Speech, Transcription}

// Config describes one server.
type Config struct {
	Kind Kind
	// URL is the server's root, "http://gpu1:8000"; "/v1" at its end is allowed.
	URL string
	// Model is the model's name at the server; empty sends the client's.
	Model string
	// APIKey, if set, is sent as a bearer token. It is never logged.
	APIKey string
	// Voice is the default voice of a server that speaks.
	Voice string
	// SampleRate is that of raw PCM, whose bytes do not say it; default 24000.
	// A WAV says its own.
	SampleRate int
	// AnswerTimeout bounds the wait for a response's header; 0 is no bound. A
	// server that answers only when it has something to say needs it long.
	AnswerTimeout time.Duration
	// Client is what the server is reached with; nil makes one.
	Client *http.Client
}

// Engine is one server as a replica. It implements engine.Engine.
type Engine struct {
	cfg    Config
	root   string
	client *http.Client
	owned  bool                   // the client is the engine's own
	named  atomic.Pointer[string] // what the server calls the model, once it said so

	recorder atomic.Pointer[metrics.GatewayRecorder] // nil if the server tells itself

	mu      sync.Mutex // guards closing and additions to work
	closing bool
	work    sync.WaitGroup
	ctx     context.Context
	stop    context.CancelCauseFunc
}

// New makes an engine; it does not talk to the server yet.
func New(cfg Config) (*Engine, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("backend %q: must be a URL such as http://host:8000", cfg.URL)
	}
	switch cfg.Kind {
	case Chat, Omni, Speech, Transcription:
	default:
		return nil, fmt.Errorf("backend %s: unknown kind %q; the kinds are chat, omni, speech, transcription", cfg.URL, cfg.Kind)
	}
	if cfg.SampleRate <= 0 {
		cfg.SampleRate = 24000
	}
	e := &Engine{cfg: cfg, root: strings.TrimSuffix(strings.TrimRight(cfg.URL, "/"), "/v1"), client: cfg.Client}
	if e.client == nil {
		e.client, e.owned = newClient(cfg.AnswerTimeout), true
	}
	e.ctx, e.stop = context.WithCancelCause(context.Background())
	return e, nil
}

// newClient makes a client for one server: as many connections as there are
// requests, kept open, and nothing done behind our back (no redirects, no
// proxies of the environment, no decompression of streams).
func newClient(answer time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			MaxIdleConnsPerHost:   1024,
			IdleConnTimeout:       90 * time.Second,
			ResponseHeaderTimeout: answer,
			DisableCompression:    true,
			WriteBufferSize:       32 << 10,
			ReadBufferSize:        32 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// URL is the server's root.
func (e *Engine) URL() string { return e.root }

// Record makes requests from now on recorded, for a server that has no metrics
// of its own; nil ends that.
func (e *Engine) Record(g *metrics.GatewayRecorder) { e.recorder.Store(g) }

// Start implements engine.Engine.
func (e *Engine) Start(req engine.Request) (engine.Stream, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return nil, engine.ErrClosed
	}
	t := newTask(e, req)
	e.work.Go(t.run)
	return t.Exchange, nil
}

// Close implements engine.Engine. Requests that are still running fail.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.stop(engine.ErrClosed)
	e.work.Wait()
	if e.owned {
		e.client.CloseIdleConnections()
	}
	return nil
}

// Probe asks the server whether it is well: its /health, or its list of models
// where it has no /health. The error says what is wrong.
func (e *Engine) Probe(ctx context.Context) error {
	status, err := e.probe(ctx, "/health")
	if err == nil && status == http.StatusNotFound {
		status, err = e.probe(ctx, "/v1/models")
	}
	switch {
	case err != nil:
		return err
	case status >= http.StatusInternalServerError || status == http.StatusNotFound:
		return fmt.Errorf("backend %s: status %d", e.root, status)
	}
	_, _ = e.Model(ctx) // some servers have no list; they get the client's word
	return nil
}

func (e *Engine) probe(ctx context.Context, path string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.root+path, nil)
	if err != nil {
		return 0, fmt.Errorf("backend %s: %w", e.root, err)
	}
	e.authorize(req)
	resp, err := e.client.Do(req)
	if err != nil {
		return 0, &Failure{Backend: e.root, Err: withoutURL(err)}
	}
	drain(resp.Body)
	return resp.StatusCode, nil
}

func (e *Engine) authorize(req *http.Request) {
	if e.cfg.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+e.cfg.APIKey)
	}
}

// model is the name that the server knows the model by: the configured one, or
// what it said itself; the client's word where neither is known.
func (e *Engine) model(asked string) string {
	if e.cfg.Model != "" {
		return e.cfg.Model
	}
	if named := e.named.Load(); named != nil {
		return *named
	}
	return asked
}

// maxList bounds a list of models.
const maxList = 4 << 20

// Model asks the server what the model is called, unless that is configured or
// known: the first of its list.
func (e *Engine) Model(ctx context.Context) (string, error) {
	if name := e.model(""); name != "" {
		return name, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.root+"/v1/models", nil)
	if err != nil {
		return "", fmt.Errorf("backend %s: %w", e.root, err)
	}
	e.authorize(req)
	resp, err := e.client.Do(req)
	if err != nil {
		return "", &Failure{Backend: e.root, Err: withoutURL(err)}
	}
	defer drain(resp.Body)
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxList)).Decode(&list)
	if err != nil || resp.StatusCode != http.StatusOK || len(list.Data) == 0 || list.Data[0].ID == "" {
		return "", fmt.Errorf("backend %s: /v1/models answers %s and names no model", e.root, resp.Status)
	}
	e.named.Store(&list.Data[0].ID)
	return list.Data[0].ID, nil
}

// withoutURL drops the URL that net/http puts into its errors: the server is
// named anyway.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

var _ engine.Engine = (*Engine)(nil)
