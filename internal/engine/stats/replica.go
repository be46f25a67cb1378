package stats

import (
	"sync/atomic"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/metrics"
)

// Replica records what happens inside one replica. The methods of a nil one do
// nothing.
type Replica struct {
	reporter  *Reporter
	recorder  *metrics.EngineRecorder
	shape     *Shape // nil without estimates
	stage, id int
	name      string // of the stage
	interval  interval
	engine    atomic.Pointer[ar.Engine] // nil until Watch
	active    bool                      // the last interval had a throughput; the reporter's alone
}

// Listener tells an engine whom to tell what.
func (r *Replica) Listener() ar.Listener {
	if r == nil {
		return ar.Listener{}
	}
	return ar.Listener{
		Admitted:     r.admitted,
		Token:        r.token,
		Preempted:    r.preempted,
		Ended:        r.ended,
		Stepped:      r.stepped,
		BlockEvicted: r.blockEvicted,
	}
}

// Watch makes the page and the log read the engine's state, and shows its
// configuration, of which blocks is the configured number of KV blocks, 0 for
// none. The engine is the one that has the replica's Listener.
func (r *Replica) Watch(e *ar.Engine, blocks int) {
	if r == nil {
		return
	}
	r.engine.Store(e)
	r.reporter.metrics.ObserveEngine(r.stage, r.id, func() metrics.EngineState {
		s := e.State()
		return metrics.EngineState{
			Running: s.Running, Waiting: s.Waiting, Deferred: s.Deferred,
			UsedBlocks: s.Blocks - s.FreeBlocks, Blocks: s.Blocks,
		}
	})
	c := e.Config()
	r.reporter.metrics.ConfigureCache(r.stage, r.id, metrics.CacheConfig{
		BlockSize: c.BlockSize, Blocks: c.Blocks, BlocksOverride: blocks, MemoryBytes: c.KVCacheBytes,
		Dtype: "float32", PrefixCaching: !c.NoPrefixCaching, PrefixHash: "sha256",
	})
}

func (r *Replica) admitted(l *ar.Life) {
	r.recorder.Scheduled(l.LookedUp, l.CachedTokens)
	if l.LookedUp > 0 {
		r.interval.lookedUp(l.LookedUp, l.CachedTokens)
	}
}

func (r *Replica) token(l *ar.Life, first bool, gap time.Duration) {
	if first {
		r.recorder.FirstOutput(l.PromptTokens, l.CachedTokens, gap)
	} else {
		r.recorder.Output(gap)
	}
}

func (r *Replica) preempted(*ar.Life) {
	r.recorder.Preempted()
	r.interval.preempted()
}

func (r *Replica) ended(l *ar.Life, reason engine.FinishReason) {
	if reason == engine.FinishAbort {
		return // as vLLM, which forgets a request whose client left
	}
	f := metrics.FinishedRequest{
		Reason:       metrics.FinishedReason(reason),
		PromptTokens: l.PromptTokens, CachedTokens: l.CachedTokens, Generated: l.Generated,
		MaxTokens: l.Request.Sampling.MaxTokens,
		Arrived:   l.Arrived, Queued: l.Queued, Scheduled: l.Scheduled,
		FirstToken: l.FirstToken, LastToken: l.LastToken, Ended: l.Ended,
	}
	if longest, last := l.Request.Group.Ended(l.Generated); last {
		f.Choices, f.Longest = l.Request.Group.N(), longest
	}
	r.recorder.Finished(f)
}

func (r *Replica) stepped(s *ar.Step) {
	step := metrics.Step{Tokens: s.Outputs, Prompt: s.PromptTokens}
	if r.shape != nil {
		step.Estimate = r.shape.Estimate(s.Prefill, s.Decode)
	}
	r.recorder.Stepped(step)
	r.interval.stepped(step)
}

func (r *Replica) blockEvicted(b *ar.BlockLife) { r.recorder.BlockEvicted(b.Lifetime, b.Idle, b.Reuse) }
