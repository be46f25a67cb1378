package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type payload int

func (payload) Bytes() int64 { return 8 }

func wakes() (func(), chan struct{}) {
	ch := make(chan struct{}, 100)
	return func() { ch <- struct{}{} }, ch
}

func TestPayloadsAndOutputsKeepTheirOrder(t *testing.T) {
	wake, _ := wakes()
	x := NewExchange(4, 4, wake)
	for i := range 3 {
		if err := x.Send(t.Context(), payload(i)); err != nil {
			t.Fatal(err)
		}
	}
	x.CloseSend()
	for i := range 3 {
		p, ok, last := x.Take()
		if !ok || last || p != payload(i) {
			t.Fatalf("Take %d = %v, %v, %v", i, p, ok, last)
		}
	}
	if _, ok, last := x.Take(); ok || !last {
		t.Fatalf("Take after the end = %v, %v; want nothing, and the end", ok, last)
	}
	x.Put(Output{Text: "a"})
	x.Put(Output{Text: "b", Finish: FinishStop})
	x.End(nil)
	for _, want := range []string{"a", "b"} {
		out, err := x.Recv(t.Context())
		if err != nil || out.Text != want {
			t.Fatalf("Recv = %q, %v; want %q", out.Text, err, want)
		}
	}
	<-x.Done()
}

func TestFullIntakeHoldsTheSenderUntilTheEngineTakes(t *testing.T) {
	wake, _ := wakes()
	x := NewExchange(1, 1, wake)
	if err := x.Send(t.Context(), payload(1)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error)
	go func() { sent <- x.Send(context.Background(), payload(2)) }()
	select {
	case err := <-sent:
		t.Fatalf("a second Send went through a full intake: %v", err)
	default:
	}
	x.Take()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestCancelledContextEndsWaitingCallsWithItsCause(t *testing.T) {
	wake, _ := wakes()
	x := NewExchange(1, 1, wake)
	cause := errors.New("why")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if err := x.Send(t.Context(), payload(1)); err != nil {
		t.Fatal(err)
	}
	if err := x.Send(ctx, payload(2)); err != cause {
		t.Errorf("Send = %v, want the cause", err)
	}
	if _, err := x.Recv(ctx); err != cause {
		t.Errorf("Recv = %v, want the cause", err)
	}
}

func TestFullOutputBufferHasNoRoomUntilItIsRead(t *testing.T) {
	wake, woken := wakes()
	x := NewExchange(1, 1, wake)
	x.Put(Output{Text: "a"})
	if x.Room() {
		t.Fatal("a full buffer claims room")
	}
	if _, err := x.Recv(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !x.Room() {
		t.Fatal("a drained buffer claims no room")
	}
	<-woken // the engine hears that it may go on
}

func TestAbortDropsBuffersAndWakesBothSides(t *testing.T) {
	wake, woken := wakes()
	x := NewExchange(2, 2, wake)
	if err := x.Send(t.Context(), payload(1)); err != nil {
		t.Fatal(err)
	}
	<-woken
	x.Put(Output{Text: "unread"})
	x.Abort()
	<-woken
	if !x.Aborted() {
		t.Fatal("the engine's side does not see the abort")
	}
	if _, err := x.Recv(t.Context()); err != ErrAborted {
		t.Errorf("Recv after an abort = %v", err)
	}
	if err := x.Send(t.Context(), payload(2)); err != ErrAborted {
		t.Errorf("Send after an abort = %v", err)
	}
	x.Put(Output{}) // an output under way is dropped, not an error
	select {
	case <-x.Done():
		t.Fatal("Done before the engine let go")
	default:
	}
	x.End(ErrAborted)
	<-x.Done()
	x.End(nil) // only the first end counts; a second one must not panic
}

func TestFailureIsReturnedAfterTheOutputsBeforeIt(t *testing.T) {
	wake, _ := wakes()
	x := NewExchange(1, 2, wake)
	broken := errors.New("broken")
	x.Put(Output{Text: "a"})
	x.End(broken)
	if out, err := x.Recv(t.Context()); err != nil || out.Text != "a" {
		t.Fatalf("Recv = %q, %v", out.Text, err)
	}
	if _, err := x.Recv(t.Context()); err != broken {
		t.Fatalf("Recv = %v, want the failure", err)
	}
}

func TestSenderIsReleasedWhenTheEngineEndsFirst(t *testing.T) {
	wake, _ := wakes()
	x := NewExchange(1, 1, wake)
	if err := x.Send(t.Context(), payload(1)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error)
	go func() { sent <- x.Send(context.Background(), payload(2)) }()
	x.Put(Output{Finish: FinishLength})
	x.End(nil)
	if err := <-sent; err != ErrAborted {
		t.Fatalf("Send = %v, want ErrAborted", err)
	}
}

func BenchmarkExchangePutRecv(b *testing.B) {
	x := NewExchange(16, 16, func() {})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		x.Put(Output{Text: "a"})
		if _, err := x.Recv(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCourseTellsWhatAnOutputWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		x := NewExchange(4, 1, func() {})
		send := func(n int) {
			for range n {
				if err := x.Send(t.Context(), payload(1)); err != nil {
					t.Fatal(err)
				}
			}
		}
		take := func() bool { _, ok, _ := x.Take(); return ok }
		recv := func(want Course) {
			t.Helper()
			out, err := x.Recv(t.Context())
			out.Course.Made = time.Time{}
			if err != nil || out.Course != want {
				t.Errorf("%+v, %v; want %+v", out.Course, err, want)
			}
		}
		// The first payload is waited for; so is the third, after work for nothing
		// that counts any more; the second was there.
		send(2)
		take()
		x.Worked(3 * ms)
		x.Put(Output{})
		recv(Course{Taken: 1, Awaited: 1, Tells: true, Worked: 3 * ms})
		take()
		x.Worked(2 * ms)
		x.Put(Output{})
		recv(Course{Taken: 2, Tells: true, Worked: 2 * ms})
		x.Worked(9 * ms)
		take()
		send(1)
		take()
		x.Worked(1 * ms)
		x.Put(Output{})
		// Its buffer is full; there is room again 5 ms before the next output.
		x.Room()
		time.Sleep(7 * ms)
		recv(Course{Taken: 3, Awaited: 3, Tells: true, Worked: 1 * ms})
		time.Sleep(5 * ms)
		x.Put(Output{})
		recv(Course{Taken: 3, Tells: true, AfterFull: 5 * ms})
		// The end of the input is waited for like a payload, and counted once.
		take()
		x.CloseSend()
		take()
		take()
		x.Put(Output{})
		recv(Course{Taken: 4, Awaited: 4, Tells: true})
	})
}

func TestPassKeepsTheCourseOfAnotherExchange(t *testing.T) {
	x := NewExchange(1, 1, func() {})
	want := Course{Made: time.Unix(1, 0), Taken: 7, Awaited: 5, Worked: 3}
	x.Pass(Output{Course: want})
	if out, err := x.Recv(t.Context()); err != nil || out.Course != want {
		t.Errorf("%+v, %v", out.Course, err)
	}
}
