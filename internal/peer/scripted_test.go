package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/enginetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type turn = enginetest.Turn

// following is a replica that works by a script and knows a voice that it
// refuses.
func following(script enginetest.Script) *enginetest.Scripted {
	return &enginetest.Scripted{Script: script, Refuse: func(req engine.Request) error {
		if req.Voice == "refused" {
			return errors.New("voice: there is no refused")
		}
		return nil
	}}
}

// echo makes a sound of each payload of frames, one sample a code.
func echo(t *turn, _ engine.Request) {
	for {
		p, ok := t.Next()
		if !ok {
			t.Give(engine.Output{Finish: engine.FinishStop, Usage: engine.Usage{PromptTokens: 7}})
			return
		}
		codes := p.(*engine.Frames).Codes
		samples := make([]float32, len(codes))
		for i, c := range codes {
			samples[i] = float32(c)
		}
		if !t.Give(engine.Output{Payload: &engine.Audio{Samples: samples, Rate: 24000}}) {
			return
		}
	}
}

func frames(codes ...int32) *engine.Frames { return &engine.Frames{Codes: codes, Groups: 1} }

var quiet = slog.New(slog.DiscardHandler)

// running is a host that serves.
type running struct {
	*Host
	address string
	served  chan error
	once    sync.Once
}

// serve runs a host with one replica of stage talker at an address; port 0
// picks a free one.
func serve(t *testing.T, address string, o HostOptions, script func(*turn, engine.Request)) *running {
	t.Helper()
	if o.Stages == nil {
		o.Stages = []HostStage{{Name: "talker", Engines: []engine.Engine{following(script)}}}
	}
	o.Model, o.Fingerprint, o.Log = "m", "f", quiet
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Host: NewHost(o), address: listener.Addr().String(), served: make(chan error, 1)}
	go func() { r.served <- r.Serve(listener) }()
	t.Cleanup(func() { r.stop(t) })
	return r
}

// stop drops the connections and checks that nothing is left.
func (r *running) stop(t *testing.T) {
	r.once.Do(func() {
		if err := errors.Join(r.Close(), <-r.served); err != nil {
			t.Error(err)
		}
		if n := r.Requests(); n != 0 {
			t.Errorf("the host works for %d requests after its end", n)
		}
	})
}

func options(address string) Options {
	return Options{Address: address, Stages: []string{"talker"}, Model: "m", Fingerprint: "f", Log: quiet}
}

func connect(t *testing.T, o Options) *Peer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := Connect(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func begin(t *testing.T, p *Peer, req engine.Request) engine.Stream {
	t.Helper()
	s, err := p.Engine("talker", 0).Start(req)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// cross sends a payload over a stream's link and takes its arrival in.
func cross(t *testing.T, s engine.Stream, p engine.Payload) connector.Hop {
	t.Helper()
	link := s.(connector.Receiver).Link()
	if err := link.Send(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	got, hop, err := link.Recv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), got.(engine.Payload)); err != nil {
		t.Fatal(err)
	}
	link.Release()
	return hop
}

// drain reads a stream to its end.
func drain(t *testing.T, s engine.Stream) (samples []float32, last engine.Output, err error) {
	t.Helper()
	for {
		out, err := s.Recv(t.Context())
		if err != nil {
			return samples, last, err
		}
		p := out.Payload
		if c, ok := p.(connector.Carried); ok {
			p = c.Payload.(engine.Payload)
		}
		if a, ok := p.(*engine.Audio); ok {
			samples = append(samples, a.Samples...)
		}
		if out.Finish != "" {
			<-s.Done()
			return samples, out, nil
		}
	}
}
