package metrics

import (
	"fmt"
	"io"
	"math"
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
	m.write(&size, textFormat, nil)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		m.write(io.Discard, textFormat, nil)
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
		as   format
	}{{"text", textFormat}, {"OpenMetrics", openFormat}, {"protobuf", protobufFormat}} {
		for name, write := range map[string]func(io.Writer){
			"local alone":  func(w io.Writer) { m.write(w, format.as, nil) },
			"engines read": func(w io.Writer) { m.write(w, format.as, pages) },
			"all":          func(w io.Writer) { read(); m.write(w, format.as, pages) },
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

// BenchmarkNative is what the native form costs beside the classic one: for one
// observation, for the three of a hop, and for all of a request that ended.
func BenchmarkNative(b *testing.B) {
	for name, m := range map[string]*Metrics{"classic": newOn(), "both": withNative(Options{})} {
		useAll(m)
		inner, hops, finished := m.Engine(0, 0), m.Transfer(1, 0, 2, 1), finishedRequest(Stop)
		for call, f := range map[string]func(){
			"Output": func() { inner.Output(12 * time.Millisecond) },
			"Hop":    func() { hops.Hop(1600, 1e6, 2e6, 3e6) },
			"Done":   func() { inner.Finished(finished) },
		} {
			b.Run(call+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
		b.Run("Output in parallel/"+name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					inner.Output(12 * time.Millisecond)
				}
			})
		})
	}
}

// BenchmarkPageWithNative writes pages of a server whose every time has been
// observed a thousand times, over three powers of ten.
func BenchmarkPageWithNative(b *testing.B) {
	for name, m := range map[string]*Metrics{"classic": newOn(), "both": withNative(Options{})} {
		useAll(m)
		for i := range 1000 {
			observeEverywhere(m, time.Duration(float64(5*time.Millisecond)*math.Pow(10, float64(i%100)/33)))
		}
		for format, as := range map[string]format{"text": textFormat, "protobuf": protobufFormat} {
			b.Run(name+"/"+format, func(b *testing.B) {
				var size counter
				m.write(&size, as, nil)
				b.ReportAllocs()
				for b.Loop() {
					m.write(io.Discard, as, nil)
				}
				b.ReportMetric(float64(size), "page-bytes")
			})
		}
	}
}

// observeEverywhere observes d in every child of every histogram of times.
func observeEverywhere(m *Metrics, d time.Duration) {
	m.Requests().Ended(Stop, d, "r")
	m.Attribution().Spent(RequestTimes{Receive: d, Admission: d, Encode: d, Write: d, Residual: d})
	for id := range 2 {
		a := m.Audio(2, id)
		a.FirstPacket(d, "r")
		a.Finished(24000, 24000, d)
		a.Played(d, LateProduction)
		a.ChunkInterval(d)
		m.Replica(2, id).Spent(StageTimes{Hop: d, Queue: d, Work: d}, false)
		m.Replica(2, id).FirstOutput(d)
		m.Transfer(1, 0, 2, id).Hop(1600, d, d, d)
	}
	m.Transfer(0, 0, 1, 0).Hop(1600, d, d, d)
	at := time.Unix(0, 0)
	for stage := range 2 {
		m.Replica(stage, 0).Spent(StageTimes{Hop: d, Queue: d, Work: d}, stage == 0)
		m.Replica(stage, 0).FirstOutput(d)
		e := m.Engine(stage, 0)
		e.FirstOutput(10, 0, d)
		e.Output(d)
		e.Finished(FinishedRequest{Reason: Stop, PromptTokens: 10, Generated: 2, Arrived: at, Queued: at, Scheduled: at.Add(d),
			FirstToken: at.Add(2 * d), LastToken: at.Add(3 * d), Ended: at.Add(4 * d)})
	}
	m.HTTP().Route("/v1/chat/completions").Observe("POST", 200, 0, 0, d)
}

func BenchmarkExemplars(b *testing.B) {
	for name, m := range map[string]*Metrics{"on": withExemplars(), "off": newOn(), "on, native": withNative(Options{Exemplars: true})} {
		requests := m.Requests()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				requests.Ended(Stop, time.Second, "0123456789abcdef0123456789abcdef")
			}
		})
	}
}
