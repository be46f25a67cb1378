// Package stats records what happens inside the replicas of autoregressive
// stages: vLLM's engine families, the estimates of operations and bytes, and
// the periodic lines of the log.
package stats

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/metrics"
)

// Every is the time from one line of a replica to the next.
const Every = 10 * time.Second

// Reporter writes a line about each replica to the log every ten seconds: at the
// level info while it has a throughput and once after that, and at debug
// otherwise. The methods of a nil Reporter do nothing, and its replicas are nil.
type Reporter struct {
	metrics *metrics.Metrics
	log     *slog.Logger
	mfu     bool
	last    time.Time // when the interval under way began
	close   sync.Once
	stop    chan struct{}
	stopped chan struct{}

	mu       sync.Mutex // guards replicas
	replicas []*Replica
}

// Start makes a Reporter that records into m. With mfu it estimates operations
// and bytes. It is nil if m has statistics off.
func Start(m *metrics.Metrics, log *slog.Logger, mfu bool) *Reporter {
	if !m.Recording() {
		return nil
	}
	ticker := time.NewTicker(Every)
	r := newReporter(m, log, mfu, time.Now())
	go func() {
		defer ticker.Stop()
		r.run(ticker.C)
	}()
	return r
}

func newReporter(m *metrics.Metrics, log *slog.Logger, mfu bool, now time.Time) *Reporter {
	return &Reporter{metrics: m, log: log, mfu: mfu, stop: make(chan struct{}), stopped: make(chan struct{}), last: now}
}

// run reports at each tick, until Close.
func (r *Reporter) run(ticks <-chan time.Time) {
	defer close(r.stopped)
	for {
		select {
		case now := <-ticks:
			r.report(now)
		case <-r.stop:
			return
		}
	}
}

// Close ends the lines. The replicas go on recording.
func (r *Reporter) Close() {
	if r == nil {
		return
	}
	r.close.Do(func() { close(r.stop) })
	<-r.stopped
}

// Replica begins to record a replica of a stage, of that shape.
func (r *Reporter) Replica(stage int, name string, id int, shape Shape) *Replica {
	if r == nil {
		return nil
	}
	one := &Replica{reporter: r, recorder: r.metrics.Engine(stage, id), stage: stage, name: name, id: id}
	if r.mfu {
		one.shape = &shape
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replicas = append(r.replicas, one)
	return one
}

// report writes a line about each replica for the interval that ends now, and
// forgets those that are closed.
func (r *Reporter) report(now time.Time) {
	r.mu.Lock()
	r.replicas = slices.DeleteFunc(r.replicas, func(one *Replica) bool {
		e := one.engine.Load()
		return e != nil && e.Closed()
	})
	replicas := slices.Clone(r.replicas)
	r.mu.Unlock()
	elapsed := now.Sub(r.last).Seconds()
	r.last = now
	for _, one := range replicas {
		if e := one.engine.Load(); e != nil {
			one.report(e.State(), elapsed)
		}
	}
}

// report takes the interval's counts before it begins the next one, and says
// them in vLLM's words.
func (r *Replica) report(s ar.State, seconds float64) {
	c, hitRate := r.interval.end()
	active := c.prompt > 0 || c.generated > 0
	level := slog.LevelDebug
	if active || r.active {
		level = slog.LevelInfo
	}
	r.active = active
	log := r.reporter.log
	if !log.Enabled(context.Background(), level) {
		return
	}
	prefix := fmt.Sprintf("%s %03d: ", r.name, r.id)
	var b strings.Builder
	fmt.Fprintf(&b, "%sAvg prompt throughput: %.1f tokens/s, Avg generation throughput: %.1f tokens/s, Running: %d reqs, Waiting: %d reqs",
		prefix, float64(c.prompt)/seconds, float64(c.generated)/seconds, s.Running, s.Waiting+s.Deferred)
	if s.Deferred > 0 {
		fmt.Fprintf(&b, ", Deferred: %d reqs", s.Deferred)
	}
	if c.preemptions > 0 {
		fmt.Fprintf(&b, ", Preemptions: %d", c.preemptions)
	}
	fmt.Fprintf(&b, ", GPU KV cache usage: %.1f%%, Prefix cache hit rate: %.1f%%", 100*float64(s.Blocks-s.FreeBlocks)/float64(s.Blocks), 100*hitRate)
	log.Log(context.Background(), level, b.String())
	if e := c.estimate; e != (metrics.Estimate{}) {
		log.Log(context.Background(), level, fmt.Sprintf("%sMFU: %.1f TF/s/GPU %.1f GB/s/GPU", prefix, e.Flops/seconds/1e12, (e.Read+e.Write)/seconds/1e9))
	}
}
