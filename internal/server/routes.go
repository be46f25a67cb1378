package server

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/metrics"
)

// call is one HTTP request on its way through a handler.
type call struct {
	w       *response
	r       *http.Request
	id      string
	arrived time.Time // the handler was entered; the body is not read yet
}

// route is one line of the API.
type route struct {
	method, path string
	handle       func(*call)
	// uncounted routes stay out of the http_ families, as the reference has it
	// for those that only look after the server.
	uncounted bool
}

func (s *Server) table() []route {
	return []route{
		{method: "POST", path: "/v1/chat/completions", handle: s.chat},
		{method: "POST", path: "/v1/audio/speech", handle: s.speech},
		{method: "GET", path: "/v1/models", handle: s.models},
		{method: "GET", path: "/health", handle: s.health, uncounted: true},
		{method: "GET", path: "/version", handle: s.version, uncounted: true},
		{method: "GET", path: "/metrics", handle: s.page, uncounted: true},
	}
}

// routes builds the handler. Whatever matches no route, or a route with
// another method, gets an OpenAI error body and counts under handler "none".
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	table := s.table()
	for _, rt := range table {
		var recorder *metrics.RouteRecorder
		if !rt.uncounted {
			recorder = s.metrics.HTTP().Route(rt.path)
		}
		mux.Handle(rt.method+" "+rt.path, s.wrap(recorder, rt.handle))
	}
	mux.Handle("/", s.wrap(s.metrics.HTTP().Route(metrics.NoHandler), func(c *call) {
		var allowed []string
		for _, rt := range table {
			if rt.path == c.r.URL.Path {
				allowed = append(allowed, rt.method)
			}
		}
		if len(allowed) > 0 {
			slices.Sort(allowed)
			c.w.Header().Set("Allow", strings.Join(allowed, ", "))
			c.fail(methodNotAllowed(c.r.Method, c.r.URL.Path, allowed))
			return
		}
		c.fail(notFound(c.r.URL.Path))
	}))
	return mux
}

// wrap stamps the arrival, gives the request its id, and records it when the
// response has ended, its stream included.
func (s *Server) wrap(recorder *metrics.RouteRecorder, handle func(*call)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: &response{ResponseWriter: w}, r: r, id: requestID(r), arrived: s.now()}
		c.w.Header().Set("X-Request-Id", c.id)
		defer func() {
			cause := recover()
			if cause != nil && cause != http.ErrAbortHandler {
				s.log.Error("handler panicked", "request_id", c.id, "path", r.URL.Path, slog.Any("cause", cause), "stack", string(debug.Stack()))
				if c.w.status == 0 {
					c.fail(internalError("the server failed to handle the request"))
				}
			}
			recorder.Observe(r.Method, c.w.status, max(0, r.ContentLength), c.w.contentLength(), s.now().Sub(c.arrived))
			if cause != nil {
				panic(http.ErrAbortHandler) // net/http closes the connection
			}
		}()
		handle(c)
	})
}
