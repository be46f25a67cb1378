package peer

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
)

const local = "127.0.0.1:0"

func TestPayloadsAndOutputsCrossInOrder(t *testing.T) {
	h := serve(t, local, HostOptions{}, echo)
	s := begin(t, connect(t, options(h.address)), engine.Request{ID: "r"})
	link := s.(connector.Receiver).Link()
	var want []float32
	for i := range int32(100) {
		cross(t, s, frames(i, -i))
		want = append(want, float32(i), float32(-i))
		out, err := s.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Payload.(*engine.Audio).Samples; !slices.Equal(got, want[2*i:]) {
			t.Fatalf("output %d is %v", i, got)
		}
	}
	link.CloseSend()
	if _, _, err := link.Recv(t.Context()); err != io.EOF {
		t.Errorf("Recv after the last payload = %v, want io.EOF", err)
	}
	s.CloseSend()
	if samples, last, err := drain(t, s); err != nil || len(samples) != 0 || last.Finish != engine.FinishStop || last.Usage.PromptTokens != 7 {
		t.Errorf("%d samples, last output %+v, %v", len(samples), last, err)
	}
}

func TestStreamWithoutItsLinkSendsToo(t *testing.T) {
	h := serve(t, local, HostOptions{}, echo)
	s := begin(t, connect(t, options(h.address)), engine.Request{})
	go func() {
		for i := range int32(50) {
			if err := s.Send(t.Context(), frames(i)); err != nil {
				t.Error(err)
				return
			}
		}
		s.CloseSend()
	}()
	if samples, _, err := drain(t, s); err != nil || len(samples) != 50 {
		t.Errorf("%d samples, %v", len(samples), err)
	}
}

func TestHopIsMeasuredThoughTheClocksAreHoursApart(t *testing.T) {
	for _, ahead := range []time.Duration{-3 * time.Hour, 0, 3 * time.Hour} {
		began := time.Now()
		h := serve(t, local, HostOptions{now: func() time.Time { return time.Now().Add(ahead) }}, echo)
		s := begin(t, connect(t, options(h.address)), engine.Request{Handover: true})
		there := cross(t, s, frames(1, 2, 3))
		out, err := s.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		back := out.Payload.(connector.Carried).Hop
		whole := time.Since(began)
		for way, hop := range map[string]connector.Hop{"there": there, "back": back} {
			if hop.Size != 12 || hop.Tx < 0 || hop.InFlight < 0 || hop.Rx < 0 || hop.Tx+hop.InFlight+hop.Rx > whole {
				t.Errorf("clock %v ahead, on the way %s: %+v in %v", ahead, way, hop, whole)
			}
			if hop.Tx+hop.Rx == 0 {
				t.Errorf("on the way %s nothing took time: %+v", way, hop)
			}
			if hop.Ready.Before(began) || hop.Ready.After(time.Now()) {
				t.Errorf("on the way %s the payload was ready at %v", way, hop.Ready)
			}
		}
		s.Abort()
		<-s.Done()
	}
}

func TestPayloadFromAnotherPeerKeepsTheTimesOfItsFirstCrossing(t *testing.T) {
	h := serve(t, local, HostOptions{}, echo)
	s := begin(t, connect(t, options(h.address)), engine.Request{})
	before := connector.Hop{Size: 4, Tx: time.Hour, InFlight: 2 * time.Hour, Rx: 3 * time.Hour}
	hop := cross(t, s, connector.Carried{Payload: frames(1), Hop: before})
	if hop.Size != 4 || hop.Tx < time.Hour || hop.InFlight < 2*time.Hour || hop.Rx < 3*time.Hour || hop.Tx > 2*time.Hour || hop.InFlight > 3*time.Hour || hop.Rx > 4*time.Hour {
		t.Errorf("hop %+v", hop)
	}
	s.Abort()
	<-s.Done()
}

func TestRequestThatIsStuckStallsItselfOnly(t *testing.T) {
	const depth = 4
	h := serve(t, local, HostOptions{depth: depth}, func(x *turn, req engine.Request) {
		switch req.ID {
		case "takes nothing":
			x.WaitForAbort()
		case "says much":
			for x.Give(engine.Output{Text: "word"}) {
			}
		default:
			echo(x, req)
		}
	})
	p := connect(t, options(h.address))
	full := begin(t, p, engine.Request{ID: "takes nothing"})
	link := full.(connector.Receiver).Link()
	const room = depth // the engine's two are released by the host and not by this side
	for i := range room {
		if err := link.Send(t.Context(), frames(int32(i))); err != nil {
			t.Fatal(err)
		}
	}
	cause := errors.New("no place")
	given, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := link.Send(given, frames(9)); err != cause {
		t.Errorf("Send into a link without a place = %v", err)
	}
	unread := begin(t, p, engine.Request{ID: "says much"})

	s := begin(t, p, engine.Request{})
	go func() {
		for i := range int32(100) {
			if err := s.Send(t.Context(), frames(i)); err != nil {
				t.Error(err)
			}
		}
		s.CloseSend()
	}()
	if samples, _, err := drain(t, s); err != nil || len(samples) != 100 {
		t.Errorf("beside a stuck request: %d samples, %v", len(samples), err)
	}
	for range 3 * depth {
		if out, err := unread.Recv(t.Context()); err != nil || out.Text != "word" {
			t.Fatalf("%q, %v", out.Text, err)
		}
	}
	for _, s := range []engine.Stream{full, unread} {
		s.Abort()
		<-s.Done()
	}
	if err := link.Send(t.Context(), frames(1)); err != connector.ErrClosed {
		t.Errorf("Send after the end = %v", err)
	}
}

func TestAbortIsDoneWhenTheEngineThereHasLetGo(t *testing.T) {
	let := make(chan struct{})
	h := serve(t, local, HostOptions{}, func(x *turn, _ engine.Request) {
		x.WaitForAbort()
		<-let
	})
	s := begin(t, connect(t, options(h.address)), engine.Request{})
	s.Abort()
	if _, err := s.Recv(t.Context()); err != engine.ErrAborted {
		t.Errorf("Recv after an abort = %v", err)
	}
	select {
	case <-s.Done():
		t.Error("done while the engine holds the request")
	default:
	}
	close(let)
	<-s.Done()
	if n := h.Requests(); n != 0 {
		t.Errorf("the host works for %d requests", n)
	}
}

func TestFailuresCrossWithTheirMeaningAfterTheOutputsBeforeThem(t *testing.T) {
	h := serve(t, local, HostOptions{}, func(x *turn, req engine.Request) {
		x.Give(engine.Output{Text: "before"})
		switch req.ID {
		case "rejects":
			x.X.End(&engine.RejectedError{Reason: "malformed_codec", Err: errors.New("code 9")})
		case "breaks":
			x.X.End(errors.New("it broke"))
		}
	})
	p := connect(t, options(h.address))
	for id, check := range map[string]func(error) bool{
		"rejects": func(err error) bool {
			var rejected *engine.RejectedError
			return errors.As(err, &rejected) && rejected.Reason == "malformed_codec"
		},
		"breaks": func(err error) bool { return err.Error() == "it broke" },
	} {
		s := begin(t, p, engine.Request{ID: id})
		if out, err := s.Recv(t.Context()); err != nil || out.Text != "before" {
			t.Errorf("%s: %q, %v", id, out.Text, err)
		}
		if _, err := s.Recv(t.Context()); err == nil || !check(err) {
			t.Errorf("%s: %v", id, err)
		}
		<-s.Done()
	}
	for want, e := range map[string]engine.Engine{
		"stage code2wav does not run here":           p.Engine("code2wav", 0),
		"stage talker has no replica 1 here, only 1": p.Engine("talker", 1),
		"voice: there is no refused":                 p.Engine("talker", 0),
	} {
		s, err := e.Start(engine.Request{Voice: "refused"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(t.Context()); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		<-s.Done()
	}
}

func TestClosedEngineEndsItsRequestsAndNoOthers(t *testing.T) {
	h := serve(t, local, HostOptions{}, echo)
	p := connect(t, options(h.address))
	mine, others := p.Engine("talker", 0), p.Engine("talker", 0)
	s, err := mine.Start(engine.Request{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := others.Start(engine.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if err := mine.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Recv(t.Context()); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Recv = %v", err)
	}
	if _, err := mine.Start(engine.Request{}); err != engine.ErrClosed {
		t.Errorf("Start = %v", err)
	}
	cross(t, other, frames(1))
	other.CloseSend()
	if samples, _, err := drain(t, other); err != nil || len(samples) != 1 {
		t.Errorf("the other engine: %d samples, %v", len(samples), err)
	}
}
