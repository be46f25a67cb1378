package peer

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// link is the way from this process into a stream's engine at the peer. What
// Recv returns stands for a payload that the peer holds: the peer feeds it to
// the engine itself.
type link struct {
	stream *stream
	places chan struct{} // taken by Send, free again once both sides released it
	acks   chan arrival  // one for each payload that has arrived; closed after the last one
	closed chan struct{} // by Close
	once   sync.Once     // closes closed
	mu     sync.Mutex    // guards the fields below
	onWay  []sending     // sent and not arrived, in order
	ended  bool          // no payload follows
	freed  [2]int        // places released and not paired: by this side, by the peer
}

// sending is a payload on its way.
type sending struct {
	size   int64
	began  time.Time
	before connector.Hop
}

// arrival is a payload that arrived.
type arrival struct {
	payload delivered
	hop     connector.Hop
}

// delivered stands for a payload that is at the peer.
type delivered int64

// Bytes is the size of the payload.
func (d delivered) Bytes() int64 { return int64(d) }

func newLink(s *stream, depth int) *link {
	return &link{
		stream: s,
		places: make(chan struct{}, depth),
		acks:   make(chan arrival, depth),
		closed: make(chan struct{}),
	}
}

// Send implements connector.Link.
func (l *link) Send(ctx context.Context, p connector.Payload) error {
	select {
	case <-l.closed: // a closed link takes nothing, even when it has a place
		return connector.ErrClosed
	case <-l.stream.over:
		return connector.ErrClosed
	default:
	}
	select {
	case l.places <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.closed:
		return connector.ErrClosed
	case <-l.stream.over:
		return connector.ErrClosed
	}
	began := l.stream.session.conn.clock.now()
	bare, before := connector.Unpack(p)
	payload, ok := bare.(engine.Payload)
	if !ok {
		return fmt.Errorf("a payload of type %T cannot cross to a peer", bare)
	}
	body, err := wire.EncodeData(payload)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.onWay = append(l.onWay, sending{size: payload.Bytes(), began: began, before: before})
	l.mu.Unlock()
	l.stream.put(wire.KindData, body, true)
	return nil
}

// CloseSend implements connector.Link.
func (l *link) CloseSend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.ended = true
	l.stream.put(wire.KindCloseSend, nil, false)
	if len(l.onWay) == 0 {
		close(l.acks)
	}
}

// arrived takes in that the oldest payload on its way has arrived. It is false
// when there is none.
func (l *link) arrived(a wire.Arrived, s *skew, c clock) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.onWay) == 0 {
		return false
	}
	p := l.onWay[0]
	l.onWay = l.onWay[1:]
	sent := c.at(a.Sent)
	hop := connector.Hop{
		Size:     p.size,
		Tx:       max(0, sent.Sub(p.began)),
		InFlight: time.Duration(max(0, s.here(a.Taken)-a.Sent)),
		Rx:       time.Duration(max(0, a.Rx)),
	}
	hop.Ready = sent.Add(hop.InFlight + hop.Rx)
	if now := c.now(); hop.Ready.After(now) {
		hop.Ready = now
	}
	l.acks <- arrival{delivered(p.size), hop.After(p.before)} // there is room for every place
	if l.ended && len(l.onWay) == 0 {
		close(l.acks)
	}
	return true
}

// Recv implements connector.Link.
func (l *link) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	select {
	case a, ok := <-l.acks: // what arrived counts, even when the stream is over since
		return a.result(ok)
	default:
	}
	select {
	case a, ok := <-l.acks:
		return a.result(ok)
	case <-ctx.Done():
		return nil, connector.Hop{}, context.Cause(ctx)
	case <-l.closed:
		return nil, connector.Hop{}, connector.ErrClosed
	case <-l.stream.over:
	}
	select {
	case a, ok := <-l.acks:
		return a.result(ok)
	default:
		return nil, connector.Hop{}, connector.ErrClosed
	}
}

func (a arrival) result(ok bool) (connector.Payload, connector.Hop, error) {
	if !ok {
		return nil, connector.Hop{}, io.EOF
	}
	return a.payload, a.hop, nil
}

// Sides that release a place.
const (
	here = iota
	there
)

// Release implements connector.Link.
func (l *link) Release() { l.release(here, 1) }

// release frees the places that both sides have released. It is false when the
// peer releases what it was never sent.
func (l *link) release(side, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.freed[side]+n > cap(l.places) {
		return false
	}
	l.freed[side] += n
	for l.freed[here] > 0 && l.freed[there] > 0 {
		l.freed[here]--
		l.freed[there]--
		<-l.places
	}
	return true
}

// Depth implements connector.Link.
func (l *link) Depth() int { return cap(l.places) }

// Close implements connector.Link.
func (l *link) Close() { l.once.Do(func() { close(l.closed) }) }

var _ connector.Link = (*link)(nil)
