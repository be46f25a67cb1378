// Package server is Limelight's HTTP side: the OpenAI API in front of a
// pipeline, health, and the metrics page.
package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/metrics"
)

// Limits of a connection and of a request's body.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxBody           = 32 << 20
)

// Model is what the server has to know of the model that it serves.
type Model interface {
	// Name is the served name.
	Name() string
	// About says in a sentence or two what the model is.
	About() string
	// MaxModelLen bounds prompt and reply together, in tokens.
	MaxModelLen() int
	// Voices lists the speakers; the first one is the default.
	Voices() []string
	// KnowsVoice says whether a speaker exists; the empty name is the default.
	KnowsVoice(name string) bool
	// ChatPrompt renders a conversation as the first stage's tokens.
	ChatPrompt([]engine.Message) []int32
	// SpeechPrompt makes the tokens to speak from text.
	SpeechPrompt(text string) []int32
	// SpeechEntry is the stage that speech requests start at.
	SpeechEntry() int
	// Sampling returns each stage's default parameters.
	Sampling() []engine.Sampling
}

// Options configure a Server.
type Options struct {
	Orchestrator *orchestrator.Orchestrator
	Model        Model
	Metrics      *metrics.Metrics
	// Log receives one line a request; nil is slog.Default.
	Log *slog.Logger
	// now is the clock; tests set it.
	now func() time.Time
}

// Server serves one pipeline.
type Server struct {
	orch    *orchestrator.Orchestrator
	model   Model
	metrics *metrics.Metrics
	log     *slog.Logger
	now     func() time.Time
	http    http.Server
	started time.Time
}

// New makes a server; Serve starts it.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.now == nil {
		o.now = time.Now
	}
	s := &Server{orch: o.Orchestrator, model: o.Model, metrics: o.Metrics, log: o.Log, now: o.now, started: o.now()}
	s.http = http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	return s
}

// Handler returns the server's routes, for a listener of one's own.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers on the listener until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown refuses new requests, lets the running ones finish, and closes the
// connections. When ctx ends first, the requests that are left are cut off and
// count as aborts.
func (s *Server) Shutdown(ctx context.Context) error {
	drained := s.orch.Drain(ctx)
	closed := s.http.Shutdown(ctx)
	if drained != nil || closed != nil {
		return errors.Join(drained, s.http.Close())
	}
	return nil
}

// readBody reads a request's body whole, before anything is answered.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}
