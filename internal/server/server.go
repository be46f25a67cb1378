// Package server is Limelight's HTTP side: the OpenAI API in front of a
// pipeline, health, and the metrics page.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/dashboard"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/metrics"
)

// Card is what clients are told of the model.
type Card interface {
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
}

// Model is what the server has to know of the model that it serves.
type Model interface {
	Card
	// ChatPrompt renders a conversation as the first stage's tokens.
	ChatPrompt([]engine.Message) []int32
	// TextPrompt makes the first stage's tokens of a text as it stands, without a
	// turn around it, and Text a text of such tokens.
	TextPrompt(text string) []int32
	Text(tokens []int32) string
	// SpeechPrompt makes the tokens to speak from text.
	SpeechPrompt(text string) []int32
	// SpokenPrompt is how many tokens of the stage that speaks a prompt takes up,
	// and of how many there must be more. It is an error if the prompt's reply
	// cannot be spoken.
	SpokenPrompt(tokens []int32) (taken, most int, err error)
	// SpeechEntry is the stage that speech requests start at.
	SpeechEntry() int
	// Sampling returns each stage's default parameters, in a slice of the caller's.
	Sampling() []engine.Sampling
	// Vocabulary is the number of tokens that a stage chooses from: 0 if it
	// chooses none, math.MaxInt32 if it is not known.
	Vocabulary(stage int) int
	// Spellings are the first stage's token sequences that spell a word, at the
	// beginning of a text and within one.
	Spellings(word string) [][]int32
}

// Options configure a Server.
type Options struct {
	// Orchestrator, Model and Metrics are the pipeline. Without them the server
	// is starting until Begin gives it one.
	Orchestrator *orchestrator.Orchestrator
	Model        Model
	Metrics      *metrics.Metrics
	// Names are further names that requests may call the model by.
	Names []string
	// Keys are the API keys, one of which every request below /v1 must bring;
	// none means that no key is asked for.
	Keys []string
	// Origins are the origins whose pages may use the API from a browser; "*"
	// stands for all, none is the default.
	Origins []string
	// RootPath is the prefix that a proxy may leave on the paths, as /omni.
	RootPath string
	// Apart says that /metrics and the profiles are served by ServeApart, and not
	// by Serve.
	Apart bool
	// Pprof serves the process's profiles below /debug/pprof, behind the key.
	Pprof bool
	// DefaultAudio adds the sound to chat replies whose request does not say what
	// they are to hold; without it that is text alone.
	DefaultAudio bool
	// Objectives are what the live page judges by.
	Objectives []objective.Objective
	// LookEvery is the time between two looks of the live page at the metrics; 0 is
	// two seconds.
	LookEvery time.Duration
	// Limits bound what clients can take.
	Limits Limits
	// Log receives one line a request; nil is slog.Default.
	Log *slog.Logger
	// now is the clock; tests set it.
	now func() time.Time
}

// Server serves one pipeline.
type Server struct {
	orch    *orchestrator.Orchestrator
	card    Card
	model   Model // nil if the stages are other people's servers
	relay   Relay // nil if they are not
	metrics *metrics.Metrics
	encoder *audio.Encoder
	log     *slog.Logger
	now     func() time.Time
	started time.Time

	look     dashboard.Options   // of the live page: how it looks and judges
	requests *dashboard.Requests // those worth a look; nil with statistics off
	board    *dashboard.Board

	names  []string
	keys   keys
	limits Limits
	apart  bool
	pprof  bool

	defaultAudio bool

	bodies  atomic.Int64 // bytes of bodies that are held
	streams atomic.Int64 // replies that are being streamed

	http, watch           http.Server
	handler, apartHandler atomic.Pointer[http.Handler] // replaced once, by Begin
}

// New makes a server; Serve starts it.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.now == nil {
		o.now = time.Now
	}
	s := &Server{
		encoder: audio.NewEncoder(), log: o.Log, now: o.now, started: o.now(), defaultAudio: o.DefaultAudio, look: dashboard.Options{Objectives: o.Objectives, Interval: o.LookEvery},
		names: o.Names, keys: newKeys(o.Keys), limits: o.Limits.complete(), apart: o.Apart, pprof: o.Pprof,
	}
	starting := s.starting()
	s.handler.Store(&starting)
	s.apartHandler.Store(&starting)
	s.configure(&s.http, atRoot(o.RootPath, acrossOrigins(o.Origins, current(&s.handler))))
	s.configure(&s.watch, current(&s.apartHandler))
	if o.Orchestrator != nil {
		s.Begin(o.Orchestrator, o.Model, o.Metrics)
	}
	return s
}

func (s *Server) configure(h *http.Server, handler http.Handler) {
	h.Handler = handler
	h.ReadHeaderTimeout = s.limits.HeaderTimeout
	h.IdleTimeout = s.limits.IdleTimeout
	h.MaxHeaderBytes = s.limits.MaxHeaderBytes
	h.HTTP2 = &http.HTTP2Config{WriteByteTimeout: s.limits.WriteTimeout}
	h.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
}

// current is the handler that the pointer holds when a request comes.
func current(p *atomic.Pointer[http.Handler]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*p.Load()).ServeHTTP(w, r) })
}

// Handler returns the server's routes, for a listener of one's own.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers on the listener until Shutdown.
func (s *Server) Serve(l net.Listener) error { return untilClosed(s.http.Serve(l)) }

// ServeApart answers those who watch the server until Shutdown: /metrics,
// /health, /ready, /version, and the profiles.
func (s *Server) ServeApart(l net.Listener) error { return untilClosed(s.watch.Serve(l)) }

func untilClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown refuses new requests, lets the running ones finish, and closes the
// connections, those of who watches last. When ctx ends first, the requests
// that are left are cut off and count as aborts.
func (s *Server) Shutdown(ctx context.Context) error {
	var drained error
	if s.orch != nil {
		drained = s.orch.Drain(ctx)
	}
	closed := errors.Join(s.http.Shutdown(ctx), s.watch.Shutdown(ctx))
	if drained != nil || closed != nil {
		return errors.Join(drained, s.Close())
	}
	return nil
}

// Close closes the listeners and every connection at once.
func (s *Server) Close() error { return errors.Join(s.http.Close(), s.watch.Close()) }

// submit admits a request, or answers why it was not.
func (s *Server) submit(c *call, streamed bool, work orchestrator.Request) (*orchestrator.Reply, bool) {
	if e := c.readDebug(); e != nil {
		c.fail(e)
		return nil, false
	}
	if n := s.limits.MaxStreams; streamed && n > 0 {
		c.stream = true // letGo gives it back
		if s.streams.Add(1) > int64(n) {
			c.refuse(errStreams)
			return nil, false
		}
	}
	reply, err := s.orch.Submit(work)
	if err != nil {
		c.refuse(err)
		return nil, false
	}
	return reply, true
}
