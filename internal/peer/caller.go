package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/peer/wire"
)

var (
	errCallerLost = errors.New("the caller is lost")
	errDraining   = errors.New("it is shutting down")
)

// caller is one process that uses the host: its connection and its requests.
type caller struct {
	host *Host
	conn *conn
	ctx  context.Context // of the connection
	log  *slog.Logger

	work  sync.WaitGroup // goroutines of its requests and pages
	pages chan struct{}  // room for the pages that are being written

	mu      sync.Mutex // guards the fields below
	streams map[uint64]*served
}

// serve works for the caller until the connection ends, then aborts what it had
// and waits until the engines have let go of it.
func (c *caller) serve() error {
	switch err := c.greet(); {
	case err == errDraining:
		return status.Error(codes.Unavailable, err.Error())
	case err != nil:
		c.log.Warn("caller is refused", "error", err)
		return status.Error(refusedCode, err.Error())
	}
	defer c.host.leave(c)
	c.log.Info("caller is connected")
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		_ = c.conn.write() // a broken connection ends the reading too
	}()
	err := c.conn.read(c.take)
	c.conn.out.close()
	c.mu.Lock()
	for _, s := range c.streams {
		s.cancel(errCallerLost)
	}
	c.mu.Unlock()
	c.work.Wait()
	if errors.Is(err, wire.ErrMalformed) || errors.Is(err, errTooMuch) || errors.Is(err, errUnasked) {
		c.log.Warn("caller does not keep to the protocol", "error", err)
		return status.Error(codes.InvalidArgument, err.Error()) // gRPC drops the connection and with it what is being written
	}
	<-wrote
	c.log.Info("caller is gone")
	return nil
}

// greet reads the caller's first message and answers it.
func (c *caller) greet() error {
	in := wire.Inbound{Now: c.host.now}
	if err := c.conn.raw.RecvMsg(&in); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	defer in.Free()
	f, err := wire.ParseFrame(in.Data)
	if err != nil {
		return err
	}
	if f.Kind != wire.KindHello {
		return errors.New("the first message is no hello")
	}
	version, err := wire.Peek(f.Part)
	if err != nil {
		return err
	}
	if version != wire.Version {
		return fmt.Errorf("it speaks version %d of the protocol, the caller %d", wire.Version, version)
	}
	var hello wire.Hello
	if err := wire.DecodeJSON(f.Part, &hello); err != nil {
		return err
	}
	offer := c.host.offer()
	if hello.Fingerprint != offer.Fingerprint {
		return otherModel(offer.Model, offer.Fingerprint, hello.Model, hello.Fingerprint)
	}
	for _, name := range hello.Stages {
		if !slices.ContainsFunc(offer.Stages, func(o wire.StageOffer) bool { return o.Name == name }) {
			return fmt.Errorf("it does not run stage %s, only %s", name, stageList(offer.Stages))
		}
	}
	if !c.host.enter(c, offer) {
		return errDraining
	}
	return nil
}

// take handles one message. An error ends the connection.
func (c *caller) take(m wire.Message, taken time.Time) error {
	switch m.Kind {
	case wire.KindPing:
		asked, err := wire.DecodePing(m.Body)
		if err != nil {
			return err
		}
		c.conn.put(wire.KindPong, wire.Pong{Asked: asked, Taken: c.conn.clock.nanos(taken)}.Encode(), true)
		return nil
	case wire.KindStart:
		return c.start(m)
	case wire.KindPage:
		return c.page(m)
	}
	c.mu.Lock()
	s := c.streams[m.Stream]
	c.mu.Unlock()
	if s == nil { // it has ended, and the caller does not know yet
		return nil
	}
	switch m.Kind {
	case wire.KindData:
		return s.data(m.Body, taken)
	case wire.KindCloseSend:
		return s.closeSend()
	case wire.KindAbort:
		s.cancel(engine.ErrAborted)
		return nil
	case wire.KindCredit:
		n, err := wire.DecodeCount(m.Body)
		if err != nil {
			return err
		}
		return s.credit(n)
	}
	return fmt.Errorf("%w: kind %d", errUnasked, m.Kind)
}

// start opens a stream.
func (c *caller) start(m wire.Message) error {
	s := &served{
		caller:  c,
		lane:    lane{stream: m.Stream},
		arrived: make(chan engine.Payload, c.host.depth),
		credits: make(chan struct{}, c.host.depth),
	}
	for range c.host.depth {
		s.credits <- struct{}{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[m.Stream] != nil || m.Stream == 0 {
		return fmt.Errorf("%w: stream %d is open", errUnasked, m.Stream)
	}
	var start wire.Start
	err := wire.DecodeJSON(m.Body, &start)
	if err == nil {
		err = s.open(start)
	}
	if err != nil {
		c.conn.out.put(&s.lane, wire.KindDone, wire.EncodeDone(err), false)
		return nil
	}
	c.streams[m.Stream] = s
	c.work.Add(2)
	go s.feed()
	go s.pump()
	return nil
}

// page answers with a replica's metrics page. It is written by nobody whom
// requests wait for.
func (c *caller) page(m wire.Message) error {
	var of wire.PageOf
	if err := wire.DecodeJSON(m.Body, &of); err != nil {
		return err
	}
	select {
	case c.pages <- struct{}{}:
	default:
		return errTooMuch
	}
	to := &lane{stream: m.Stream}
	c.work.Go(func() {
		c.conn.out.put(to, wire.KindPaged, wire.EncodePaged(c.host.page(of)), false)
		<-c.pages
	})
	return nil
}

// forget takes a stream that has ended off the list.
func (c *caller) forget(s *served) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.streams, s.lane.stream)
}
