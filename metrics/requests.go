package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// RequestRecorder records the admissions and the ends of the pipeline's
// requests.
type RequestRecorder struct {
	admitted prometheus.Counter
	ends     map[FinishedReason]prometheus.Counter // complete from the start, never written again
	e2e      timing
	expired  map[ExpiredPart]prometheus.Counter // empty without deadlines
	gauges   *requestGauges
}

// ExpiredPart says what a request had come to when its time was up.
type ExpiredPart string

// The closed set of parts.
const (
	// ExpiredAdmission: it waited in the queue.
	ExpiredAdmission ExpiredPart = "admission"
	// ExpiredStages: a stage was being waited for.
	ExpiredStages ExpiredPart = "stages"
	// ExpiredReply: the client was behind, or the answer was being made.
	ExpiredReply ExpiredPart = "reply"
)

var expiredParts = []ExpiredPart{ExpiredAdmission, ExpiredStages, ExpiredReply}

func newRequestRecorder(m *Metrics, deadlines bool) *RequestRecorder {
	ends := m.counter(requestsSuccess)
	r := &RequestRecorder{
		admitted: m.counter(requestsAdmitted).WithLabelValues(),
		ends:     make(map[FinishedReason]prometheus.Counter),
		e2e:      m.timing(m.histogram(e2eRequestLatency).WithLabelValues()),
		expired:  make(map[ExpiredPart]prometheus.Counter),
		gauges:   newRequestGauges(m),
	}
	expired := m.counter(requestsExpired)
	for _, part := range expiredParts {
		if deadlines {
			r.expired[part] = expired.WithLabelValues(string(part))
		}
	}
	for _, reason := range finishedReasons {
		r.ends[reason] = ends.WithLabelValues(string(reason))
	}
	m.registry.MustRegister(r.gauges)
	return r
}

// Admitted records that a request was admitted. It must be called before the
// request can end.
func (r *RequestRecorder) Admitted() {
	if r == nil {
		return
	}
	r.admitted.Inc()
}

// Ended records that an admitted request ended e2e after its arrival. A reason
// outside the closed set counts as an error: whoever invents one has a fault.
// The id is for the exemplar.
func (r *RequestRecorder) Ended(reason FinishedReason, e2e time.Duration, id string) {
	if r == nil {
		return
	}
	end, known := r.ends[reason]
	if !known {
		reason, end = Error, r.ends[Error]
	}
	if reason != Abort && reason != Error {
		r.e2e.observe(e2e, id)
	}
	end.Inc()
}

// Expired records that a request ends as an error since its time is up. A part
// outside the closed set counts as the stages; without deadlines it records
// nothing.
func (r *RequestRecorder) Expired(part ExpiredPart) {
	if r == nil {
		return
	}
	expired, known := r.expired[part]
	if !known {
		expired = r.expired[ExpiredStages]
	}
	if expired != nil {
		expired.Inc()
	}
}

// ObserveRequests makes the page read the request gauges from src, all at one
// instant, at each scrape: the requests that run, and those that wait by the id
// of the stage that they begin at. Until it is called they are zero.
func (m *Metrics) ObserveRequests(src func() (running int, waiting []int)) {
	if m == nil || m.requests == nil {
		return
	}
	m.requests.gauges.src.Store(&src)
}

// requestGauges reads the live request table at scrape.
type requestGauges struct {
	running, waiting, byStage *prometheus.Desc
	stages                    []StageInfo
	src                       atomic.Pointer[func() (running int, waiting []int)]
}

func newRequestGauges(m *Metrics) *requestGauges {
	desc := func(name string) *prometheus.Desc {
		f := family(m.table, name)
		return prometheus.NewDesc(f.Name, f.Help, f.own(), m.shared(f))
	}
	return &requestGauges{running: desc(numRequestsRunning), waiting: desc(numRequestsWaiting), byStage: desc(stageWaiting), stages: m.infos}
}

// Describe implements prometheus.Collector.
func (g *requestGauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.running
	ch <- g.waiting
	ch <- g.byStage
}

// Collect implements prometheus.Collector.
func (g *requestGauges) Collect(ch chan<- prometheus.Metric) {
	var running, total int
	var waiting []int
	if src := g.src.Load(); src != nil {
		running, waiting = (*src)()
	}
	for _, n := range waiting {
		total += n
	}
	for _, s := range g.stages {
		n := 0
		if s.ID < len(waiting) {
			n = waiting[s.ID]
		}
		ch <- prometheus.MustNewConstMetric(g.byStage, prometheus.GaugeValue, float64(n), decimal(s.ID))
	}
	ch <- prometheus.MustNewConstMetric(g.running, prometheus.GaugeValue, float64(running))
	ch <- prometheus.MustNewConstMetric(g.waiting, prometheus.GaugeValue, float64(total))
}
