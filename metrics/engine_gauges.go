package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// EngineState is how a replica of an autoregressive stage is doing at one
// instant.
type EngineState struct {
	// Running requests hold KV blocks. Those that wait for a place or for blocks
	// are Waiting, those that wait for their input Deferred.
	Running, Waiting, Deferred int
	// UsedBlocks of the KV blocks hold something of a running request.
	UsedBlocks, Blocks int
}

// ObserveEngine makes the page read the state of a replica from src at each
// scrape. Without a source, or with nil, the replica has no such gauge.
func (m *Metrics) ObserveEngine(stage, id int, src func() EngineState) {
	if m == nil || m.engines == nil {
		return
	}
	m.engines.gauges.set(replica{stage, id}, src)
}

// engineGauges reads the live engines at scrape.
type engineGauges struct {
	running, waiting, byReason, sleep, usage *prometheus.Desc

	mu      sync.Mutex // guards sources
	sources map[replica]func() EngineState
}

func newEngineGauges(m *Metrics) *engineGauges {
	desc := func(name string) *prometheus.Desc {
		f := family(m.table, name)
		return prometheus.NewDesc(f.Name, f.Help, f.own(), m.shared(f))
	}
	return &engineGauges{
		running:  desc(engineRunning),
		waiting:  desc(engineWaiting),
		byReason: desc(engineWaitingByReason),
		sleep:    desc(engineSleepState),
		usage:    desc(kvCacheUsage),
		sources:  map[replica]func() EngineState{},
	}
}

func (g *engineGauges) set(r replica, src func() EngineState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if src == nil {
		delete(g.sources, r)
		return
	}
	g.sources[r] = src
}

// Describe implements prometheus.Collector.
func (g *engineGauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.running
	ch <- g.waiting
	ch <- g.byReason
	ch <- g.sleep
	ch <- g.usage
}

// Collect implements prometheus.Collector. Each replica is read once, so that
// its gauges agree.
func (g *engineGauges) Collect(ch chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for r, src := range g.sources {
		s := src()
		gauge := func(desc *prometheus.Desc, value float64, more ...string) {
			labels := append([]string{decimal(r.stage), decimal(r.id)}, more...)
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
		}
		gauge(g.running, float64(s.Running))
		gauge(g.waiting, float64(s.Waiting+s.Deferred))
		gauge(g.byReason, float64(s.Waiting), "capacity")
		gauge(g.byReason, float64(s.Deferred), "deferred")
		gauge(g.sleep, 1, "awake")
		for _, state := range sleepStates[1:] {
			gauge(g.sleep, 0, state)
		}
		usage := 0.0
		if s.Blocks > 0 {
			usage = float64(s.UsedBlocks) / float64(s.Blocks)
		}
		gauge(g.usage, usage)
	}
}
