package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TransferRecorder records the hops over one edge.
type TransferRecorder struct {
	vecs *transferVecs
	edge edge

	first                  sync.Once // binds the children, at the first hop
	size, tx, rx, inFlight prometheus.Observer
}

type transferVecs struct {
	size, tx, rx, inFlight *prometheus.HistogramVec
}

func newTransferVecs(m *Metrics) *transferVecs {
	return &transferVecs{
		size:     m.histogram(transferSize),
		tx:       m.histogram(transferTx),
		rx:       m.histogram(transferRx),
		inFlight: m.histogram(transferInFlight),
	}
}

func (v *transferVecs) bind(e edge) *TransferRecorder { return &TransferRecorder{vecs: v, edge: e} }

// Hop records one payload that crossed the edge. Times below zero, which two
// clocks that disagree can give, count as zero.
func (t *TransferRecorder) Hop(size int64, tx, inFlight, rx time.Duration) {
	if t == nil {
		return
	}
	t.first.Do(t.appear)
	t.size.Observe(float64(size))
	t.tx.Observe(max(0, tx).Seconds())
	t.rx.Observe(max(0, rx).Seconds())
	t.inFlight.Observe(max(0, inFlight).Seconds())
}

func (t *TransferRecorder) appear() {
	labels := []string{decimal(t.edge.from.stage), decimal(t.edge.from.id), decimal(t.edge.to.stage), decimal(t.edge.to.id)}
	t.size = t.vecs.size.WithLabelValues(labels...)
	t.tx = t.vecs.tx.WithLabelValues(labels...)
	t.rx = t.vecs.rx.WithLabelValues(labels...)
	t.inFlight = t.vecs.inFlight.WithLabelValues(labels...)
}
