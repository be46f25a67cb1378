package metrics

import "github.com/prometheus/client_golang/prometheus"

// RefusalReason says why a request was not admitted.
type RefusalReason string

// The closed set of reasons.
const (
	BadRequest       RefusalReason = "bad_request"
	Unauthorized     RefusalReason = "unauthorized"
	NotFound         RefusalReason = "not_found"
	MethodNotAllowed RefusalReason = "method_not_allowed"
	SlowBody         RefusalReason = "slow_body"
	TooLarge         RefusalReason = "too_large"
	TooManyBodies    RefusalReason = "too_many_bodies"
	TooManyStreams   RefusalReason = "too_many_streams"
	QueueFull        RefusalReason = "queue_full"
	Draining         RefusalReason = "draining"
	NoReplica        RefusalReason = "no_replica"
)

var refusalReasons = []RefusalReason{
	BadRequest, Unauthorized, NotFound, MethodNotAllowed, SlowBody, TooLarge, TooManyBodies, TooManyStreams, QueueFull, Draining, NoReplica,
}

// RefusalRecorder records the requests that were not admitted.
type RefusalRecorder struct {
	reasons map[RefusalReason]prometheus.Counter // complete from the start, never written again
}

func newRefusalRecorder(m *Metrics) *RefusalRecorder {
	refused := m.counter(requestsRefused)
	r := &RefusalRecorder{reasons: make(map[RefusalReason]prometheus.Counter)}
	for _, reason := range refusalReasons {
		r.reasons[reason] = refused.WithLabelValues(string(reason))
	}
	return r
}

// Refused records one request. A reason outside the closed set counts as
// BadRequest.
func (r *RefusalRecorder) Refused(reason RefusalReason) {
	if r == nil {
		return
	}
	refused, known := r.reasons[reason]
	if !known {
		refused = r.reasons[BadRequest]
	}
	refused.Inc()
}
