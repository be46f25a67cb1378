package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// retention is how long the series of a replica that left stay on the page, so
// that its last increases are scraped and rates over a few minutes stay right.
// Gauges leave with the replica.
const retention = 10 * time.Minute

// ReplicaJoined makes a replica's children appear on the page: those whose
// labels are a closed set, at zero. The replicas of Options have joined.
func (m *Metrics) ReplicaJoined(stage, id int) {
	if m == nil {
		return
	}
	r := replica{stage, id}
	m.mu.Lock()
	delete(m.left, r)
	delete(m.gone, r)
	m.mu.Unlock()
	for _, s := range m.infos {
		if s.ID == stage && s.Audio {
			m.Audio(stage, id)
		}
	}
	m.Replica(stage, id)
	m.Attempts(stage, id)
}

// ReplicaLeft says that a replica is closed and that no other one will get its
// id. What is still recorded for it, at the end of a request that it had a part
// in, is kept as long as its series are.
func (m *Metrics) ReplicaLeft(stage, id int) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left[replica{stage, id}] = m.now()
	m.engines.left(replica{stage, id})
}

// forget takes the series of replicas that left long ago off the page. It runs
// before each page is written, which is when it matters.
func (m *Metrics) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for r, at := range m.left {
		if m.now().Sub(at) < retention {
			continue
		}
		delete(m.left, r)
		m.gone[r] = true
		delete(m.voices, r)
		delete(m.inner, r)
		delete(m.pages, r)
		m.gateways[r].forget()
		delete(m.gateways, r)
		delete(m.times, r)
		delete(m.tries, r)
		for e := range m.edges {
			if e.from == r || e.to == r {
				delete(m.edges, e)
			}
		}
		for _, v := range m.vecs {
			v.forget(r)
		}
	}
}

// vec is what counters and histograms of a family have in common.
type vec struct {
	family Family
	delete func(prometheus.Labels) int
}

// forget deletes the children that speak of a replica, alone or as one end of
// an edge.
func (v vec) forget(r replica) {
	for _, ends := range []string{"", "from_", "to_"} {
		stage, id := ends+"stage", ends+"replica"
		if v.family.has(stage) && v.family.has(id) {
			v.delete(prometheus.Labels{stage: decimal(r.stage), id: decimal(r.id)})
		}
	}
}
