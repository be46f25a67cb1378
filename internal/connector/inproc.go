package connector

import (
	"context"
	"io"
	"sync"
	"time"
)

// DefaultDepth is the number of payloads that have a place in an in-process
// link.
const DefaultDepth = 16

// InProcess hands payloads over inside one process, by reference: nothing is
// copied or encoded. Its times are therefore short, and real.
type InProcess struct {
	depth int
	now   func() time.Time
}

// NewInProcess makes a connector whose links hold at most depth payloads;
// depth < 1 means DefaultDepth.
func NewInProcess(depth int) *InProcess {
	if depth < 1 {
		depth = DefaultDepth
	}
	return &InProcess{depth: depth, now: time.Now}
}

// Open implements Connector.
func (c *InProcess) Open(Edge, string) (Link, error) {
	return &inprocLink{
		now:    c.now,
		places: make(chan struct{}, c.depth),
		queue:  make(chan parcel, c.depth),
		closed: make(chan struct{}),
	}, nil
}

// Close implements Connector. Links are garbage once nobody holds them.
func (c *InProcess) Close() error { return nil }

// parcel is a payload on its way.
type parcel struct {
	payload Payload
	before  Hop // of a payload that was carried here
	size    int64
	tx      time.Duration
	sent    time.Time
}

type inprocLink struct {
	now func() time.Time

	// places bounds the parcels that are on their way or not released. A sender
	// takes a place before it starts its clock, so that the wait for one is
	// never counted as tx, and the push into queue, which has room for every
	// place, never waits.
	places chan struct{}
	queue  chan parcel

	closeOnce sync.Once
	closed    chan struct{}
}

// Send implements Link.
func (l *inprocLink) Send(ctx context.Context, p Payload) error {
	select {
	case <-l.closed: // a closed link takes nothing, even when it has a place
		return ErrClosed
	default:
	}
	select {
	case l.places <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.closed:
		return ErrClosed
	}
	start := l.now()
	p, before := Unpack(p)
	parcel := parcel{payload: p, before: before, size: p.Bytes()}
	parcel.sent = l.now()
	parcel.tx = parcel.sent.Sub(start)
	l.queue <- parcel
	return nil
}

// CloseSend implements Link.
func (l *inprocLink) CloseSend() { close(l.queue) }

// Recv implements Link.
func (l *inprocLink) Recv(ctx context.Context) (Payload, Hop, error) {
	select {
	case parcel, ok := <-l.queue:
		if !ok {
			return nil, Hop{}, io.EOF
		}
		taken := l.now()
		hop := Hop{Size: parcel.size, Tx: parcel.tx, InFlight: max(0, taken.Sub(parcel.sent))}
		hop.Ready = l.now()
		hop.Rx = hop.Ready.Sub(taken)
		return parcel.payload, hop.After(parcel.before), nil
	case <-ctx.Done():
		return nil, Hop{}, context.Cause(ctx)
	case <-l.closed:
		return nil, Hop{}, ErrClosed
	}
}

// Release implements Link.
func (l *inprocLink) Release() { <-l.places }

// Depth implements Link.
func (l *inprocLink) Depth() int { return cap(l.places) }

// Close implements Link.
func (l *inprocLink) Close() { l.closeOnce.Do(func() { close(l.closed) }) }

var (
	_ Connector = (*InProcess)(nil)
	_ Link      = (*inprocLink)(nil)
)
