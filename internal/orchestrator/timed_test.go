package orchestrator

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
)

// Stages, hops and clients that take a known time of a test's own clock.

// hand is a stage's one worker: it does one thing at a time, for whoever comes.
type hand chan struct{}

func newHand() hand { return make(hand, 1) }

// work takes d for the request, once it is its turn.
func (h hand) work(t *turn, d time.Duration) {
	h <- struct{}{}
	time.Sleep(d)
	t.X.Worked(d)
	<-h
}

// timedSay gives n tokens, each of which takes d.
func timedSay(h hand, n int, d time.Duration) script {
	return func(t *turn, req engine.Request) {
		for i := range n {
			h.work(t, d)
			out := engine.Output{Text: "x", Tokens: []int32{1}}
			if req.Handover {
				out.Payload = rows(1)
			}
			if i == n-1 {
				out.Finish = engine.FinishStop
			}
			if !t.Give(out) {
				return
			}
		}
	}
}

// timedMap makes an output of each payload, or of each token of a prompt; each
// takes d.
func timedMap(h hand, d time.Duration, out func() engine.Payload) script {
	return func(t *turn, req engine.Request) {
		for range req.Tokens {
			h.work(t, d)
			if !t.Give(engine.Output{Payload: out()}) {
				return
			}
		}
		for req.Tokens == nil {
			if _, ok := t.Next(); !ok {
				break
			}
			h.work(t, d)
			if !t.Give(engine.Output{Payload: out()}) {
				return
			}
		}
		t.Give(engine.Output{Finish: engine.FinishStop})
	}
}

func timedFrames() engine.Payload { return frames(4) }
func timedSound() engine.Payload  { return sound(480) } // 20 ms

// far is a connector whose payloads take d to cross.
type far struct {
	connector.Connector
	d time.Duration
}

func (c far) Open(edge connector.Edge, id string) (connector.Link, error) {
	l, err := c.Connector.Open(edge, id)
	return farLink{l, c.d}, err
}

type farLink struct {
	connector.Link
	d time.Duration
}

func (l farLink) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	p, hop, err := l.Link.Recv(ctx)
	if err == nil {
		time.Sleep(l.d)
		hop.InFlight += l.d
		hop.Ready = time.Now()
	}
	return p, hop, err
}

// consumer is a server's handler and its client: how long the request is read,
// each event is encoded, and each write takes.
type consumer struct {
	receive, encode, write time.Duration
	whole                  bool // one write at the end
}

// use sends a request and serves its reply to the end.
func (h *house) use(t *testing.T, c consumer, req Request) Receipt {
	t.Helper()
	req.ID, req.Arrived, req.Streamed, req.Sampling = "r", time.Now(), !c.whole, make([]engine.Sampling, 3)
	if req.Tokens == nil {
		req.Tokens = []int32{1, 2, 3}
	}
	time.Sleep(c.receive)
	r, err := h.Submit(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write := func() {
		time.Sleep(c.encode)
		r.Writing()
		time.Sleep(c.write)
	}
	for {
		ev, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Error(err)
			return Receipt{}
		}
		if !c.whole {
			r.AudioWritten(len(ev.Samples), ev.Rate)
			write()
		}
	}
	if c.whole {
		write()
	}
	r.Finish()
	return r.Receipt()
}

// late is an engine whose last output somebody sits on for d, which nobody
// writes down.
type late struct {
	engine.Engine
	d time.Duration
}

func (e late) Start(req engine.Request) (engine.Stream, error) {
	s, err := e.Engine.Start(req)
	return lateStream{s, e.d}, err
}

type lateStream struct {
	engine.Stream
	d time.Duration
}

func (s lateStream) Recv(ctx context.Context) (engine.Output, error) {
	out, err := s.Stream.Recv(ctx)
	if out.Finish != "" {
		time.Sleep(s.d)
	}
	return out, err
}
