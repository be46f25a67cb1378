package metrics

import (
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// exemplarLabel names a request on the page.
const exemplarLabel = "request_id"

// timing is a histogram of times that keeps a request's id with the newest
// observation of each bucket, if exemplars are on.
type timing struct {
	plain    prometheus.Observer
	exemplar prometheus.ExemplarObserver // nil if exemplars are off
}

func (m *Metrics) timing(o prometheus.Observer) timing {
	t := timing{plain: o}
	if m.exemplars {
		t.exemplar = o.(prometheus.ExemplarObserver) // client_golang's histograms are
	}
	return t
}

func (t timing) observe(d time.Duration, id string) {
	if t.exemplar != nil {
		if id = exemplarID(id); id != "" {
			t.exemplar.ObserveWithExemplar(d.Seconds(), prometheus.Labels{exemplarLabel: id})
			return
		}
	}
	t.plain.Observe(d.Seconds())
}

// exemplarID shortens an id to what OpenMetrics allows: name and value of the
// label have 128 characters together. What is no UTF-8 cannot stand on a page.
func exemplarID(id string) string {
	const most = prometheus.ExemplarMaxRunes - len(exemplarLabel)
	n := 0
	for i, r := range id {
		if n == most || r == utf8.RuneError {
			return id[:i]
		}
		n++
	}
	return id
}
