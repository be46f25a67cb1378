package peer

import (
	"context"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// stream is a request at a peer's engine, seen from this side. The exchange
// holds the outputs that have come; the session's reader is its loop.
type stream struct {
	*engine.Exchange
	session *session
	engine  *remote
	lane    lane
	link    *link
	carried bool          // its payloads are on a hop: they bring their measurement
	over    chan struct{} // closed when the peer holds nothing of the request any more

	mu       sync.Mutex // guards the fields below
	taken    int        // outputs taken and not credited
	finished bool       // the last output has come
	aborted  bool       // the peer was told to drop the request
	broken   error      // why this side gave the request up; the peer's end brings it out
}

func (s *stream) put(kind wire.Kind, body []byte, stamp bool) {
	s.session.conn.out.put(&s.lane, kind, body, stamp)
}

// Link implements connector.Receiver.
func (s *stream) Link() connector.Link { return s.link }

// Send implements engine.Stream. A payload that came over the stream's link is
// at the engine already.
func (s *stream) Send(ctx context.Context, p engine.Payload) error {
	if _, there := p.(delivered); there {
		return nil
	}
	err := s.link.Send(ctx, p)
	if err == nil {
		_, _, err = s.link.Recv(ctx)
		s.link.Release()
	}
	if err == connector.ErrClosed {
		return engine.ErrAborted
	}
	return err
}

// CloseSend implements engine.Stream.
func (s *stream) CloseSend() { s.link.CloseSend() }

// Recv implements engine.Stream. It tells the peer that there is room again
// once half of it is.
func (s *stream) Recv(ctx context.Context) (engine.Output, error) {
	out, err := s.Exchange.Recv(ctx)
	if err != nil || out.Finish != "" {
		return out, err
	}
	s.mu.Lock()
	s.taken++
	credit := 0
	if s.taken >= s.session.depth/2 {
		credit, s.taken = s.taken, 0
	}
	s.mu.Unlock()
	if credit > 0 {
		s.put(wire.KindCredit, wire.EncodeCount(credit), false)
	}
	return out, nil
}

// Abort implements engine.Stream.
func (s *stream) Abort() {
	s.Exchange.Abort()
	s.drop(nil)
}

// drop tells the peer, once, to let go of the request; err is what Recv is to
// return when it has, if this side has a reason of its own.
func (s *stream) drop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = err
	}
	if s.aborted || s.finished {
		return
	}
	s.aborted = true
	s.session.conn.out.clear(&s.lane)
	s.put(wire.KindAbort, nil, false)
}

// output takes in one output from the peer. An error means that the peer does
// not keep to the format.
func (s *stream) output(body []byte, taken time.Time, skew *skew, c clock) error {
	s.mu.Lock()
	broken := s.broken != nil
	s.mu.Unlock()
	if broken { // one output is missing: those behind it are no use
		return nil
	}
	out, start, sent, err := wire.DecodeOutput(body)
	if err != nil {
		s.drop(err) // this request is lost, the connection is not
		return nil
	}
	out.Course.Made = taken
	if out.Payload != nil && s.carried {
		hop := connector.Hop{
			Size:     out.Payload.Bytes(),
			Tx:       time.Duration(max(0, sent-start)),
			InFlight: max(0, taken.Sub(c.at(skew.here(sent)))),
		}
		out.Course.Made = taken.Add(-hop.Tx - hop.InFlight) // the way here is the hop's
		hop.Ready = c.now()
		hop.Rx = hop.Ready.Sub(taken)
		out.Payload = connector.Carried{Payload: out.Payload, Hop: hop}
	}
	s.mu.Lock()
	late := s.finished
	s.finished = s.finished || out.Finish != ""
	s.mu.Unlock()
	if late || !s.Room() && !s.Aborted() {
		return errTooMuch
	}
	s.Pass(out)
	return nil
}

// end says that the peer holds nothing of the request any more, or is lost.
func (s *stream) end(err error) {
	s.mu.Lock()
	if s.broken != nil {
		err = s.broken
	}
	s.finished = true
	s.mu.Unlock()
	close(s.over)
	s.End(err)
}

var (
	_ engine.Stream      = (*stream)(nil)
	_ connector.Receiver = (*stream)(nil)
)
