package orchestrator

import (
	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
)

// What follows keeps the paths of one request as its outputs move along. All of
// it is told under the flight's mu, once per event.

// begin is the path to the first work of stage k. The caller holds mu.
func (f *flight) begin(k int) path {
	if k > f.req.Entry {
		return f.legs[k-1].choices[0].ways.moved
	}
	p := f.entered
	p.until(f.dispatched, &p.parts.Admission)
	return p
}

// offer gives the client an event of stage k if there is a place for it.
func (f *flight) offer(k, i int, ev Event) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case f.events <- ev:
		f.client.feed(&f.legs[k].choices[i].ways.moved)
		return true
	default:
		return false
	}
}

// caughtUp goes on with a pump that had to wait for the client.
func (f *flight) caughtUp(k, i int) {
	now := f.o.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &f.legs[k].choices[i].ways
	w.client = true
	w.moved.later(&f.client.path)
	w.moved.until(now, &w.moved.parts.Residual)
	f.client.feed(&w.moved)
}

// held says whether an output could not be made earlier because the client was
// behind.
func (f *flight) held(k, i int, c engine.Course) bool {
	if c.AfterFull == 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.legs[k].choices[i].ways.client
}

// sending keeps the path of a payload that goes on its way from stage k.
func (f *flight) sending(k int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := &f.legs[k]
	l.sent = append(l.sent, l.choices[0].ways.moved)
}

// sent goes on with a pump whose payload has left: it may have had to wait for a
// place in the link to stage k+1.
func (f *flight) sent(k int) {
	now := f.o.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &f.legs[k].choices[0].ways
	w.client = false
	w.moved.until(now, w.moved.queue(k+1))
}

// arrived goes on with the oldest payload on its way to stage k. Before it
// crossed it may have had to wait for a place in the link.
func (f *flight) arrived(k int, hop connector.Hop) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := &f.legs[k-1]
	p := from.sent[0]
	from.sent = from.sent[:copy(from.sent, from.sent[1:])]
	p.until(hop.Ready.Add(-hop.Tx-hop.InFlight-hop.Rx), p.queue(k))
	p.until(hop.Ready, p.hop(k))
	f.handed(k, p)
}

// endArrived goes on with the end of stage k's input, which follows the last
// output of the stage before.
func (f *flight) endArrived(k int) {
	now := f.o.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.legs[k-1].choices[0].ways.moved
	p.until(now, p.hop(k))
	f.handed(k, p)
}

// handed keeps the path to what stage k was handed, and when that was first.
// The caller holds mu.
func (f *flight) handed(k int, p path) {
	l := &f.legs[k]
	l.inputs.add(p)
	if l.firstInput.IsZero() {
		l.firstInput = p.at
	}
}

// take gives the server the next event if it is there already, and writes down
// that it waits otherwise; open is false once the events have ended.
func (f *flight) take() (ev Event, open, there bool) {
	now := f.o.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.client.done(now)
	select {
	case ev, open = <-f.events:
		return ev, open, true
	default:
		f.client.waiting = true
		return Event{}, false, false
	}
}

// woken writes down that an event ended the server's wait.
func (f *flight) woken() {
	now := f.o.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.client.woken(now)
}

// lastEvent closes the events: a server that waits for one has waited for the
// stage that was done last.
func (f *flight) lastEvent() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var last path
	for k := range f.legs {
		for i := range f.legs[k].choices {
			last.later(&f.legs[k].choices[i].ways.moved)
		}
	}
	f.client.feed(&last)
	close(f.events)
}
