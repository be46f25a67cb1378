package orchestrator

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
)

// forward hands a payload of stage k over to the next stage. The next stage is
// bound when the first payload for it exists, or at stage k's end if none ever
// did: it then has to say itself that nothing came.
func (f *flight) forward(k int, p engine.Payload, last bool) error {
	l := &f.legs[k]
	if f.o.gather {
		l.gathered.add(p)
		if !last {
			return nil
		}
		var err error
		if p, err = l.gathered.join(); err != nil {
			return err
		}
	}
	if p == nil && !(last && l.link == nil) {
		return nil
	}
	if f.silentCtx.Err() != nil && context.Cause(f.silentCtx) == errAudioRejected {
		return nil // the text goes on alone
	}
	if l.link == nil {
		if !f.connect(k) {
			return f.failure()
		}
	}
	if p == nil {
		return nil
	}
	f.sending(k)
	err := l.link.Send(f.silentCtx, p)
	f.sent(k)
	if err == nil || errors.Is(err, errAudioRejected) || errors.Is(err, connector.ErrClosed) {
		return nil // sent, or the next stage takes nothing more: its audio was rejected, or is long enough
	}
	return &hopError{err}
}

// connect binds a replica of stage k+1, opens the link to it, and sets its
// intake and its pump going. It is false when the request has failed.
func (f *flight) connect(k int) bool {
	to := k + 1
	binding, err := f.o.stages[to].Bind(f.req.Affinity)
	if err != nil {
		f.fail(to, err)
		return false
	}
	from := f.legs[k].binding.Replica.ID
	edge := connector.Edge{FromStage: k, FromReplica: from, ToStage: to, ToReplica: binding.Replica.ID}
	if !f.open(to, binding, time.Time{}) {
		return false
	}
	link, err := f.linkTo(to, edge)
	if err != nil {
		f.release(to)
		f.fail(k, &hopError{err})
		return false
	}
	f.legs[k].link = link
	f.work.Add(2)
	f.o.flights.Go(func() { f.intake(to, link, edge) })
	f.o.flights.Go(func() { f.pump(to) })
	return true
}

// linkTo opens the way to stage k's stream: its own if it has one.
func (f *flight) linkTo(k int, edge connector.Edge) (connector.Link, error) {
	if r, ok := f.legs[k].choices[0].stream.(connector.Receiver); ok {
		return r.Link(), nil
	}
	return f.o.connectors[k-1].Open(edge, f.req.ID)
}

// release makes stage k let go of the request, and waits until it has.
func (f *flight) release(k int) {
	l := &f.legs[k]
	f.silence.waits[k].Add(1)
	letGo(l.choices)
	f.silence.waits[k].Add(-1)
	l.binding.Release()
}

// intake takes what arrives over the link, at once, so that a hop's time in
// flight is the wire's and not the stage's. What the stage has no room for yet
// waits here; it keeps its place in the link, which holds the sender back.
func (f *flight) intake(k int, link connector.Link, edge connector.Edge) {
	defer f.work.Done()
	arrived := make(chan engine.Payload, link.Depth()) // room for all: a push never waits
	f.work.Add(1)
	f.o.flights.Go(func() { f.feed(k, link, arrived) })
	defer close(arrived)
	hops := f.o.metrics.Transfer(edge.FromStage, edge.FromReplica, edge.ToStage, edge.ToReplica)
	for {
		p, hop, err := link.Recv(f.silentCtx)
		switch {
		case err == io.EOF:
			f.endArrived(k)
			return
		case errors.Is(err, connector.ErrClosed): // the stage takes nothing more; its pump says why
			return
		case err != nil:
			f.interrupted(k, &hopError{err})
			return
		}
		hops.Hop(hop.Size, hop.Tx, hop.InFlight, hop.Rx)
		f.arrived(k, hop)
		payload, ok := p.(engine.Payload)
		if !ok {
			panic("BUG: the connector delivered something that was never sent")
		}
		arrived <- payload
	}
}

// feed moves what arrived into stage k as the stage has room for it.
func (f *flight) feed(k int, link connector.Link, arrived <-chan engine.Payload) {
	defer f.work.Done()
	defer link.Close()
	stream := f.legs[k].choices[0].stream
	for payload := range arrived {
		err := stream.Send(f.silentCtx, payload)
		if errors.Is(err, engine.ErrAborted) { // the stage ended first; its pump says why
			return
		}
		if err != nil {
			f.interrupted(k, err)
			return
		}
		link.Release()
	}
	stream.CloseSend()
}
