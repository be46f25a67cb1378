package peer

import (
	"sync"

	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// outbox holds the messages that wait for a connection's writer. Each request
// has a lane; the writer takes one frame of each lane in turn, so a long message
// holds up nobody but the messages behind it in its own lane. Put never waits:
// what a lane can hold is bounded by its request's credits.
type outbox struct {
	mu     sync.Mutex // guards the fields below and the lanes
	ready  []*lane    // lanes with something to send, the next one first
	wake   chan struct{}
	closed bool
}

// lane is one request's queue in an outbox. Its messages keep their order.
type lane struct {
	stream uint64
	queue  []outgoing
	at     int // bytes of the first message that were sent
	listed bool
}

// outgoing is a message that waits.
type outgoing struct {
	kind  wire.Kind
	body  []byte
	stamp bool // its last bytes are to hold the time of sending
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// put appends a message to a lane. A closed outbox drops it.
func (o *outbox) put(l *lane, kind wire.Kind, body []byte, stamp bool) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	l.queue = append(l.queue, outgoing{kind, body, stamp})
	if !l.listed {
		l.listed = true
		o.ready = append(o.ready, l)
	}
	o.mu.Unlock()
	o.signal()
}

// clear drops the messages of a lane that have not been begun, but for its
// first one ever: a stream that was never started could not be ended either.
func (o *outbox) clear(l *lane) {
	o.mu.Lock()
	defer o.mu.Unlock()
	keep := 0
	if len(l.queue) > 0 && (l.at > 0 || l.queue[0].kind == wire.KindStart) {
		keep = 1 // half a message must be followed by its other half
	}
	if keep < len(l.queue) {
		clear(l.queue[keep:])
		l.queue = l.queue[:keep]
	}
}

// next takes the next frame. It is false when there is none.
func (o *outbox) next() (f wire.Frame, stamp, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.ready) > 0 {
		l := o.ready[0]
		o.ready[0] = nil
		o.ready = o.ready[1:]
		if len(l.queue) == 0 { // it was cleared
			l.listed = false
			continue
		}
		m := &l.queue[0]
		f = wire.Frame{Kind: m.kind, Stream: l.stream, Part: m.body[l.at:]}
		if len(f.Part) > wire.MaxPart {
			f.Part, f.More = f.Part[:wire.MaxPart], true
			l.at += wire.MaxPart
		} else {
			stamp = m.stamp
			l.queue[0] = outgoing{}
			l.queue, l.at = l.queue[1:], 0
		}
		if l.listed = len(l.queue) > 0; l.listed {
			o.ready = append(o.ready, l)
		}
		return f, stamp, true
	}
	return wire.Frame{}, false, false
}

// close drops what waits and everything that is put from now on.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.ready = nil
	o.mu.Unlock()
	o.signal()
}

func (o *outbox) isClosed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
