package metrics

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// GatewayRecorder records the requests of a replica elsewhere whose engine has
// no metrics page: what can be told at this side of the wire, in those of
// vLLM's families that it can be told of. A request's course is
//
//	q := recorder.Begin(now)    // it was handed to the replica
//	q.Output(now)               // each output that came, the first among them
//	q.Ended(reason, usage, now) // it is over
//
// Methods allocate nothing and may be called from any goroutine, those of one
// request one after the other; those of a nil recorder's requests do nothing.
type GatewayRecorder struct {
	firstToken, tokenGap, perToken, e2e prometheus.Observer
	ends                                map[FinishedReason]prometheus.Counter // complete from the start, never written again

	// tokens makes prompt and generated, once an engine told of tokens: one that
	// never does has no count, which is not a count of 0.
	tokens            sync.Once
	counters          func() (prompt, generated prometheus.Counter)
	prompt, generated prometheus.Counter
}

// GatewayRequest is one request of a GatewayRecorder. It must not be copied
// once it is in use.
type GatewayRequest struct {
	recorder           *GatewayRecorder
	began, first, last time.Time
}

// TokenUsage is what an engine said of a request's tokens; zero if it said
// nothing.
type TokenUsage struct{ Prompt, Generated int }

// Gateway returns the recorder of a replica elsewhere that is no target of
// ScrapeEngines' scraper: the families of one that is would stand twice. Its
// children appear at zero with the first call; the same labels give the same
// recorder. It is nil with statistics off, and when the replica's series have
// left the page.
func (m *Metrics) Gateway(stage, id int) *GatewayRecorder {
	if m == nil || m.engines == nil {
		return nil
	}
	r := replica{stage, id}
	return once(m, m.gateways, r, m.engines.bindGateway, r)
}

// bindGateway makes the children of one replica elsewhere.
func (v *engineVecs) bindGateway(of replica) *GatewayRecorder {
	stage, id := decimal(of.stage), decimal(of.id)
	g := &GatewayRecorder{
		firstToken: v.histograms[timeToFirstToken].WithLabelValues(stage, id),
		tokenGap:   v.histograms[interTokenLatency].WithLabelValues(stage, id),
		perToken:   v.histograms[timePerOutputToken].WithLabelValues(stage, id),
		e2e:        v.histograms[engineE2E].WithLabelValues(stage, id),
		ends:       map[FinishedReason]prometheus.Counter{},
		counters: func() (prompt, generated prometheus.Counter) {
			return v.counters[promptTokens].WithLabelValues(stage, id), v.counters[generationTokens].WithLabelValues(stage, id)
		},
	}
	for _, reason := range finishedReasons {
		g.ends[reason] = v.counters[engineSuccess].WithLabelValues(stage, id, string(reason))
	}
	return g
}

// Begin starts a request that is handed to the replica now.
func (g *GatewayRecorder) Begin(now time.Time) GatewayRequest {
	return GatewayRequest{recorder: g, began: now}
}

// Output records an output that came: a piece of text or of sound.
func (q *GatewayRequest) Output(now time.Time) {
	if q.recorder == nil {
		return
	}
	if q.first.IsZero() {
		q.first = now
		q.recorder.firstToken.Observe(between(q.began, now))
	} else {
		q.recorder.tokenGap.Observe(between(q.last, now))
	}
	q.last = now
}

// Ended records the end of a request; of an aborted one it records nothing, as
// an engine of vLLM. A reason outside the closed set counts as an error.
func (q *GatewayRequest) Ended(reason FinishedReason, u TokenUsage, now time.Time) {
	g := q.recorder
	if g == nil || reason == Abort {
		return
	}
	end, known := g.ends[reason]
	if !known {
		end = g.ends[Error]
	}
	end.Inc()
	g.e2e.Observe(between(q.began, now))
	if u.Prompt <= 0 && u.Generated <= 0 {
		return
	}
	g.tokens.Do(func() { g.prompt, g.generated = g.counters() })
	if g.prompt == nil { // forgotten
		return
	}
	g.prompt.Add(float64(max(0, u.Prompt)))
	g.generated.Add(float64(max(0, u.Generated)))
	if q.first.IsZero() || u.Generated <= 0 {
		return
	}
	g.perToken.Observe(between(q.first, q.last) / float64(max(1, u.Generated-1)))
}

// EndGateway takes the families that were recorded here of a replica elsewhere
// off the page, since its engine shows them from now on.
func (m *Metrics) EndGateway(stage, id int) {
	if m == nil || m.engines == nil {
		return
	}
	r := replica{stage, id}
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.gateways[r]
	if g == nil {
		return
	}
	g.forget()
	delete(m.gateways, r)
	for _, v := range m.vecs {
		if v.family.Group == GroupEngine {
			v.forget(r)
		}
	}
}

// forget keeps a request that outlasts its replica's series from making new
// ones.
func (g *GatewayRecorder) forget() {
	if g != nil {
		g.tokens.Do(func() {})
	}
}

// gatewayReplicas lists the replicas whose series a GatewayRecorder made, those
// that left not long ago among them.
func (m *Metrics) gatewayReplicas() []replica {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Collect(maps.Keys(m.gateways))
}
