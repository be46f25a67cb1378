package metrics

import "github.com/prometheus/client_golang/prometheus"

// AttemptRecorder records what a replica elsewhere failed at and what was done
// about it.
type AttemptRecorder struct{ retries, ejections prometheus.Counter }

type attemptVecs struct{ retries, ejections *prometheus.CounterVec }

func newAttemptVecs(m *Metrics) *attemptVecs {
	return &attemptVecs{retries: m.counter(stageRetries), ejections: m.counter(replicaEjections)}
}

func (v *attemptVecs) bind(r replica) *AttemptRecorder {
	stage, id := decimal(r.stage), decimal(r.id)
	return &AttemptRecorder{retries: v.retries.WithLabelValues(stage, id), ejections: v.ejections.WithLabelValues(stage, id)}
}

// Attempts returns the recorder of a replica of a stage that Options call
// remote; nil for other stages. The same labels give the same recorder. It is
// nil when the replica's series have left the page.
func (m *Metrics) Attempts(stage, id int) *AttemptRecorder {
	if m == nil || m.attempts == nil || !m.remote(stage) {
		return nil
	}
	r := replica{stage, id}
	return once(m, m.tries, r, m.attempts.bind, r)
}

func (m *Metrics) remote(stage int) bool {
	for _, s := range m.infos {
		if s.ID == stage {
			return s.Remote
		}
	}
	return false
}

// Retried records that a request which the replica failed at is handed to
// another one.
func (r *AttemptRecorder) Retried() {
	if r != nil {
		r.retries.Inc()
	}
}

// Ejected records that the replica is ejected.
func (r *AttemptRecorder) Ejected() {
	if r != nil {
		r.ejections.Inc()
	}
}
