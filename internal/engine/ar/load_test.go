package ar

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
)

// over is a context that has ended: with it Recv takes what is there and never
// waits.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// take reads what a stream has for its reader; done says that it has ended.
func take(s engine.Stream) (outs []engine.Output, done bool) {
	for {
		out, err := s.Recv(over)
		if err != nil {
			return outs, false
		}
		outs = append(outs, out)
		if out.Finish != "" {
			return outs, true
		}
	}
}

// result is what a request comes to: the thinker's tokens or the talker's codes.
type result []int32

func (r *result) add(outs []engine.Output) {
	for _, o := range outs {
		*r = append(*r, o.Tokens...)
		if f, ok := o.Payload.(*engine.Frames); ok {
			*r = append(*r, f.Codes...)
		}
	}
}

// kind is a stage under test.
type kind struct {
	name    string
	model   func() model
	request func(r *rand.Rand) engine.Request
	longest int // positions of the longest request
}

// Few beginnings, so that requests have them in common.
var kinds = []kind{{
	name:  "thinker",
	model: tinyThinker,
	request: func(r *rand.Rand) engine.Request {
		ids := prompt(3 + 12*r.IntN(3))
		for range r.IntN(12) {
			ids = append(ids, int32(30+r.IntN(3)))
		}
		req := engine.Request{Tokens: ids, Sampling: sampled(r.Uint64N(3), 1+r.IntN(30))}
		req.Sampling.IgnoreEOS = r.IntN(2) == 0
		return req
	},
	longest: 80,
}, {
	name:  "talker",
	model: func() model { return newTalker(tiny, Chunks{First: 2, Then: 3}) },
	request: func(r *rand.Rand) engine.Request {
		req := engine.Request{Voice: tiny.Config.Voices()[r.IntN(2)], Sampling: sampled(r.Uint64N(3), 1+r.IntN(25))}
		req.Sampling.IgnoreEOS = r.IntN(3) > 0
		return req
	},
	longest: 36,
}}

// client is a request of the load with all that is known of it.
type client struct {
	*referenced
	req      engine.Request
	stream   engine.Stream
	patience int // it reads once in so many passes
	slowness int // a row of text comes once in so many passes
	text     int // rows of text that are still to be sent to a talker
	said     int // rows sent
	closed   bool
	got      result
	abort    bool
	facts    facts
}

// facts are what listeners were told of a request.
type facts struct {
	admitted, tokens, preempted, ended int
	reason                             engine.FinishReason
	prompt, cached, looked             int
}

// feed sends a talker's request up to n more rows of its text.
func (c *client) feed(n int) {
	width := tiny.Thinker.Decoder().Hidden()
	for ; n > 0 && c.said < c.text; n-- {
		e := &engine.Embeddings{Width: width, Text: make([]float32, width)}
		tiny.Thinker.Embed(e.Text, []int32{int32(20 + c.said%5)})
		if c.said == 0 {
			e.Prompt = make([]float32, 3*width)
			tiny.Thinker.Embed(e.Prompt, tiny.Config.AssistantHead())
		}
		if c.stream.Send(over, e) != nil {
			return // full for now, or over
		}
		c.said++
	}
	if c.said == c.text && !c.closed {
		c.closed = true
		c.stream.CloseSend()
	}
}

// alone is what a request comes to in an engine of its own, without a cache.
func alone(t *testing.T, k kind, req engine.Request, text int) (all result) {
	t.Helper()
	e := assemble(k.model(), Config{NoPrefixCaching: true})
	s, err := e.Start(req)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{stream: s, text: text}
	for range 1000 {
		c.feed(text)
		e.pass()
		outs, done := take(s)
		all.add(outs)
		if done {
			return all
		}
	}
	t.Fatal("the request does not end")
	return nil
}

// TestAnyLoadIsScheduledAsTheReferenceHasIt runs random requests, in random
// company, with random readers, through engines of random sizes.
func TestAnyLoadIsScheduledAsTheReferenceHasIt(t *testing.T) {
	var all facts
	for _, k := range kinds {
		lone := map[string]result{}
		for seed := range uint64(9) {
			t.Run(fmt.Sprint(k.name, seed), func(t *testing.T) {
				f := load(t, k, seed, lone)
				all.preempted += f.preempted
				all.cached += f.cached
			})
		}
	}
	if all.preempted == 0 || all.cached == 0 {
		t.Errorf("%d preemptions and %d cached tokens: the loads were too easy", all.preempted, all.cached)
	}
}

func load(t *testing.T, k kind, seed uint64, lone map[string]result) (sum facts) {
	r := rand.New(rand.NewPCG(seed, 5))
	clients := map[*engine.Request]*client{}
	var told plan
	outputs := 0
	of := func(l *Life) *client {
		if clients[l.Request] == nil {
			t.Fatal("told of a request that nobody made")
		}
		return clients[l.Request]
	}
	cfg := Config{
		MaxSeqs:          2 + r.IntN(6),
		MaxBatchedTokens: 1 + r.IntN(40),
		BlockSize:        1 + r.IntN(8),
		NoPrefixCaching:  r.IntN(4) == 0,
		BlockSampling:    0.5,
		Listeners: []Listener{{
			Admitted: func(l *Life) {
				c := of(l)
				c.facts.admitted++
				c.facts.prompt, c.facts.cached, c.facts.looked = l.PromptTokens, l.CachedTokens, l.LookedUp
				told.admitted = append(told.admitted, c.name, l.CachedTokens)
			},
			Preempted: func(l *Life) {
				of(l).facts.preempted++
				told.preempted = append(told.preempted, of(l).name)
			},
			Token: func(l *Life, first bool, gap time.Duration) {
				c := of(l)
				c.facts.tokens++
				if first != (c.facts.tokens == 1) || l.Generated != c.facts.tokens {
					t.Errorf("token %d of request %d: first %v, generated %d", c.facts.tokens, c.name, first, l.Generated)
				}
			},
			Ended: func(l *Life, reason engine.FinishReason) {
				of(l).facts.ended++
				of(l).facts.reason = reason
			},
			Stepped: func(s *Step) { outputs += s.Outputs },
		}},
	}
	cfg.Blocks = ceilDiv(k.longest, cfg.BlockSize) + 1 + r.IntN(8) // one sequence always fits, several seldom do
	e := assemble(k.model(), cfg)
	ref := newReference(e.cfg)
	var live []*client
	made := 0
	const requests = 14
	for pass := 0; made < requests || len(live) > 0; pass++ {
		if pass > 5000 {
			t.Fatalf("%d requests do not end", len(live))
		}
		for made < requests && r.IntN(2) == 0 {
			c := &client{referenced: &referenced{name: made}, req: k.request(r), patience: []int{1, 3, 100}[r.IntN(3)]}
			if c.req.Tokens == nil {
				c.text, c.slowness = 1+r.IntN(8), 1+r.IntN(20)
			}
			var err error
			if c.stream, err = e.Start(c.req); err != nil {
				t.Fatal(err)
			}
			c.seq = e.arrived[len(e.arrived)-1]
			clients[&c.seq.req] = c
			ref.waiting = append(ref.waiting, c.referenced)
			live = append(live, c)
			made++
		}
		for _, c := range live {
			if c.text > 0 && r.IntN(c.slowness) == 0 {
				c.feed(1)
			}
			if r.IntN(150) == 0 {
				c.abort = c.seq.finished == "" // or else it has ended already
				c.stream.Abort()
			}
		}
		e.collect()
		for _, list := range [][]*referenced{slices.Clone(ref.running), slices.Clone(ref.waiting)} {
			for _, q := range list {
				if q.seq.Aborted() {
					ref.remove(q)
				}
			}
		}
		known := map[int]int{}
		for _, q := range slices.Concat(ref.running, ref.waiting) {
			q.room = q.seq.Room()
			known[q.name] = q.known()
		}
		want := ref.plan()
		told = plan{rows: map[int]int{}}
		worked := e.schedule()
		for _, s := range e.batch {
			told.rows[of(&s.life).name] = s.scheduled
		}
		if !maps.Equal(told.rows, want.rows) || !slices.Equal(told.admitted, want.admitted) || !slices.Equal(told.preempted, want.preempted) {
			t.Fatalf("pass %d: the engine plans %+v, the reference %+v", pass, told, *want)
		}
		if err := ref.check(e); err != nil {
			t.Fatalf("pass %d, scheduled: %v", pass, err)
		}
		if worked {
			e.step()
			ref.executed(want, known)
			for _, q := range slices.Clone(ref.running) {
				if q.seq.finished != "" {
					ref.remove(q)
				}
			}
		}
		if err := ref.check(e); err != nil {
			t.Fatalf("pass %d, executed: %v", pass, err)
		}
		live = slices.DeleteFunc(live, func(c *client) bool {
			if c.abort {
				return true
			}
			if r.IntN(c.patience) > 0 {
				return false // it does not read now
			}
			outs, done := take(c.stream)
			c.got.add(outs)
			return done
		})
	}
	e.collect()
	if s := e.publish(); s != (State{FreeBlocks: cfg.Blocks, Blocks: cfg.Blocks}) {
		t.Errorf("idle, the engine is %+v", s)
	}
	for _, c := range clients {
		f := c.facts
		sum.preempted += f.preempted
		sum.cached += f.cached
		sum.tokens += f.tokens
		if f.ended != 1 || f.admitted > 1 {
			t.Errorf("request %d was admitted %d times and ended %d times", c.name, f.admitted, f.ended)
		}
		looked := f.prompt
		if cfg.NoPrefixCaching {
			looked = 0
		}
		if f.cached%cfg.BlockSize != 0 || f.admitted > 0 && f.cached >= f.prompt || f.looked != looked {
			t.Errorf("request %d: %d of %d prompt tokens were cached, %d looked up", c.name, f.cached, f.prompt, f.looked)
		}
		if c.abort {
			if f.reason != engine.FinishAbort {
				t.Errorf("request %d was aborted and ended as %s", c.name, f.reason)
			}
			continue
		}
		key := fmt.Sprint(c.req, c.text)
		if lone[key] == nil {
			lone[key] = alone(t, k, c.req, c.text)
		}
		if !slices.Equal(c.got, lone[key]) {
			t.Errorf("request %d: %d tokens or codes that are not those it has alone", c.name, len(c.got))
		}
	}
	if outputs != sum.tokens {
		t.Errorf("steps told of %d outputs, requests of %d tokens", outputs, sum.tokens)
	}
	return sum
}
