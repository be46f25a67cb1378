package pipeline

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// host runs stages at an address of this machine until the test ends.
func host(t *testing.T, o Options, stages ...string) (*Host, string) {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	h, err := NewHost(o, stages, nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- h.Serve(listener) }()
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if n := h.Requests(); n != 0 {
			t.Errorf("the host still works for %d requests", n)
		}
	})
	return h, listener.Addr().String()
}

func TestRequestIsTheSameWhereverItsStagesRun(t *testing.T) {
	const n = 4
	short := func(p *Pipeline, i int) orchestrator.Request {
		r := request(p, i)
		for k := range r.Sampling {
			r.Sampling[k].MaxTokens = 8 * (k + 1)
		}
		return r
	}
	type result struct {
		tokens  []int32
		samples []float32
		reason  engine.FinishReason
	}
	here, _ := start(t, Options{})
	var want []result
	for i := range n {
		var r result
		r.tokens, r.samples, r.reason = ask(t, here, short(here, i))
		want = append(want, r)
	}
	_, text := host(t, Options{}, "thinker")
	_, speech := host(t, Options{Replicas: map[string]int{"talker": 2}}, "talker", "code2wav")
	for what, peers := range map[string][]Peer{
		"speech":     {{Stages: []string{"talker", "code2wav"}, Address: speech}},
		"all stages": {{Stages: []string{"thinker"}, Address: text}, {Stages: []string{"code2wav", "talker"}, Address: speech}},
		"the middle": {{Stages: []string{"talker"}, Address: speech}},
	} {
		p, _ := start(t, Options{Peers: peers, Gather: what == "all stages"})
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				tokens, samples, reason := ask(t, p, short(p, i))
				w := want[i]
				if !slices.Equal(tokens, w.tokens) || !slices.Equal(samples, w.samples) || reason != w.reason {
					t.Errorf("%s at a peer, request %d: %d tokens, %d samples, %s; here %d, %d, %s", what, i, len(tokens), len(samples), reason, len(w.tokens), len(w.samples), w.reason)
				}
			})
		}
		all.Wait()
	}
}

func TestPeerThatDoesNotFitIsAClearError(t *testing.T) {
	_, at := host(t, Options{}, "talker")
	_, other := host(t, Options{Model: setA}, "talker", "code2wav")
	for want, o := range map[string]Options{
		"peer " + at + ": it does not run stage code2wav, only talker":        {Peers: []Peer{{Stages: []string{"talker", "code2wav"}, Address: at}}},
		"peer " + other + ": it runs another model: " + setA:                  {Peers: []Peer{{Stages: []string{"talker"}, Address: other}}},
		`peer x:1: unknown stage "voice"; the stages are thinker, talker, co`: {Peers: []Peer{{Stages: []string{"voice"}, Address: "x:1"}}},
		`peer x:1: which stages does it run?`:                                 {Peers: []Peer{{Address: "x:1"}}},
	} {
		o.Log = slog.New(slog.DiscardHandler)
		p, err := New(o)
		if err == nil {
			p.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v\nwant %s", err, want)
		}
	}
}

func TestHostFinishesWhatItHasBeforeItStops(t *testing.T) {
	h, at := host(t, Options{}, "talker", "code2wav")
	p, _ := start(t, Options{Peers: []Peer{{Stages: []string{"talker", "code2wav"}, Address: at}}})
	req := request(p, 1)
	req.Final, req.Text = Code2Wav, true
	reply, err := p.Orchestrator.Submit(req)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Close()
	for { // until sound comes the request may not have reached the host
		ev, err := reply.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(ev.Samples) > 0 {
			break
		}
	}
	stopped := make(chan error)
	go func() { stopped <- h.Shutdown(context.Background()) }()
	var finish engine.FinishReason
	for {
		ev, err := reply.Next(t.Context())
		if err != nil {
			break
		}
		finish = ev.Finish
	}
	if finish == "" {
		t.Error("the request did not finish")
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
