package metrics

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Names of the http_ families: those of prometheus_fastapi_instrumentator,
// which the reference's page has.
const (
	httpRequests     = "http_requests_total"
	httpRequestSize  = "http_request_size_bytes"
	httpResponseSize = "http_response_size_bytes"
	httpDurationFine = "http_request_duration_highr_seconds"
	httpDuration     = "http_request_duration_seconds"
)

// NoHandler is the handler label of requests that match no route.
const NoHandler = "none"

var (
	httpMethods  = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}
	httpStatuses = []string{"1xx", "2xx", "3xx", "4xx", "5xx"}
)

func httpFamilies() []Family {
	const moves = "every HTTP request of a counted route, when its response has ended, whatever came of it"
	const still = "/metrics, /health and /version"
	const always = "always; a child from its first request on"
	byHandler := []string{"handler"}
	return []Family{{
		Name: httpRequests, Kind: Counter, Labels: []string{"handler", "method", "status"}, Unit: "requests", Group: GroupHTTP, Present: always,
		Help:  "HTTP requests by handler (the route, none if no route matches), method and class of status. A client that left before the response began counts as 4xx.",
		Moves: moves, Still: still, At: everyOutcome, Always: true,
	}, {
		Name: httpRequestSize, Kind: Summary, Labels: byHandler, Unit: "bytes", Group: GroupHTTP, Present: always,
		Help:  "Declared length of requests' bodies, 0 if none is declared.",
		Moves: moves, Still: still, At: everyOutcome, Always: true,
	}, {
		Name: httpResponseSize, Kind: Summary, Labels: byHandler, Unit: "bytes", Group: GroupHTTP, Present: always,
		Help:  "Declared length of responses' bodies, 0 if none is declared, as for a stream.",
		Moves: moves, Still: still, At: everyOutcome, Always: true,
	}, {
		Name: httpDurationFine, Kind: Histogram, Buckets: httpFineBuckets, Unit: "seconds", Group: GroupHTTP, Present: "always",
		Help:  "Time from a request's arrival to the end of its response, the stream included, over all handlers.",
		Moves: moves, Still: still, At: everyOutcome, Always: true,
	}, {
		Name: httpDuration, Kind: Histogram, Labels: []string{"handler", "method"}, Buckets: httpBuckets, Unit: "seconds", Group: GroupHTTP, Present: always,
		Help:  "Time from a request's arrival to the end of its response, the stream included, by handler and method.",
		Moves: moves, Still: still, At: everyOutcome, Always: true,
	}}
}

// HTTPRecorder records HTTP requests.
type HTTPRecorder struct {
	requests                  *prometheus.CounterVec
	requestSize, responseSize *prometheus.SummaryVec
	fine                      prometheus.Observer
	duration                  *prometheus.HistogramVec
}

func newHTTPRecorder(m *Metrics) *HTTPRecorder {
	return &HTTPRecorder{
		requests:     m.counter(httpRequests),
		requestSize:  m.summary(httpRequestSize),
		responseSize: m.summary(httpResponseSize),
		fine:         m.histogram(httpDurationFine).WithLabelValues(),
		duration:     m.histogram(httpDuration),
	}
}

// Route returns the recorder of one handler. Handlers are routes of the server,
// or NoHandler: never what a client sent.
func (h *HTTPRecorder) Route(handler string) *RouteRecorder {
	if h == nil {
		return nil
	}
	return &RouteRecorder{http: h, handler: handler}
}

// RouteRecorder records the requests of one handler. Its children are bound
// when they are first needed, so that the page shows only what occurred.
type RouteRecorder struct {
	http    *HTTPRecorder
	handler string

	sizes                     sync.Once
	requestSize, responseSize prometheus.Observer

	methods [8]methodRecorder // in the order of httpMethods
}

type methodRecorder struct {
	first    sync.Once
	duration prometheus.Observer
	statuses [5]struct { // in the order of httpStatuses
		first sync.Once
		count prometheus.Counter
	}
}

// Observe records one request. Status 0 says that the client left before the
// response began. Sizes are in bytes.
func (r *RouteRecorder) Observe(method string, status int, requestBytes, responseBytes int64, d time.Duration) {
	if r == nil {
		return
	}
	i := slices.Index(httpMethods, method)
	if i < 0 {
		i = len(httpMethods) - 1
	}
	class := status/100 - 1
	if class < 0 || class >= len(httpStatuses) {
		class = 3
	}
	r.sizes.Do(func() {
		r.requestSize = r.http.requestSize.WithLabelValues(r.handler)
		r.responseSize = r.http.responseSize.WithLabelValues(r.handler)
	})
	m := &r.methods[i]
	m.first.Do(func() { m.duration = r.http.duration.WithLabelValues(r.handler, httpMethods[i]) })
	s := &m.statuses[class]
	s.first.Do(func() { s.count = r.http.requests.WithLabelValues(r.handler, httpMethods[i], httpStatuses[class]) })

	s.count.Inc()
	r.requestSize.Observe(float64(requestBytes))
	r.responseSize.Observe(float64(responseBytes))
	r.http.fine.Observe(d.Seconds())
	m.duration.Observe(d.Seconds())
}
