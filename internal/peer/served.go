package peer

import (
	"context"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// served is one request at one of the host's engines. The connection's reader
// hands it payloads and never waits for it; its feed moves them into the engine
// and its pump moves outputs towards the caller.
type served struct {
	caller *caller
	lane   lane
	stream engine.Stream
	ctx    context.Context
	cancel context.CancelCauseFunc

	arrived chan engine.Payload // room for every payload that the caller may have under way
	closed  bool                // no payload follows; the reader's
	credits chan struct{}       // outputs that may be sent
}

// open starts the engine's stream.
func (s *served) open(start wire.Start) error {
	h := s.caller.host
	at, err := h.stage(start.Stage, start.Replica)
	if err != nil {
		return err
	}
	if s.stream, err = at.Engines[start.Replica].Start(start.Request); err != nil {
		return err
	}
	h.requests.Add(1)
	s.ctx, s.cancel = context.WithCancelCause(s.caller.ctx)
	return nil
}

func (s *served) put(kind wire.Kind, body []byte, stamp bool) {
	s.caller.conn.out.put(&s.lane, kind, body, stamp)
}

// data takes in a payload and tells the caller when and how it came. A payload
// that is not what was sent ends the request, and nothing else.
func (s *served) data(body []byte, taken time.Time) error {
	if s.closed {
		return errTooMuch
	}
	p, sent, err := wire.DecodeData(body)
	if err != nil {
		s.cancel(err)
		return nil
	}
	select {
	case s.arrived <- p:
	default:
		return errTooMuch
	}
	clock := s.caller.conn.clock
	arrived := wire.Arrived{Sent: sent, Taken: clock.nanos(taken), Rx: int64(clock.now().Sub(taken))}
	s.put(wire.KindArrived, arrived.Encode(), false)
	return nil
}

// closeSend takes in that no payload follows.
func (s *served) closeSend() error {
	if s.closed {
		return errTooMuch
	}
	s.closed = true
	close(s.arrived)
	return nil
}

// credit takes in that the caller has room for more outputs.
func (s *served) credit(n int) error {
	for range n {
		select {
		case s.credits <- struct{}{}:
		default:
			return errTooMuch
		}
	}
	return nil
}

// feed moves what arrived into the engine as that has room for it.
func (s *served) feed() {
	defer s.caller.work.Done()
	for {
		select {
		case p, ok := <-s.arrived:
			if !ok {
				s.stream.CloseSend()
				return
			}
			if s.stream.Send(s.ctx, p) != nil { // the stream ended first; its pump says why
				return
			}
			s.put(wire.KindReleased, wire.EncodeCount(1), false)
		case <-s.ctx.Done():
			return
		}
	}
}

// pump sends the engine's outputs while the caller has room for them. When it
// returns, the engine holds nothing of the request, and the caller knows.
func (s *served) pump() {
	defer s.caller.work.Done()
	err := s.send()
	if s.ctx.Err() != nil {
		err = context.Cause(s.ctx)
		s.caller.conn.out.clear(&s.lane) // nobody waits for what was not sent yet
	}
	s.stream.Abort()
	<-s.stream.Done()
	s.caller.forget(s)
	s.caller.host.requests.Add(-1)
	s.put(wire.KindDone, wire.EncodeDone(err), false)
	s.cancel(nil) // ends feed
}

// send sends outputs until the last one, which is nil, or an error.
func (s *served) send() error {
	clock := s.caller.conn.clock
	for {
		select {
		case <-s.credits:
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
		out, err := s.stream.Recv(s.ctx)
		if err != nil {
			return err
		}
		body, err := wire.EncodeOutput(out, clock.read())
		if err != nil {
			return err
		}
		s.put(wire.KindOutput, body, true)
		if out.Finish != "" {
			return nil
		}
	}
}
