package orchestrator

import (
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/metrics"
)

// pathStages is the number of stages that a path tells apart; the time at those
// behind them is residual.
const pathStages = 8

// path is the way to one thing (an output, a payload at its stage, the server's
// newest write), and what its time went by with: every instant since the
// arrival is in exactly one of its parts. It is a value. What comes of two
// things goes on from the path of the one that it had to wait for; so the last
// write's path is that which led to the last byte.
type path struct {
	at     time.Time // the parts add up to the time until here
	parts  metrics.RequestTimes
	stages [pathStages]metrics.StageTimes
}

// until charges the time up to at to a part of the path.
func (p *path) until(at time.Time, part *time.Duration) {
	if d := at.Sub(p.at); d > 0 {
		*part += d
		p.at = at
	}
}

// later takes up another path if that leads further.
func (p *path) later(other *path) {
	if other.at.After(p.at) {
		*p = *other
	}
}

func (p *path) hop(k int) *time.Duration   { return p.stage(k, 0) }
func (p *path) queue(k int) *time.Duration { return p.stage(k, 1) }
func (p *path) work(k int) *time.Duration  { return p.stage(k, 2) }

func (p *path) stage(k, part int) *time.Duration {
	if k >= pathStages {
		return &p.parts.Residual
	}
	t := &p.stages[k]
	return [...]*time.Duration{&t.Hop, &t.Queue, &t.Work}[part]
}

// ways are the paths of one stage's work for one choice. The flight's mu guards
// them.
type ways struct {
	// made leads to when the stage gave its newest output, moved to when its pump
	// was done with the newest one.
	made, moved path
	// client says that what the pump last waited for was the client; otherwise it
	// was a place in the link.
	client bool
}

// came goes on with an output of stage k that its pump took now. The stage may
// have waited for an input, then for room for the output, then for its turn.
func (w *ways) came(k int, c engine.Course, in *inputs, now time.Time) {
	from := w.made
	if p := in.take(c.Awaited, c.Taken); p != nil {
		from.later(p)
	}
	if c.AfterFull > 0 {
		held := from.queue(k + 1)
		if w.client {
			held = &from.parts.Write
		}
		from.until(c.Made.Add(-c.AfterFull), held)
	}
	work := c.Made.Sub(from.at)
	if c.Tells {
		work = min(work, max(0, c.Worked))
	}
	from.until(c.Made.Add(-work), from.queue(k))
	from.until(c.Made, from.work(k))
	w.made = from
	w.moved.later(&w.made)
	w.moved.until(now, &w.moved.parts.Residual)
}

// keptInputs bounds the paths of payloads that a stage was handed and has not
// told of since. If there are ever more, the stage has been busy with others for
// so long that the oldest ones were not waited for.
const keptInputs = 64

// inputs are the paths to the payloads that a stage was handed and has not told
// of, in their order. The flight's mu guards it.
type inputs struct {
	paths []path
	first int // the number of the oldest one, less 1
}

// add keeps the path to the next payload, or to the end of the input.
func (in *inputs) add(p path) {
	if len(in.paths) == keptInputs {
		in.drop(1)
	}
	in.paths = append(in.paths, p)
}

func (in *inputs) drop(n int) {
	n = min(n, len(in.paths))
	in.paths = in.paths[:copy(in.paths, in.paths[n:])]
	in.first += n
}

// take forgets the first payloads up to taken, and returns the path to the one
// with the given number, from 1 on; nil if it is none or not kept.
func (in *inputs) take(number, taken int) *path {
	var found path
	i := number - 1 - in.first
	kept := number > 0 && i >= 0 && i < len(in.paths)
	if kept {
		found = in.paths[i]
	}
	in.drop(max(0, taken-in.first))
	if !kept {
		return nil
	}
	return &found
}

// client is the server's side of a path: what it does with events, as long as
// it waits for none. The flight's mu guards it.
type client struct {
	path    path
	writing bool // what was made of the newest event is being written
	waiting bool // for the next event
	fed     bool // it is there, or on its way
	next    path // to it
}

// done charges what the server did until now.
func (c *client) done(now time.Time) {
	part := &c.path.parts.Encode
	if c.writing {
		part = &c.path.parts.Write
	}
	c.path.until(now, part)
	c.writing = false
}

// feed keeps the path to the event that ends the server's wait, if it waits.
func (c *client) feed(p *path) {
	if c.waiting && !c.fed {
		c.fed, c.next = true, *p
	}
}

// woken goes on with the event that ended the server's wait.
func (c *client) woken(now time.Time) {
	if c.fed {
		c.path.later(&c.next)
	}
	c.waiting, c.fed = false, false
	c.path.until(now, &c.path.parts.Residual)
}
