package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// ReplicaState says what a replica can take at an instant.
type ReplicaState string

// The closed set of states; a replica is in exactly one.
const (
	ReplicaReady ReplicaState = "ready"
	ReplicaFull  ReplicaState = "full"
	ReplicaDown  ReplicaState = "down"
)

var replicaStates = []ReplicaState{ReplicaReady, ReplicaFull, ReplicaDown}

// ReplicaLoad is a replica at an instant.
type ReplicaLoad struct {
	Stage, Replica int
	State          ReplicaState
	// Requests are bound to the replica: it works for them, or they wait in it.
	Requests int
	// Places is how many of them it works for at one time while it is not down.
	Places int
}

// ObserveReplicas makes the page read the state and the load of every replica
// from src at each scrape. Until it is called there is none.
func (m *Metrics) ObserveReplicas(src func(yield func(ReplicaLoad))) {
	if m == nil || m.replicas == nil {
		return
	}
	m.replicas.src.Store(&src)
}

// replicaGauges reads the live pools at scrape.
type replicaGauges struct {
	state, requests, places *prometheus.Desc
	src                     atomic.Pointer[func(yield func(ReplicaLoad))]
}

func newReplicaGauges(m *Metrics) *replicaGauges {
	desc := func(name string) *prometheus.Desc {
		f := family(m.table, name)
		return prometheus.NewDesc(f.Name, f.Help, f.own(), m.shared(f))
	}
	return &replicaGauges{state: desc(replicaState), requests: desc(replicaRequests), places: desc(replicaPlaces)}
}

// Describe implements prometheus.Collector.
func (g *replicaGauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.state
	ch <- g.requests
	ch <- g.places
}

// Collect implements prometheus.Collector.
func (g *replicaGauges) Collect(ch chan<- prometheus.Metric) {
	src := g.src.Load()
	if src == nil {
		return
	}
	(*src)(func(r ReplicaLoad) {
		stage, id := decimal(r.Stage), decimal(r.Replica)
		for _, s := range replicaStates {
			value := 0.0
			if s == r.State {
				value = 1
			}
			ch <- prometheus.MustNewConstMetric(g.state, prometheus.GaugeValue, value, stage, id, string(s))
		}
		places := r.Places
		if r.State == ReplicaDown {
			places = 0
		}
		ch <- prometheus.MustNewConstMetric(g.requests, prometheus.GaugeValue, float64(r.Requests), stage, id)
		ch <- prometheus.MustNewConstMetric(g.places, prometheus.GaugeValue, float64(places), stage, id)
	})
}
