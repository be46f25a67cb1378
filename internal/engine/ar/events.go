package ar

import (
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
)

// Listener is told what happens inside an engine, when it happens, on the
// engine's goroutine: its functions must not wait, and must not keep what they
// are pointed to. Nil functions are not called. An engine without a listener
// does the same work and pays nothing for it.
//
// In the life of a request come, in this order: Admitted once; Preempted and
// Token any number of times; Ended once. A request that ends before it was
// admitted has Ended alone. What a step brought about is told before its Stepped.
type Listener struct {
	// Admitted tells that a request got its first blocks and its first rows are
	// in the step to come. Looking up its prompt in the prefix cache belongs to
	// this event: LookedUp and CachedTokens are set. A request that comes back
	// after a preemption is not told again.
	Admitted func(l *Life)
	// Token tells that a request chose a token: first says that it is the
	// request's first one, for which gap is the time since its arrival; for each
	// later one, gap is the time since the one before. A token that was chosen
	// before a preemption is not told again.
	Token func(l *Life, first bool, gap time.Duration)
	// Preempted tells that a running request lost its blocks and waits again.
	Preempted func(l *Life)
	// Ended tells that a request ended and holds nothing any more. Stop, length
	// and repetition are natural ends; abort is a client that left, which vLLM's
	// families do not count; error is a request, or an engine, that failed.
	Ended func(l *Life, reason engine.FinishReason)
	// Stepped tells of each executed step.
	Stepped func(s *Step)
	// BlockEvicted tells that a sampled KV block is about to get other content.
	BlockEvicted func(b *BlockLife)
}

// Life is what an engine knows of one request as far as it has come. Times are
// of one monotonic clock, and zero for what has not happened. Tokens that one
// step brought have one time, taken when the step's work was done.
type Life struct {
	// Request is what was asked: Sampling.MaxTokens, Group and so on.
	Request *engine.Request
	// Arrived is the request's arrival at the server or, behind the first stage,
	// its first hand-over to this one.
	Arrived time.Time
	// Queued is when the engine took the request in, Scheduled when its first
	// rows were, which later preemptions do not change.
	Queued, Scheduled time.Time
	// FirstToken and LastToken are when the first and the newest token were chosen.
	FirstToken, LastToken time.Time
	// Ended is when the request ended.
	Ended time.Time
	// PromptTokens is the length of the prompt, the talker's being the rows of
	// its prefill; it is known from Admitted on. CachedTokens of them came from
	// the prefix cache when the request was admitted: the rest was computed.
	PromptTokens, CachedTokens int
	// LookedUp is the number of tokens that were looked up in the prefix cache:
	// PromptTokens, or 0 if there is no cache.
	LookedUp int
	// Generated counts the tokens chosen, an end-of-sequence token among them;
	// the talker's tokens are its codes of group 0.
	Generated int
	// Preemptions counts how often the request lost its blocks.
	Preemptions int
}

// Step describes one executed step.
type Step struct {
	// Began is when the step was scheduled, Took how long it worked.
	Began time.Time
	Took  time.Duration
	// Prefill and Decode are the step's work, by vLLM's division: a request is
	// prefilled in the step that schedules it first and in each that computes
	// more than one row of it.
	Prefill, Decode Work
	// Outputs is the number of requests that chose a token, each one token.
	Outputs int
	// PromptTokens is the number of prompt tokens that had been computed, and not
	// found in the prefix cache, for the requests whose first token is among
	// Outputs. vLLM's tokens of an iteration are PromptTokens and Outputs
	// together; a step without outputs is no iteration.
	PromptTokens int
	// State is the engine's after the step, without the requests that it ended.
	State State
}

// Sequences is the number of requests that the step computed rows of.
func (s *Step) Sequences() int { return s.Prefill.Requests + s.Decode.Requests }

// Work sums up a part of a step as the estimates of operations and bytes need it.
type Work struct {
	// Requests is the number of requests.
	Requests int
	// Rows sums their new rows, n. Context sums the positions c that they have
	// with these, and Products sums n*c.
	Rows, Context, Products int
}

// add counts in a request with n new rows and c positions with these.
func (w *Work) add(n, c int) {
	w.Requests++
	w.Rows += n
	w.Context += c
	w.Products += n * c
}

// State is how an engine is doing at one instant.
type State struct {
	// Running counts the requests that hold KV blocks.
	Running int
	// Waiting counts those that could run and wait for a place or for blocks,
	// Deferred those that cannot run yet: a talker's whose text has not come.
	// vLLM's waiting requests are both together.
	Waiting, Deferred int
	// FreeBlocks are the KV blocks that hold nothing of a running request; what
	// they may hold for later requests does not count. Blocks are all there are.
	FreeBlocks, Blocks int
}

// wait counts in a sequence that does not run.
func (s *State) wait(seq *sequence) {
	if seq.program.rows() > seq.decided {
		s.Waiting++
	} else {
		s.Deferred++
	}
}

// BlockLife is the life of a sampled KV block's content.
type BlockLife struct {
	// Lifetime is the time since the block was given out, Idle since it was last
	// found in the prefix cache or, if it never was, since it was given out.
	Lifetime, Idle time.Duration
	// Reuse holds the times between its last successive findings, of which the
	// newest four are known.
	Reuse []time.Duration
}

// listeners tell each of several listeners.
type listeners []Listener

func (ls listeners) admitted(l *Life) {
	for i := range ls {
		if f := ls[i].Admitted; f != nil {
			f(l)
		}
	}
}

func (ls listeners) token(l *Life, first bool, gap time.Duration) {
	for i := range ls {
		if f := ls[i].Token; f != nil {
			f(l, first, gap)
		}
	}
}

func (ls listeners) preempted(l *Life) {
	for i := range ls {
		if f := ls[i].Preempted; f != nil {
			f(l)
		}
	}
}

func (ls listeners) ended(l *Life, reason engine.FinishReason) {
	for i := range ls {
		if f := ls[i].Ended; f != nil {
			f(l, reason)
		}
	}
}

func (ls listeners) stepped(s *Step) {
	for i := range ls {
		if f := ls[i].Stepped; f != nil {
			f(s)
		}
	}
}

func (ls listeners) blockEvicted(b *BlockLife) {
	for i := range ls {
		if f := ls[i].BlockEvicted; f != nil {
			f(b)
		}
	}
}
