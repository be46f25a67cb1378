package dashboard

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/limelight-omni/limelight/metrics"
)

// measure is what happened in a span of time: counters' gains, histograms'
// new values, and gauges as they are at its end.
type measure struct {
	seconds float64 // how long the span is

	running, waiting float64 // NaN where the page has none
	ends             map[string]float64
	refused          map[string]float64
	e2e              histogram
	parts            map[string]float64 // seconds, by part of the request itself; residual too
	replicas         map[place]*replicaMeasure
	edges            map[edge]*edgeMeasure
	failures         map[failure]float64
	cpu              float64 // seconds
	memory           float64 // bytes; NaN where the page has none

	omni, engines, attributed bool // which kinds of families the page has
}

// place is a replica of a stage, and edge the way between two of them, as the
// page spells them.
type place struct{ stage, replica string }
type edge struct{ from, to place }

// failure is why a stage failed.
type failure struct{ stage, cause string }

type replicaMeasure struct {
	at                                     place
	requests, places                       float64 // NaN where the page has none
	running, waiting, kv, age              float64 // NaN where the page has none
	state                                  string  // empty where the page has none
	gauged                                 bool    // it has a gauge, so that it is there now
	ttft, firstOutput, ttfp, rtf, underrun histogram
	duration                               histogram
	continuous, skipped, silent            float64
	slowClients, underruns                 float64
	tokens, preempted, lookups, hits       float64
	retries, ejections                     float64
	hops                                   float64 // requests that came over a hop
	hop, queue, work                       float64 // seconds, summed over requests
	ends                                   map[string]float64
	makesTokens, speaks                    bool
}

type edgeMeasure struct {
	at               edge
	size, tx, fl, rx histogram
}

// measure reads the tracks over the newest step, or over the window.
func (ts *tracks) measure(window bool, seconds float64) *measure {
	nan := math.NaN()
	m := &measure{
		seconds: seconds, running: nan, waiting: nan, memory: nan,
		ends: map[string]float64{}, refused: map[string]float64{}, parts: map[string]float64{}, failures: map[failure]float64{},
		replicas: map[place]*replicaMeasure{}, edges: map[edge]*edgeMeasure{},
	}
	for _, t := range ts.list { // it decides what others mean
		m.omni = m.omni || t.seen == ts.step && (t.key.family == requestsRunning || t.key.family == requestEnds)
	}
	for _, t := range ts.list {
		if t.seen == ts.step {
			m.take(t, window)
		}
	}
	if !m.omni {
		m.ofEnginesAlone()
	}
	return m
}

// take adds one track.
func (m *measure) take(t *track, window bool) {
	v := t.key.values
	var gain, now float64
	var before []float64
	if t.kind == metrics.Gauge {
		now = t.now[0]
	} else {
		before = t.since(window)
		gain = max(0, t.now[0]-before[0])
	}
	add := func(h *histogram) {
		if t.kind == metrics.Histogram {
			h.add(t.bounds, t.now, before)
		}
	}
	sum := func() float64 { // of a histogram
		if t.kind != metrics.Histogram {
			return 0
		}
		return max(0, t.now[len(t.now)-1]-before[len(before)-1])
	}
	at := func() *replicaMeasure { return m.replica(place{v[0], v[1]}) }
	hop := func() *edgeMeasure { return m.edge(edge{place{v[0], v[1]}, place{v[2], v[3]}}) }
	switch t.key.family {
	case requestsRunning:
		m.running = now
	case requestsWaiting:
		m.waiting = now
	case requestEnds:
		m.ends[v[0]] += gain
	case e2eLatency:
		add(&m.e2e)
	case firstPacket:
		add(&at().ttfp)
	case audioDuration:
		r := at()
		add(&r.duration)
		r.speaks = true
	case audioRTF:
		add(&at().rtf)
	case audioUnderrun:
		add(&at().underrun)
	case continuityOK:
		if v[2] == defaultThreshold {
			at().continuous += gain
		}
	case audioSkipped:
		at().skipped += gain
	case transferSize:
		add(&hop().size)
	case transferTx:
		add(&hop().tx)
	case transferInFlight:
		add(&hop().fl)
	case transferRx:
		add(&hop().rx)
	case engineRunning:
		r := at()
		r.running, r.gauged, m.engines = now, true, true
	case engineWaiting:
		at().waiting = now
	case engineEnds:
		r := at()
		if r.ends == nil {
			r.ends = map[string]float64{}
		}
		r.ends[v[2]] += gain
	case engineE2E:
		if !m.omni {
			add(&m.e2e)
		}
	case kvUsage:
		at().kv = now
	case preemptions:
		at().preempted += gain
	case prefixQueries:
		at().lookups += gain
	case prefixHits:
		at().hits += gain
	case generatedTokens:
		r := at()
		r.tokens += gain
		r.makesTokens = true
	case timeToFirstToken:
		add(&at().ttft)
	case requestPart:
		m.parts[v[0]] += sum()
		m.attributed = true
	case requestResidual:
		m.parts["residual"] += sum()
	case stagePart:
		r := at()
		switch v[2] {
		case "hop":
			r.hops += max(0, t.now[len(t.now)-2]-before[len(before)-2])
			r.hop += sum()
		case "queue":
			r.queue += sum()
		case "work":
			r.work += sum()
		}
	case stageFailures:
		m.failures[failure{v[0], v[1]}] += gain
	case stageRetries:
		at().retries += gain
	case replicaEjections:
		at().ejections += gain
	case replicaState:
		r := at()
		r.gauged = true
		if now == 1 {
			r.state = v[2]
		}
	case replicaRequests:
		r := at()
		r.requests, r.gauged = now, true
	case replicaPlaces:
		at().places = now
	case firstOutput:
		add(&at().firstOutput)
	case underrunCauses:
		r := at()
		r.underruns += gain
		if v[2] == "slow_client" {
			r.slowClients += gain
		}
	case silentAudio:
		at().silent += gain
	case refused:
		m.refused[v[0]] += gain
	case pageAge:
		at().age = now
	case processCPU:
		m.cpu += gain
	case processMemory:
		m.memory = now
	}
}

// defaultThreshold is the threshold_ms that continuity is judged by.
const defaultThreshold = "100"

func (m *measure) replica(at place) *replicaMeasure {
	r := m.replicas[at]
	if r == nil {
		nan := math.NaN()
		r = &replicaMeasure{at: at, requests: nan, places: nan, running: nan, waiting: nan, kv: nan, age: nan}
		m.replicas[at] = r
	}
	return r
}

func (m *measure) edge(at edge) *edgeMeasure {
	e := m.edges[at]
	if e == nil {
		e = &edgeMeasure{at: at}
		m.edges[at] = e
	}
	return e
}

// ofEnginesAlone makes a pipeline of engines' families, for the page of a plain
// vLLM: its requests are those of its engines.
func (m *measure) ofEnginesAlone() {
	for _, r := range m.replicas {
		for reason, n := range r.ends {
			m.ends[reason] += n
		}
		if !math.IsNaN(r.running) {
			m.running = r.running + zeroed(m.running)
		}
		if !math.IsNaN(r.waiting) {
			m.waiting = r.waiting + zeroed(m.waiting)
		}
	}
}

// zeroed is 0 for NaN.
func zeroed(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// stages lists the stages that the page speaks of, in their order.
func (m *measure) stages() []string {
	var list []string
	add := func(stage string) {
		if !slices.Contains(list, stage) {
			list = append(list, stage)
		}
	}
	for at := range m.replicas {
		add(at.stage)
	}
	for at := range m.edges {
		add(at.from.stage)
		add(at.to.stage)
	}
	slices.SortFunc(list, numerically)
	return list
}

// of lists a stage's replicas in their order.
func (m *measure) of(stage string) []*replicaMeasure {
	var list []*replicaMeasure
	for at, r := range m.replicas {
		if at.stage == stage {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *replicaMeasure) int { return numerically(a.at.replica, b.at.replica) })
	return list
}

// hops lists the edges in their order.
func (m *measure) hops() []*edgeMeasure {
	list := make([]*edgeMeasure, 0, len(m.edges))
	for _, e := range m.edges {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *edgeMeasure) int {
		return cmp.Or(numerically(a.at.from.stage, b.at.from.stage), numerically(a.at.from.replica, b.at.from.replica),
			numerically(a.at.to.stage, b.at.to.stage), numerically(a.at.to.replica, b.at.to.replica))
	})
	return list
}

// numerically compares decimal ids as numbers and others as texts.
func numerically(a, b string) int {
	m, errM := strconv.Atoi(a)
	n, errN := strconv.Atoi(b)
	if errM == nil && errN == nil {
		return m - n
	}
	return cmp.Compare(a, b)
}

// ended is how many requests ended, and failed how many of them as an error.
func (m *measure) ended() (all, failed float64) {
	for reason, n := range m.ends {
		all += n
		if reason == "error" {
			failed += n
		}
	}
	return all, failed
}

// all is a histogram of all replicas together.
func (m *measure) all(of func(*replicaMeasure) histogram) (h histogram) {
	for _, stage := range m.stages() {
		for _, r := range m.of(stage) {
			h.merge(of(r))
		}
	}
	return h
}

// continuity is the fraction of listeners that heard no gap; NaN if nobody
// listened.
func continuity(heard, fine float64) float64 {
	if heard <= 0 {
		return math.NaN()
	}
	return min(1, fine/heard)
}

// seconds of a hop: tx, in flight and rx together.
func (e *edgeMeasure) seconds() float64 { return e.tx.sum + e.fl.sum + e.rx.sum }

// mean is the time of one hop; NaN without one.
func (e *edgeMeasure) mean() float64 {
	n := max(e.tx.count, e.fl.count, e.rx.count)
	if n <= 0 {
		return math.NaN()
	}
	return e.seconds() / n
}
