package dashboard

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/metrics"
)

// pipeline is the registry of a pipeline that has worked: n replicas of each of
// three stages, every hop between them, and ends of all kinds.
func pipeline(n int) *metrics.Metrics {
	m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, LongestSequence: 32768, Stages: []metrics.StageInfo{
		{ID: 0, Replicas: n, AR: true}, {ID: 1, Replicas: n, AR: true}, {ID: 2, Replicas: n, Audio: true},
	}})
	for from := range n {
		m.Engine(0, from)
		m.Engine(1, from)
		for to := range n {
			m.Transfer(0, from, 1, to).Hop(1000, time.Millisecond, time.Millisecond, time.Millisecond)
			m.Transfer(1, from, 2, to).Hop(1000, time.Millisecond, time.Millisecond, time.Millisecond)
		}
	}
	return m
}

// BenchmarkStep is one look of the page at its own server's registry, and
// BenchmarkState what the first viewer after it costs; further ones cost nothing.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprintf("replicas=%d", n), func(b *testing.B) {
			m := pipeline(n)
			board := New(Options{Source: Own{m}, Objectives: objective.Default().Objectives})
			b.ReportAllocs()
			before, _ := cpuSeconds()
			for b.Loop() {
				board.step(context.Background())
			}
			after, _ := cpuSeconds()
			b.ReportMetric(1e6*(after-before)/float64(b.N), "cpu-µs/op") // whatever else the machine does
		})
	}
}

func BenchmarkState(b *testing.B) {
	for _, n := range []int{1, 4} {
		m := pipeline(n)
		board := New(Options{Source: Own{m}, Objectives: objective.Default().Objectives})
		for range 450 {
			m.Requests().Ended(metrics.Stop, time.Second, "")
			board.step(context.Background())
		}
		for kind, after := range map[string]int64{"whole": 0, "newest": 449} {
			b.Run(fmt.Sprintf("replicas=%d/%s", n, kind), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					board.states = [2]document{}
					d, err := board.state(after)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(len(d.plain)), "plain-B")
					b.ReportMetric(float64(len(d.gzip)), "gzip-B")
				}
			})
		}
	}
}
