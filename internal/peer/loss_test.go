package peer

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
)

// watch collects what a peer says of itself.
func watch(p *Peer) <-chan bool {
	states := make(chan bool, 100)
	p.OnChange(func(up bool) { states <- up })
	return states
}

func TestLostPeerFailsItsRequestsAtOnceAndHealsWhenItIsBack(t *testing.T) {
	h := serve(t, local, HostOptions{}, echo)
	other := serve(t, local, HostOptions{}, echo)
	p, apart := connect(t, options(h.address)), connect(t, options(other.address))
	states := watch(p)
	if !<-states {
		t.Fatal("a peer that is reached is down")
	}
	waiting := begin(t, p, engine.Request{})
	sending := begin(t, p, engine.Request{})
	safe := begin(t, apart, engine.Request{})
	link := sending.(connector.Receiver).Link()
	cross(t, sending, frames(1))
	h.stop(t)

	for _, s := range []engine.Stream{waiting, sending} {
		_, _, err := drain(t, s)
		if !errors.Is(err, engine.ErrLost) || !strings.Contains(err.Error(), "peer "+h.address+" is lost: ") {
			t.Errorf("error %v", err)
		}
		<-s.Done()
		s.Abort() // it has ended: nothing happens
	}
	if err := link.Send(t.Context(), frames(1)); err != connector.ErrClosed {
		t.Errorf("Send = %v", err)
	}
	if _, _, err := link.Recv(t.Context()); err != connector.ErrClosed {
		t.Errorf("Recv of the link = %v", err)
	}
	if <-states {
		t.Error("a lost peer is up")
	}
	if _, err := p.Engine("talker", 0).Start(engine.Request{}); !errors.Is(err, engine.ErrLost) {
		t.Errorf("Start = %v", err)
	}
	if n := p.Replicas("talker"); n != 0 {
		t.Errorf("a lost peer has %d replicas", n)
	}
	cross(t, safe, frames(1))
	safe.CloseSend()
	if samples, _, err := drain(t, safe); err != nil || len(samples) != 1 {
		t.Errorf("at another peer: %d samples, %v", len(samples), err)
	}

	serve(t, h.address, HostOptions{}, echo)
	if !<-states {
		t.Error("the peer is back, and down")
	}
	s := begin(t, p, engine.Request{})
	cross(t, s, frames(1, 2))
	s.CloseSend()
	if samples, _, err := drain(t, s); err != nil || len(samples) != 2 {
		t.Errorf("after its return: %d samples, %v", len(samples), err)
	}
}

func TestWhatArrivedBeforeTheLossCounts(t *testing.T) {
	h := serve(t, local, HostOptions{}, func(x *turn, _ engine.Request) { x.WaitForAbort() })
	p := connect(t, options(h.address))
	s := begin(t, p, engine.Request{})
	link := s.(connector.Receiver).Link()
	if err := link.Send(t.Context(), frames(1)); err != nil {
		t.Fatal(err)
	}
	arrived := s.(*stream).link.acks
	for len(arrived) == 0 { // its arrival is told before the loss
		if _, err := p.Engine("talker", 0).Start(engine.Request{Voice: "refused"}); err != nil {
			t.Fatal(err)
		}
	}
	h.stop(t)
	<-s.Done()
	if _, hop, err := link.Recv(t.Context()); err != nil || hop.Size != 4 {
		t.Errorf("hop %+v, %v", hop, err)
	}
	if _, _, err := link.Recv(t.Context()); err != connector.ErrClosed {
		t.Errorf("Recv = %v", err)
	}
}

func TestCallerThatIsLostHasNothingLeftAtTheHost(t *testing.T) {
	aborted := make(chan struct{})
	h := serve(t, local, HostOptions{}, func(x *turn, _ engine.Request) {
		x.Next()
		x.WaitForAbort()
		aborted <- struct{}{}
	})
	p := connect(t, options(h.address))
	const n = 5
	for range n {
		s := begin(t, p, engine.Request{})
		cross(t, s, frames(1))
	}
	if got := h.Requests(); got != n {
		t.Errorf("the host works for %d requests, want %d", got, n)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for range n {
		<-aborted
	}
	h.stop(t) // which checks that no request is left
}

func TestShutdownLetsRunningRequestsFinishAndTakesNoNewCaller(t *testing.T) {
	h := serve(t, local, HostOptions{}, echo)
	p, idle := connect(t, options(h.address)), connect(t, options(h.address))
	states := watch(p)
	<-states
	s := begin(t, p, engine.Request{})
	cross(t, s, frames(1))
	stopped := make(chan error)
	go func() { stopped <- h.Shutdown(context.Background()) }()
	if <-states {
		t.Error("a peer that shuts down is up")
	}
	select {
	case err := <-stopped:
		t.Fatalf("shut down with a request running: %v", err)
	default:
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("waited enough")
	cancel(cause)
	if _, err := Connect(ctx, options(h.address)); !errors.Is(err, cause) {
		t.Errorf("a new caller: %v", err)
	}
	cross(t, s, frames(2))
	s.CloseSend()
	if samples, last, err := drain(t, s); err != nil || len(samples) != 2 || last.Finish != engine.FinishStop {
		t.Errorf("%d samples, %v", len(samples), err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	_ = idle // a caller without requests left at once
}

func TestShutdownThatTakesTooLongSaysWhatIsLeft(t *testing.T) {
	h := serve(t, local, HostOptions{}, func(x *turn, _ engine.Request) { x.WaitForAbort() })
	s := begin(t, connect(t, options(h.address)), engine.Request{})
	cross(t, s, frames(1))
	cause := errors.New("no more time")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := h.Shutdown(ctx); !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "1 requests running") {
		t.Errorf("Shutdown = %v", err)
	}
	h.stop(t)
	if _, err := s.Recv(t.Context()); !errors.Is(err, engine.ErrLost) {
		t.Errorf("Recv = %v", err)
	}
}
