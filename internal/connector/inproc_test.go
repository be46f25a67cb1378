package connector

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"
)

type blob int64

func (b blob) Bytes() int64 { return int64(b) }

// tick is a clock that advances by one second each time it is read.
func tick() func() time.Time {
	at := time.Unix(0, 0)
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

func open(t *testing.T, depth int) *inprocLink {
	t.Helper()
	c := NewInProcess(depth)
	c.now = tick()
	link, err := c.Open(Edge{}, "r")
	if err != nil {
		t.Fatal(err)
	}
	return link.(*inprocLink)
}

func TestHopIsTimedInThreePartsThatDoNotOverlap(t *testing.T) {
	link := open(t, 1)
	p := blob(4096)
	if err := link.Send(t.Context(), p); err != nil { // starts at 1 s, sent at 2 s
		t.Fatal(err)
	}
	got, hop, err := link.Recv(t.Context()) // taken at 3 s, ready at 4 s
	if err != nil || got != Payload(p) {
		t.Fatalf("Recv = %v, %v", got, err)
	}
	want := Hop{Size: 4096, Tx: time.Second, InFlight: time.Second, Rx: time.Second, Ready: time.Unix(4, 0)}
	if hop != want {
		t.Errorf("hop = %+v, want %+v", hop, want)
	}
}

func TestPayloadCarriedFromElsewhereBringsTheTimesOfItsWay(t *testing.T) {
	link := open(t, 1)
	p := Carried{Payload: blob(8), Hop: Hop{Size: 8, Tx: 10 * time.Second, InFlight: 20 * time.Second, Rx: 30 * time.Second}}
	if err := link.Send(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	got, hop, err := link.Recv(t.Context())
	if err != nil || got != Payload(blob(8)) {
		t.Fatalf("Recv = %v, %v", got, err)
	}
	want := Hop{Size: 8, Tx: 11 * time.Second, InFlight: 21 * time.Second, Rx: 31 * time.Second, Ready: time.Unix(4, 0)}
	if hop != want {
		t.Errorf("hop = %+v, want %+v", hop, want)
	}
}

func TestWaitForAPlaceIsNotTransmission(t *testing.T) {
	var clock atomic.Int64
	link := open(t, 1)
	link.now = func() time.Time { return time.Unix(clock.Load(), 0) }
	if err := link.Send(t.Context(), blob(1)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error)
	go func() { sent <- link.Send(context.Background(), blob(2)) }()
	clock.Add(3600) // the sender waits for an hour
	for range 2 {
		_, hop, err := link.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if hop.Tx != 0 {
			t.Errorf("tx = %v, want none of the wait", hop.Tx)
		}
		link.Release()
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestReceivedPayloadKeepsItsPlaceUntilItIsReleased(t *testing.T) {
	link := open(t, 1)
	if err := link.Send(t.Context(), blob(1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := link.Recv(t.Context()); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("no place")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if err := link.Send(ctx, blob(2)); err != cause {
		t.Errorf("Send into a link without a place = %v", err)
	}
	link.Release()
	if err := link.Send(t.Context(), blob(2)); err != nil {
		t.Error(err)
	}
}

func TestPayloadsArriveInOrderAndThenTheEnd(t *testing.T) {
	link := open(t, 3)
	for i := range 3 {
		if err := link.Send(t.Context(), blob(i)); err != nil {
			t.Fatal(err)
		}
	}
	link.CloseSend()
	for i := range 3 {
		if p, _, err := link.Recv(t.Context()); err != nil || p != Payload(blob(i)) {
			t.Fatalf("Recv %d = %v, %v", i, p, err)
		}
	}
	if _, _, err := link.Recv(t.Context()); err != io.EOF {
		t.Fatalf("Recv after the last = %v, want io.EOF", err)
	}
}

func TestClosedLinkReleasesBothSides(t *testing.T) {
	link := open(t, 1)
	if err := link.Send(t.Context(), blob(1)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error)
	go func() { sent <- link.Send(context.Background(), blob(2)) }()
	link.Close()
	link.Close()
	if err := <-sent; err != ErrClosed {
		t.Errorf("Send = %v, want ErrClosed", err)
	}
	empty := open(t, 1)
	empty.Close()
	if _, _, err := empty.Recv(t.Context()); err != ErrClosed {
		t.Errorf("Recv = %v, want ErrClosed", err)
	}
}

func TestCancelledContextEndsWaitingLinkCalls(t *testing.T) {
	link := open(t, 1)
	cause := errors.New("why")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if _, _, err := link.Recv(ctx); err != cause {
		t.Errorf("Recv = %v, want the cause", err)
	}
	if err := link.Send(t.Context(), blob(1)); err != nil {
		t.Fatal(err)
	}
	if err := link.Send(ctx, blob(2)); err != cause {
		t.Errorf("Send = %v, want the cause", err)
	}
}

func BenchmarkInProcessHop(b *testing.B) {
	link, err := NewInProcess(0).Open(Edge{}, "r")
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	p := Payload(blob(64))
	b.ReportAllocs()
	for b.Loop() {
		if err := link.Send(ctx, p); err != nil {
			b.Fatal(err)
		}
		if _, _, err := link.Recv(ctx); err != nil {
			b.Fatal(err)
		}
		link.Release()
	}
}
