package server

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/metrics"
)

// call is one HTTP request on its way through a handler.
type call struct {
	server  *Server
	w       *response
	r       *http.Request
	id      string
	arrived time.Time // the handler was entered; the body is not read yet

	counted bool                     // the route is
	refused *metrics.RefusalRecorder // nil on uncounted routes

	debug bool        // the client wants the receipt with a stream, too
	meter audio.Meter // has heard the sound that was sent

	held   int64 // bytes of the bound on bodies
	stream bool  // one of the streams that are bounded
}

// route is one line of the API.
type route struct {
	method, path string
	handle       func(*call)
	// about is what the landing page says of the route; it leaves out those
	// without.
	about string
	// uncounted routes stay out of the http_ families, as the reference has it
	// for those that only look after the server.
	uncounted bool
	// key routes need an API key, as everything below /v1 does.
	key bool
	// admin routes change the pipeline; mayAdmin says who may.
	admin bool
	// watch routes are for those who watch the server. They move to the metrics
	// listener when there is one; both routes are on both.
	watch, both bool
}

func (s *Server) table() []route {
	table := []route{
		{method: "POST", path: "/v1/chat/completions", handle: s.chat, about: "chat: text, audio or both"},
		{method: "POST", path: "/v1/audio/speech", handle: s.speech, about: "speech from text"},
		{method: "GET", path: "/v1/audio/voices", handle: s.voices, about: "the voices"},
		{method: "GET", path: "/v1/models", handle: s.models, about: "the model"},
		{method: "GET", path: "/v1/models/{model...}", handle: s.oneModel, about: "one model"},
		{method: "GET", path: "/play", handle: s.playPage, uncounted: true, about: "hear it: a page that speaks a text and shows how the sound came"},
		{method: "GET", path: "/play/{file}", handle: s.playPart, uncounted: true},
		{method: "GET", path: "/dashboard", handle: s.dashboardPage, uncounted: true, watch: true, about: "watch it: the pipeline as a picture, the last 15 minutes, slow and failed requests"},
		{method: "GET", path: "/dashboard/{file}", handle: s.dashboardPart, uncounted: true, watch: true},
		{method: "GET", path: "/dashboard/state", handle: s.dashboardState, uncounted: true, watch: true, key: true},
		{method: "GET", path: "/dashboard/requests", handle: s.dashboardRequests, uncounted: true, watch: true, key: true},
		{method: "GET", path: "/metrics", handle: s.page, uncounted: true, watch: true, about: "metrics, in the Prometheus text format"},
		{method: "GET", path: "/health", handle: s.health, uncounted: true, both: true, about: "whether the process is alive"},
		{method: "GET", path: "/ready", handle: s.ready, uncounted: true, both: true, about: "whether requests are taken"},
		{method: "GET", path: "/version", handle: s.version, uncounted: true, both: true, about: "the version"},
	}
	table = append(table, s.admin()...)
	if s.relay == nil {
		table = append(table, route{method: "POST", path: "/v1/completions", handle: s.completions, about: "text that goes on from a prompt"})
	} else {
		table = append(table, route{method: "POST", path: "/v1/audio/transcriptions", handle: s.transcription, about: "text of a recording"})
	}
	if s.pprof {
		table = append(table, profiles()...)
	}
	return table
}

// routes builds the handlers of the two listeners: the main one has everything,
// unless those who watch have a listener of their own.
func (s *Server) routes() (main, apart http.Handler) {
	var forUsers, forWatchers []route
	for _, rt := range s.table() {
		if rt.watch || rt.both {
			forWatchers = append(forWatchers, rt)
		}
		if !rt.watch || !s.apart {
			forUsers = append(forUsers, rt)
		}
	}
	return s.mux(forUsers), s.mux(forWatchers)
}

// mux builds a handler of routes. Whatever matches none, or one with another
// method, gets an OpenAI error body and counts under handler "none".
func (s *Server) mux(table []route) http.Handler {
	mux := http.NewServeMux()
	for _, rt := range append(table, route{method: "GET", path: "/{$}", handle: s.landing(table), uncounted: true}) {
		var recorder *metrics.RouteRecorder
		if !rt.uncounted {
			recorder = s.metrics.HTTP().Route(rt.path)
		}
		rt.key = rt.key || guarded(rt.path)
		mux.Handle(rt.method+" "+rt.path, s.wrap(rt, recorder))
	}
	none := route{handle: func(c *call) {
		if guarded(c.r.URL.Path) && !s.keys.accepts(c.r) {
			c.refuseKey()
			return
		}
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
	}}
	mux.Handle("/", s.wrap(none, s.metrics.HTTP().Route(metrics.NoHandler)))
	return mux
}

// wrap stamps the arrival, gives the request its id and its deadlines, checks
// its key, and records it when the response has ended, its stream included.
func (s *Server) wrap(rt route, recorder *metrics.RouteRecorder) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{
			server: s, r: r, id: requestID(r), arrived: s.now(),
			w: &response{ResponseWriter: w, timeout: s.limits.WriteTimeout, perStream: r.ProtoMajor > 1},
		}
		c.w.Header().Set("X-Request-Id", c.id)
		defer func() {
			cause := recover()
			if cause != nil && cause != http.ErrAbortHandler {
				s.log.Error("handler panicked", "request_id", c.id, "path", r.URL.Path, slog.Any("cause", cause), "stack", string(debug.Stack()))
				if c.w.status == 0 {
					c.fail(internalError("the server failed to handle the request"))
				}
			}
			c.letGo()
			recorder.Observe(r.Method, c.w.status, max(0, r.ContentLength), c.w.contentLength(), s.now().Sub(c.arrived))
			if cause != nil {
				panic(http.ErrAbortHandler) // net/http closes the connection
			}
		}()
		if !rt.uncounted {
			c.counted, c.refused = true, s.metrics.Refusals()
		}
		c.deadlines()
		switch n := lines(r.Header); {
		case n > s.limits.MaxHeaders:
			c.w.Header().Set("Connection", "close")
			c.fail(openai.Problem(http.StatusRequestHeaderFieldsTooLarge, "the header has %d lines, at most %d are taken", n, s.limits.MaxHeaders))
		case rt.key && !s.keys.accepts(r):
			c.refuseKey()
		case rt.admin && !s.mayAdmin(r):
			c.refuseAdmin()
		default:
			rt.handle(c)
		}
	})
}

// deadlines bound the body, read or not, and whatever net/http itself writes
// before the handler's first write.
func (c *call) deadlines() {
	ctrl := http.NewResponseController(c.w)
	if c.r.ContentLength != 0 {
		_ = ctrl.SetReadDeadline(time.Now().Add(c.server.limits.BodyTimeout))
	}
	if !c.w.perStream {
		c.w.deadline()
	}
}

// letGo gives back what the request held of the server's bounds.
func (c *call) letGo() {
	c.server.bodies.Add(-c.held)
	if c.stream {
		c.server.streams.Add(-1)
	}
}

// lines counts the lines of a header.
func lines(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}

// atRoot takes requests with the prefix that a proxy left on their paths, and
// those of a proxy that took it off.
func atRoot(root string, h http.Handler) http.Handler {
	if root == "" {
		return h
	}
	stripped := http.StripPrefix(root, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, root+"/") {
			stripped.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// acrossOrigins lets pages of the given origins use the API; none means that
// browsers keep other sites' pages out, which is their own rule.
func acrossOrigins(origins []string, h http.Handler) http.Handler {
	if len(origins) == 0 {
		return h
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{"X-Request-Id", "Retry-After", "Server-Timing"},
		MaxAge:         600,
	}).Handler(h)
}
