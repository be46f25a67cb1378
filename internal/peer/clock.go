package peer

import (
	"time"

	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// clock counts the nanoseconds of one side of one connection, from when the
// connection was made. It reads the monotonic clock only: the two sides need no
// agreement about the time of day.
type clock struct {
	now   func() time.Time
	began time.Time
}

func newClock(now func() time.Time) clock { return clock{now: now, began: now()} }

// nanos is t on the clock.
func (c clock) nanos(t time.Time) int64 { return int64(t.Sub(c.began)) }

// read is the present.
func (c clock) read() int64 { return c.nanos(c.now()) }

// at is the time at which the clock shows n.
func (c clock) at(n int64) time.Time { return c.began.Add(time.Duration(n)) }

// round is one ping and its pong: when the ping left, arrived, and was
// answered, and when the answer arrived. The middle two are the other side's.
type round struct{ asked, taken, answered, back int64 }

// delay is the time that the round was on the wire.
func (r round) delay() int64 { return (r.back - r.asked) - (r.answered - r.taken) }

// offset is how far the other clock is ahead, if both ways took equally long.
func (r round) offset() int64 { return ((r.taken - r.asked) + (r.answered - r.back)) / 2 }

// Rounds of a skew. The first ones are made at once, then one every second, so
// that a drift of the clocks is followed.
const (
	firstRounds   = 8
	keptRounds    = 8
	roundInterval = time.Second
)

// skew estimates how far the other side's clock is ahead of this one. As NTP
// does, it trusts the quickest of the last rounds: the less time a round took,
// the less of it can be on one way only. The error is at most half that time.
type skew struct {
	rounds [keptRounds]round
	n      int
}

func (s *skew) add(p wire.Pong, back int64) {
	s.rounds[s.n%keptRounds] = round{p.Asked, p.Taken, p.Sent, back}
	s.n++
}

// best is the quickest of the rounds kept.
func (s *skew) best() round {
	best := s.rounds[0]
	for _, r := range s.rounds[1:min(s.n, keptRounds)] {
		if r.delay() < best.delay() {
			best = r
		}
	}
	return best
}

// here turns a time of the other side into one of this side.
func (s *skew) here(theirs int64) int64 { return theirs - s.best().offset() }
