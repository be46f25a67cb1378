// Package connector carries payloads across one hop between two adjacent
// stages of a pipeline and times each crossing.
//
// A crossing has three parts, and they do not overlap: tx, from the moment the
// sender holds a free place of the link and starts until the payload has left
// it; in flight, until the receiver takes it; rx, until the receiver holds the
// payload ready for use. Waiting for a place, on either side, is in none of
// them: it is the stage's queue, not the wire.
package connector

import (
	"context"
	"errors"
	"time"
)

// Payload is anything that knows the size of its data.
type Payload interface {
	// Bytes is the size of what the hop carries.
	Bytes() int64
}

// Edge names one directed hop between two replicas.
type Edge struct {
	FromStage, FromReplica int
	ToStage, ToReplica     int
}

// Hop is the measurement of one crossing.
type Hop struct {
	// Size is the number of bytes that crossed.
	Size int64
	// Tx is the sender's time: serialize and submit.
	Tx time.Duration
	// InFlight is the time between the sender's end and the receiver's start.
	InFlight time.Duration
	// Rx is the receiver's time: receive and deserialize.
	Rx time.Duration
	// Ready is when the receiver held the payload ready for use, in this
	// process's time.
	Ready time.Time
}

// Carried is a payload that comes from another process: it has crossed a part
// of its hop before it gets to a link. The link adds that part to its own
// measurement and hands on the payload within.
type Carried struct {
	Payload
	// Hop is the measurement of the part behind it.
	Hop Hop
}

// Unpack returns the payload itself, and what it has behind it.
func Unpack(p Payload) (Payload, Hop) {
	if c, ok := p.(Carried); ok {
		return c.Payload, c.Hop
	}
	return p, Hop{}
}

// After adds the part that was crossed before to the times of h.
func (h Hop) After(before Hop) Hop {
	h.Tx += before.Tx
	h.InFlight += before.InFlight
	h.Rx += before.Rx
	return h
}

// Receiver is the far end of a hop that payloads reach on a way of its own, as
// those of an engine in another process do.
type Receiver interface {
	// Link is the way in. There is one, for one hop.
	Link() Link
}

// Connector opens links over one kind of transport. It is safe for concurrent use.
type Connector interface {
	// Open makes a link for one request over one edge.
	Open(edge Edge, requestID string) (Link, error)
	// Close frees the transport. Open links fail.
	Close() error
}

// Link is one request's way over one edge: payloads arrive whole and in order.
// One goroutine may send while another receives.
type Link interface {
	// Depth is the number of payloads that have a place in the link: those on
	// their way and those received but not released.
	Depth() int
	// Send hands a payload to the transport. It waits while every place is
	// taken, and returns ctx's error if that comes first.
	Send(ctx context.Context, p Payload) error
	// CloseSend says that no payload follows.
	CloseSend()
	// Recv takes the next payload and the measurement of its crossing. It
	// returns io.EOF after the last one. The payload keeps its place until
	// Release: so a receiver can take what arrives at once, and the sender is
	// held back all the same while the receiver has no use for it.
	Recv(ctx context.Context) (Payload, Hop, error)
	// Release frees the place of the oldest payload received and not released.
	// It may be called from another goroutine than Recv.
	Release()
	// Close drops the link and what it still holds; waiting calls return
	// ErrClosed.
	Close()
}

// ErrClosed is returned by a link or a connector that was closed.
var ErrClosed = errors.New("link is closed")
