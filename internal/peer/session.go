package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/peer/wire"
)

var (
	errTooMuch = errors.New("the peer sent more than it had room for")
	errUnasked = errors.New("the peer answered what was not asked")
)

// session is one connection to a peer, from its handshake to its loss.
type session struct {
	peer    *Peer
	conn    *conn
	depth   int
	welcome wire.Welcome
	cancel  context.CancelFunc

	skew skew // the reader's

	mu      sync.Mutex // guards the fields below
	streams map[uint64]*stream
	last    uint64                  // number of the newest stream
	lost    error                   // no stream is opened once it is set
	pages   map[uint64]chan<- paged // those that were asked for, by stream
	// draining says that the peer shuts down.
	draining bool
}

// greet opens a connection, says who calls, and checks the answer.
func (p *Peer) greet(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithCancel(ctx)
	raw, err := p.grpc.NewStream(ctx, &connectDesc, connectMethod, grpc.ForceCodecV2(wire.Codec{}))
	if err != nil {
		cancel()
		return nil, plain(err)
	}
	s := &session{peer: p, conn: newConn(raw, p.now), cancel: cancel, streams: map[uint64]*stream{}, pages: map[uint64]chan<- paged{}}
	hello := wire.Hello{Version: wire.Version, Model: p.o.Model, Fingerprint: p.o.Fingerprint, Stages: p.o.Stages}
	f := wire.Frame{Kind: wire.KindHello}
	_ = raw.SendMsg(&wire.Outbound{Header: f.Header(), Part: wire.EncodeJSON(hello)}) // the answer says what is wrong
	in := wire.Inbound{Now: p.now}
	if err := raw.RecvMsg(&in); err != nil {
		cancel()
		return nil, plain(err)
	}
	defer in.Free()
	if err := s.checkWelcome(in.Data); err != nil {
		cancel()
		return nil, refusal{err}
	}
	return s, nil
}

// checkWelcome reads the peer's answer.
func (s *session) checkWelcome(data []byte) error {
	f, err := wire.ParseFrame(data)
	if err != nil || f.Kind != wire.KindWelcome {
		return fmt.Errorf("it does not speak Limelight's peer protocol")
	}
	version, err := wire.Peek(f.Part)
	if err != nil {
		return err
	}
	if version != wire.Version {
		return fmt.Errorf("it speaks version %d of the protocol, this side %d", version, wire.Version)
	}
	if err := wire.DecodeJSON(f.Part, &s.welcome); err != nil {
		return err
	}
	o := s.peer.o
	if s.welcome.Fingerprint != o.Fingerprint {
		return otherModel(s.welcome.Model, s.welcome.Fingerprint, o.Model, o.Fingerprint)
	}
	for _, name := range o.Stages {
		if s.replicas(name) < 1 {
			return fmt.Errorf("it does not run stage %s, only %s", name, stageList(s.welcome.Stages))
		}
	}
	if s.depth = s.welcome.Depth; s.depth < 1 || s.depth > 1<<16 {
		return fmt.Errorf("it offers a depth of %d", s.depth)
	}
	return nil
}

// replicas is the number of replicas of a stage that the peer runs.
func (s *session) replicas(stage string) int {
	for _, o := range s.welcome.Stages {
		if o.Name == stage {
			return o.Replicas
		}
	}
	return 0
}

// run works until the connection is lost and returns why. Ready is called once
// the clocks have been compared.
func (s *session) run(ready func()) error {
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		if s.conn.write() != nil {
			s.cancel() // the reader says why
		}
	}()
	asking := make(chan struct{})
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		s.ask(asking)
	}()
	s.ping()
	err := s.conn.read(func(m wire.Message, taken time.Time) error {
		if m.Kind == wire.KindPong {
			return s.pong(m, taken, ready)
		}
		return s.take(m, taken)
	})
	s.cancel()
	close(asking)
	s.conn.out.close()
	<-wrote
	<-asked
	return plain(err)
}

func (s *session) ping() { s.conn.put(wire.KindPing, wire.EncodePing(), true) }

// ask pings the peer every roundInterval.
func (s *session) ask(stop <-chan struct{}) {
	ticks := time.NewTicker(roundInterval)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			s.ping()
		case <-stop:
			return
		}
	}
}

// pong takes the peer's time in, and asks again until the first rounds are made.
func (s *session) pong(m wire.Message, taken time.Time, ready func()) error {
	p, err := wire.DecodePong(m.Body)
	if err != nil {
		return err
	}
	s.skew.add(p, s.conn.clock.nanos(taken))
	switch {
	case s.skew.n < firstRounds:
		s.ping()
	case s.skew.n == firstRounds:
		ready()
	}
	return nil
}

// take handles a message for one stream. A stream that is not known has ended.
func (s *session) take(m wire.Message, taken time.Time) error {
	if m.Kind == wire.KindDrain {
		s.peer.draining()
		s.mu.Lock()
		s.draining = true
		s.mu.Unlock()
		return s.leave()
	}
	if m.Kind == wire.KindPaged {
		return s.paged(m)
	}
	s.mu.Lock()
	st := s.streams[m.Stream]
	s.mu.Unlock()
	if st == nil {
		return nil
	}
	switch m.Kind {
	case wire.KindOutput:
		return st.output(m.Body, taken, &s.skew, s.conn.clock)
	case wire.KindArrived:
		a, err := wire.DecodeArrived(m.Body)
		if err != nil {
			return err
		}
		if !st.link.arrived(a, &s.skew, s.conn.clock) {
			return errUnasked
		}
	case wire.KindReleased:
		n, err := wire.DecodeCount(m.Body)
		if err != nil {
			return err
		}
		if !st.link.release(there, n) {
			return errUnasked
		}
	case wire.KindDone:
		ended, err := wire.DecodeDone(m.Body)
		if err != nil {
			return err
		}
		s.mu.Lock()
		delete(s.streams, m.Stream)
		s.mu.Unlock()
		st.end(ended)
		return s.leave()
	default:
		return fmt.Errorf("%w: kind %d", errUnasked, m.Kind)
	}
	return nil
}

// leave ends the connection when the peer shuts down and has nothing left of
// this side.
func (s *session) leave() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining || len(s.streams) > 0 {
		return nil
	}
	s.lost = s.peer.lost(errDraining)
	return errDraining
}

// start opens a stream for a request at an engine of the peer.
func (s *session) start(e *remote, req engine.Request) (*stream, error) {
	st := &stream{
		Exchange: engine.NewExchange(1, s.depth, func() {}), // payloads go over the link, never into the exchange
		session:  s, engine: e, carried: req.Handover, over: make(chan struct{}),
	}
	st.link = newLink(st, s.depth)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != nil {
		return nil, s.lost
	}
	s.last++
	st.lane.stream = s.last
	s.streams[s.last] = st
	st.put(wire.KindStart, wire.Start{Stage: e.stage, Replica: e.replica, Request: req}.Encode(), false)
	return st, nil
}

// fail ends all streams.
func (s *session) fail(err error) {
	s.mu.Lock()
	s.lost = err
	all := s.streams
	s.streams = map[uint64]*stream{}
	pages := s.pages
	s.pages = nil
	s.mu.Unlock()
	for _, st := range all {
		st.end(err)
	}
	for _, answer := range pages {
		answer <- paged{err: err}
	}
}

// of lists an engine's open streams.
func (s *session) of(e *remote) []*stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*stream
	for _, st := range s.streams {
		if st.engine == e {
			all = append(all, st)
		}
	}
	return all
}
