package metrics

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/limelight-omni/limelight/metrics/merge"
)

func BenchmarkRecorders(b *testing.B) {
	for name, m := range map[string]*Metrics{"on": newOn(), "off": New(Options{ModelName: "m"})} {
		requests, audio, hops := m.Requests(), m.Audio(2, 0), m.Transfer(1, 0, 2, 0)
		route := m.HTTP().Route("/v1/models")
		inner, finished := m.Engine(0, 0), finishedRequest(Stop)
		for call, f := range map[string]func(){
			"Ended":   func() { requests.Ended(Stop, time.Second, "r") },
			"Played":  func() { audio.Played(time.Millisecond, LateProduction) },
			"Hop":     func() { hops.Hop(1600, 1000, 1000, 1000) },
			"Output":  func() { inner.Output(time.Millisecond) },
			"Stepped": func() { inner.Stepped(Step{Tokens: 8, Estimate: Estimate{1, 2, 3}}) },
			"Done":    func() { inner.Finished(finished) },
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

// BenchmarkPageOfSixEngines is what a scrape costs once the engines' pages are
// here: the page of a server without engines, with six that have been read, and
// all of it, the reading included.
func BenchmarkPageOfSixEngines(b *testing.B) {
	theirs, err := os.ReadFile("testdata/engines/vllm.txt")
	if err != nil {
		b.Fatal(err)
	}
	m := newOn()
	useAll(m)
	pages := make([]*merge.Page, 6)
	for i := range pages {
		pages[i] = new(merge.Page)
	}
	read := func() {
		for i, p := range pages {
			p.Read(theirs, merge.Source{ModelName: "m", Stage: 0, Replica: i + 1}, merge.EngineFamilies)
		}
	}
	read()
	for _, format := range []struct {
		name string
		open bool
	}{{"text", false}, {"OpenMetrics", true}} {
		for name, write := range map[string]func(io.Writer){
			"local alone":  func(w io.Writer) { m.write(w, format.open, nil) },
			"engines read": func(w io.Writer) { m.write(w, format.open, pages) },
			"all":          func(w io.Writer) { read(); m.write(w, format.open, pages) },
		} {
			b.Run(format.name+"/"+name, func(b *testing.B) {
				var size counter
				write(&size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					write(io.Discard)
				}
			})
		}
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
