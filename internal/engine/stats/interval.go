package stats

import (
	"sync"

	"github.com/limelight-omni/limelight/metrics"
)

// windowRequests is how many of the newest requests the prefix cache's hit rate
// in the log is of.
const windowRequests = 1000

// interval counts what happened in a replica since the last line of the log.
type interval struct {
	mu     sync.Mutex // guards the fields below; held for a few additions only
	counts counts
	window window
}

// counts are an interval's totals.
type counts struct {
	prompt, generated int // tokens: of prompts, as far as they were computed, and generated
	preemptions       int
	estimate          metrics.Estimate
}

func (i *interval) stepped(s metrics.Step) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.counts.prompt += s.Prompt
	i.counts.generated += s.Tokens
	i.counts.estimate = i.counts.estimate.Plus(s.Estimate)
}

func (i *interval) preempted() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.counts.preemptions++
}

func (i *interval) lookedUp(tokens, found int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.window.add(lookup{tokens, found})
}

// end returns what the interval counted, with the hit rate of the window, and
// begins the next one.
func (i *interval) end() (c counts, hitRate float64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c, i.counts = i.counts, counts{}
	return c, i.window.rate()
}

// window keeps the newest lookups in the prefix cache, one a request.
type window struct {
	ring  [windowRequests]lookup
	next  int
	total lookup
}

// lookup counts tokens that were looked up, and those of them that were found.
type lookup struct{ tokens, found int }

func (w *window) add(l lookup) {
	oldest := &w.ring[w.next]
	w.total.tokens += l.tokens - oldest.tokens
	w.total.found += l.found - oldest.found
	*oldest = l
	w.next = (w.next + 1) % len(w.ring)
}

// rate is the share of tokens that were found; 0 if none was looked up.
func (w *window) rate() float64 {
	if w.total.tokens == 0 {
		return 0
	}
	return float64(w.total.found) / float64(w.total.tokens)
}
