package metrics

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func BenchmarkRecorders(b *testing.B) {
	for name, m := range map[string]*Metrics{"on": newOn(), "off": New(Options{ModelName: "m"})} {
		requests, audio, hops := m.Requests(), m.Audio(2, 0), m.Transfer(1, 0, 2, 0)
		route := m.HTTP().Route("/v1/models")
		for call, f := range map[string]func(){
			"Ended":   func() { requests.Ended(Stop, time.Second, "r") },
			"Played":  func() { audio.Played(time.Millisecond) },
			"Hop":     func() { hops.Hop(1600, 1000, 1000, 1000) },
			"Observe": func() { route.Observe("GET", 200, 0, 0, time.Millisecond) },
		} {
			b.Run(call+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
	}
}

func BenchmarkTwoGoroutinesOnOneChild(b *testing.B) {
	hops := newOn().Transfer(1, 0, 2, 0)
	b.ReportAllocs()
	b.SetParallelism(1)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			hops.Hop(1600, 1000, 1000, 1000)
		}
	})
}

// BenchmarkScrape writes a page of 80 histogram families with 24 children of
// 13 buckets each.
func BenchmarkScrape(b *testing.B) {
	m := New(Options{ModelName: "m"})
	for i := range 80 {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: fmt.Sprintf("vllm:bench_%02d_seconds", i), Help: "Bench.", Buckets: fastBuckets}, []string{"stage", "replica"})
		m.registry.MustRegister(v)
		for c := range 24 {
			v.WithLabelValues(decimal(c/8), decimal(c%8)).Observe(0.01)
		}
	}
	var size counter
	m.write(&size, false, nil)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		m.write(io.Discard, false, nil)
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func BenchmarkExemplars(b *testing.B) {
	for name, m := range map[string]*Metrics{"on": withExemplars(), "off": newOn()} {
		requests := m.Requests()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				requests.Ended(Stop, time.Second, "0123456789abcdef0123456789abcdef")
			}
		})
	}
}
