package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// EngineRecorder records what happens inside one replica of an autoregressive
// stage. Its methods allocate nothing and may be called from any goroutine;
// those of a nil one do nothing.
type EngineRecorder struct {
	queries, hits                       prometheus.Counter
	preemptions                         prometheus.Counter
	prompt, computed, found, cached     prometheus.Counter
	generated                           prometheus.Counter
	iteration                           prometheus.Observer
	ends                                map[FinishedReason]prometheus.Counter // complete from the start, never written again
	promptLength, generatedLength       prometheus.Observer
	longest, choices, maxTokens         prometheus.Observer
	computedLength                      prometheus.Observer
	firstToken, tokenGap, perToken, e2e prometheus.Observer
	queue, inference, prefill, decode   prometheus.Observer
	estimates                           *estimateCounters // nil without --enable-mfu-metrics
	blocks                              *blockHistograms  // nil without --kv-cache-metrics
}

// Step is one executed step of an engine.
type Step struct {
	// Tokens is the number of tokens that the step chose, one for each request
	// that had an output.
	Tokens int
	// Prompt is the number of computed prompt tokens of the requests whose first
	// output was among these.
	Prompt int
	// Estimate is what the step cost by the model's shape; zero if nobody
	// estimates it.
	Estimate Estimate
}

// Estimate counts floating-point operations, and bytes read from memory and
// written to it.
type Estimate struct{ Flops, Read, Write float64 }

// Plus adds two estimates up.
func (e Estimate) Plus(other Estimate) Estimate {
	return Estimate{e.Flops + other.Flops, e.Read + other.Read, e.Write + other.Write}
}

// FinishedRequest is a request that a replica is done with. All times are of
// one clock; what has not happened is zero, and is not observed.
type FinishedRequest struct {
	Reason FinishedReason
	// PromptTokens is the prompt's length, of which CachedTokens were found in
	// the prefix cache; Generated counts its tokens.
	PromptTokens, CachedTokens, Generated int
	// MaxTokens is the parameter; 0 if there is no bound.
	MaxTokens int
	// Arrived is when the request came to the server or, behind the first stage,
	// to the stage; Queued when the replica took it in; Scheduled its first step;
	// FirstToken and LastToken when these were chosen; Ended its end.
	Arrived, Queued, Scheduled, FirstToken, LastToken, Ended time.Time
	// Choices is n if the request is the last of its client request's choices to
	// finish, and 0 if others are left; Longest is then the number of tokens of
	// the longest of them.
	Choices, Longest int
}

// Scheduled records that a request is in a step for the first time: so many
// tokens of its prompt were looked up in the prefix cache, and so many found.
// Both are 0 without a cache.
func (r *EngineRecorder) Scheduled(queries, hits int) {
	if r == nil {
		return
	}
	r.queries.Add(float64(queries))
	r.hits.Add(float64(hits))
}

// FirstOutput records a request's first token, ttft after its arrival. Of its
// prompt tokens, cached ones came from the prefix cache.
func (r *EngineRecorder) FirstOutput(prompt, cached int, ttft time.Duration) {
	if r == nil {
		return
	}
	r.prompt.Add(float64(prompt))
	r.computed.Add(float64(prompt - cached))
	r.found.Add(float64(cached))
	r.cached.Add(float64(cached))
	r.firstToken.Observe(max(0, ttft).Seconds())
}

// Output records a later token of a request, gap after the one before.
func (r *EngineRecorder) Output(gap time.Duration) {
	if r == nil {
		return
	}
	r.tokenGap.Observe(max(0, gap).Seconds())
}

// Preempted records that a running request lost its KV blocks.
func (r *EngineRecorder) Preempted() {
	if r == nil {
		return
	}
	r.preemptions.Inc()
}

// Stepped records an executed step.
func (r *EngineRecorder) Stepped(s Step) {
	if r == nil {
		return
	}
	if s.Tokens > 0 {
		r.generated.Add(float64(s.Tokens))
		r.iteration.Observe(float64(s.Prompt + s.Tokens))
	}
	if r.estimates != nil {
		r.estimates.add(s.Estimate)
	}
}

// Finished records a request that the replica is done with. Of an aborted one
// it records nothing, as vLLM. A reason outside the closed set counts as an
// error.
func (r *EngineRecorder) Finished(f FinishedRequest) {
	if r == nil || f.Reason == Abort {
		return
	}
	end, known := r.ends[f.Reason]
	if !known {
		end = r.ends[Error]
	}
	end.Inc()
	r.promptLength.Observe(float64(f.PromptTokens))
	r.generatedLength.Observe(float64(f.Generated))
	r.computedLength.Observe(float64(f.PromptTokens - f.CachedTokens))
	if f.MaxTokens > 0 {
		r.maxTokens.Observe(float64(f.MaxTokens))
	}
	if f.Choices > 0 {
		r.choices.Observe(float64(f.Choices))
		r.longest.Observe(float64(f.Longest))
	}
	r.e2e.Observe(between(f.Arrived, f.Ended))
	if !f.Scheduled.IsZero() {
		r.queue.Observe(between(f.Queued, f.Scheduled))
	}
	if f.FirstToken.IsZero() {
		return
	}
	decode := between(f.FirstToken, f.LastToken)
	r.prefill.Observe(between(f.Scheduled, f.FirstToken))
	r.decode.Observe(decode)
	r.inference.Observe(between(f.Scheduled, f.LastToken))
	if f.Generated > 1 {
		r.perToken.Observe(decode / float64(f.Generated-1))
	} else {
		r.perToken.Observe(0)
	}
}

// between is the time from a to b in seconds.
func between(a, b time.Time) float64 { return max(0, b.Sub(a)).Seconds() }

// BlockEvicted records that a sampled KV block gets other content: the time
// since it was allocated, the time since it was last used, and those between
// its last prefix hits.
func (r *EngineRecorder) BlockEvicted(lifetime, idle time.Duration, reuse []time.Duration) {
	if r == nil || r.blocks == nil {
		return
	}
	r.blocks.lifetime.Observe(lifetime.Seconds())
	r.blocks.idle.Observe(idle.Seconds())
	for _, gap := range reuse {
		r.blocks.reuse.Observe(gap.Seconds())
	}
}

type estimateCounters struct{ flops, read, write prometheus.Counter }

func (c *estimateCounters) add(e Estimate) {
	c.flops.Add(e.Flops)
	c.read.Add(e.Read)
	c.write.Add(e.Write)
}

type blockHistograms struct{ lifetime, idle, reuse prometheus.Observer }
