package server

import (
	"net/http"

	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/metrics"
)

// Begin gives a server that was made without a pipeline what it serves. From
// then on it is ready.
func (s *Server) Begin(o *orchestrator.Orchestrator, model Model, m *metrics.Metrics) {
	s.model = model
	s.begin(o, model, m)
}

// BeginRelay is Begin for a pipeline of other people's servers.
func (s *Server) BeginRelay(o *orchestrator.Orchestrator, relay Relay, m *metrics.Metrics) {
	s.relay = relay
	s.begin(o, relay, m)
}

func (s *Server) begin(o *orchestrator.Orchestrator, card Card, m *metrics.Metrics) {
	s.orch, s.card, s.metrics = o, card, m
	s.board = s.newBoard()
	main, apart := s.routes()
	s.handler.Store(&main)
	s.apartHandler.Store(&apart)
}

// starting answers while there is no pipeline yet: the process is alive, and
// not ready. Nothing is counted, since there are no metrics yet.
func (s *Server) starting() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*call){
		"GET /health":  s.health,
		"GET /version": s.version,
		"GET /ready":   func(c *call) { c.notReady("starting") },
		"/": func(c *call) {
			c.fail(openai.Problem(http.StatusServiceUnavailable, "the server is starting; try again"))
		},
	} {
		mux.Handle(pattern, s.wrap(route{handle: handle, uncounted: true}, nil))
	}
	return mux
}

// ready says whether a request would be taken now.
func (s *Server) ready(c *call) {
	if s.orch.Draining() {
		c.notReady("draining")
		return
	}
	for _, stage := range s.orch.Stages() {
		if err := stage.Available(); err != nil {
			c.notReady(err.Error())
			return
		}
	}
	_ = writeBody(c.w, http.StatusOK, "application/json", statusBody("ready"))
}

func (c *call) notReady(why string) {
	c.w.Header().Set("Retry-After", "1")
	_ = writeBody(c.w, http.StatusServiceUnavailable, "application/json", statusBody(why))
}
