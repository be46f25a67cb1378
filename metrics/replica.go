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

// ObserveReplicas makes the page read the state of every replica from src at
// each scrape. Until it is called there is none.
func (m *Metrics) ObserveReplicas(src func(yield func(stage, replica int, state ReplicaState))) {
	if m == nil || m.replicas == nil {
		return
	}
	m.replicas.src.Store(&src)
}

// replicaGauges reads the live pools at scrape.
type replicaGauges struct {
	desc *prometheus.Desc
	src  atomic.Pointer[func(yield func(stage, replica int, state ReplicaState))]
}

func newReplicaGauges(m *Metrics) *replicaGauges {
	f := family(m.table, replicaState)
	return &replicaGauges{desc: prometheus.NewDesc(f.Name, f.Help, f.own(), m.shared(f))}
}

// Describe implements prometheus.Collector.
func (g *replicaGauges) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

// Collect implements prometheus.Collector.
func (g *replicaGauges) Collect(ch chan<- prometheus.Metric) {
	src := g.src.Load()
	if src == nil {
		return
	}
	(*src)(func(stage, replica int, state ReplicaState) {
		for _, s := range replicaStates {
			value := 0.0
			if s == state {
				value = 1
			}
			ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, value, decimal(stage), decimal(replica), string(s))
		}
	})
}
