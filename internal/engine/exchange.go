package engine

import (
	"context"
	"sync"
	"time"
)

// Exchange is where an engine's loop and the orchestrator meet for one
// request: a bounded intake of payloads and a bounded buffer of outputs. The
// orchestrator uses it as a Stream and may wait; the loop uses the methods
// below the line and never waits, it is woken instead.
//
// An engine looks at Room before it works for a request, so a full output
// buffer stalls that request only.
type Exchange struct {
	wake func()

	inSpace  chan struct{} // signalled when the intake lost a payload
	outReady chan struct{} // signalled when the output buffer gained something
	done     chan struct{}

	mu       sync.Mutex // guards the fields below
	in       ring[Payload]
	inClosed bool
	out      ring[Output]
	err      error // what Recv returns once out is drained
	aborted  bool
	finished bool
	course   course
}

// NewExchange makes an exchange whose intake holds at most in payloads and
// whose output buffer holds at most out outputs. Wake is called, from the
// orchestrator's goroutines and without a lock held, whenever the loop may
// have something to do for this request; it must not block.
func NewExchange(in, out int, wake func()) *Exchange {
	return &Exchange{
		wake:     wake,
		inSpace:  make(chan struct{}, 1),
		outReady: make(chan struct{}, 1),
		done:     make(chan struct{}),
		in:       newRing[Payload](in),
		out:      newRing[Output](out),
		course:   course{starved: true}, // the first payload is always waited for
	}
}

// Send implements Stream.
func (x *Exchange) Send(ctx context.Context, p Payload) error {
	for {
		x.mu.Lock()
		switch {
		case x.aborted || x.finished:
			x.mu.Unlock()
			return ErrAborted
		case !x.in.full():
			x.in.push(p)
			x.mu.Unlock()
			x.wake()
			return nil
		}
		x.mu.Unlock()
		select {
		case <-x.inSpace:
		case <-x.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// CloseSend implements Stream.
func (x *Exchange) CloseSend() {
	x.mu.Lock()
	x.inClosed = true
	x.mu.Unlock()
	x.wake()
}

// Recv implements Stream.
func (x *Exchange) Recv(ctx context.Context) (Output, error) {
	for {
		x.mu.Lock()
		if !x.aborted && !x.out.empty() {
			out := x.out.pop()
			if x.course.full {
				x.course.full, x.course.resumed = false, time.Now()
			}
			x.mu.Unlock()
			x.wake()
			return out, nil
		}
		err := x.err
		if x.aborted {
			err = ErrAborted
		}
		x.mu.Unlock()
		if err != nil {
			return Output{}, err
		}
		select {
		case <-x.outReady:
		case <-ctx.Done():
			return Output{}, context.Cause(ctx)
		}
	}
}

// Abort implements Stream.
func (x *Exchange) Abort() {
	x.mu.Lock()
	if x.finished || x.aborted {
		x.mu.Unlock()
		return
	}
	x.aborted = true
	x.in.clear()
	x.out.clear()
	x.mu.Unlock()
	signal(x.outReady)
	x.wake()
}

// Done implements Stream.
func (x *Exchange) Done() <-chan struct{} { return x.done }

// ----- the engine's side -----

// Take returns the oldest payload of the intake. It is false when the intake
// is empty; last then says that none will follow.
func (x *Exchange) Take() (p Payload, ok, last bool) {
	x.mu.Lock()
	if x.in.empty() {
		last = x.inClosed
		switch {
		case !last:
			x.course.starved = true
		case !x.course.ended:
			x.course.ended = true
			x.course.took()
		}
		x.mu.Unlock()
		return nil, false, last
	}
	p = x.in.pop()
	x.course.took()
	x.mu.Unlock()
	signal(x.inSpace)
	return p, true, false
}

// Pending says whether Take would tell something: a payload or the end.
func (x *Exchange) Pending() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.inClosed || !x.in.empty()
}

// Room says whether the output buffer takes another output.
func (x *Exchange) Room() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.out.full() {
		x.course.full = true
		return false
	}
	return true
}

// Worked tells that the engine has worked so long for the request since it said
// so last. Of an engine that never tells, all the time is taken for work.
func (x *Exchange) Worked(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.course.Tells = true
	x.course.Worked += d
}

// Aborted says whether the orchestrator dropped the request.
func (x *Exchange) Aborted() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.aborted
}

// Put hands an output over, with its Course filled in. The engine must have
// seen Room since its last Put.
func (x *Exchange) Put(out Output) {
	x.mu.Lock()
	out.Course = x.course.next()
	x.put(out)
}

// Pass hands over an output that another exchange has given, with its Course.
func (x *Exchange) Pass(out Output) {
	x.mu.Lock()
	x.put(out)
}

// put hands an output over and unlocks mu.
func (x *Exchange) put(out Output) {
	if !x.aborted {
		if x.out.full() {
			x.mu.Unlock()
			panic("BUG: output put into a full exchange")
		}
		x.out.push(out)
	}
	x.mu.Unlock()
	signal(x.outReady)
}

// End says that the engine holds nothing for the request any more: after its
// last output with a nil err, otherwise with the error that Recv returns once
// the outputs before it are read. Only the first call counts.
func (x *Exchange) End(err error) {
	x.mu.Lock()
	if x.finished {
		x.mu.Unlock()
		return
	}
	x.finished = true
	if err != nil {
		x.err = err
	} else {
		x.err = ErrAborted // nobody reads on after the last output
	}
	x.in.clear()
	x.mu.Unlock()
	close(x.done)
	signal(x.outReady)
}

// signal leaves one token in a channel of capacity one.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

var _ Stream = (*Exchange)(nil)
