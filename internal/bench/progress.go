package bench

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Bar shows a run's progress with its live rates. It implements Progress.
type Bar struct {
	bar   *progressbar.ProgressBar
	began time.Time
	timed time.Duration

	mu      sync.Mutex // guards the fields below
	running int
	done    int
	failed  int
	audio   float64 // seconds
}

// NewBar makes a bar of n requests, or of a duration if that is positive.
func NewBar(w io.Writer, n int, d time.Duration) *Bar {
	b := &Bar{began: time.Now(), timed: d}
	total := n
	if d > 0 {
		total = int(d / time.Second)
	}
	b.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(24), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish())
	return b
}

// Started implements Progress.
func (b *Bar) Started() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running++
}

// Ended implements Progress.
func (b *Bar) Ended(r *Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	b.done++
	if r.Outcome == Failed {
		b.failed++
	}
	b.audio += r.Duration().Seconds()
	seconds := time.Since(b.began).Seconds()
	b.bar.Describe(fmt.Sprintf("%d running, %.1f req/s, %.1f s audio/s, %d failed", b.running, float64(b.done)/seconds, b.audio/seconds, b.failed))
	at := b.done
	if b.timed > 0 {
		at = min(int(seconds), int(b.timed/time.Second))
	}
	_ = b.bar.Set(at) // a bar that can't be drawn is no reason to stop
}

// Finish takes the bar away.
func (b *Bar) Finish() { _ = b.bar.Finish() }
