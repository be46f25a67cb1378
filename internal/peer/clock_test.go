package peer

import (
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// rounds feeds a skew pings to a clock that is ahead by ahead: there and back
// are the times on the wire, work is what the other side takes to answer.
func rounds(s *skew, ahead int64, at int64, there, work, back int64) int64 {
	s.add(wire.Pong{Asked: at, Taken: at + there + ahead, Sent: at + there + work + ahead}, at+there+work+back)
	return at + there + work + back
}

func TestSkewIsExactWhenBothWaysTakeEquallyLong(t *testing.T) {
	for _, ahead := range []int64{0, 17, -17, int64(5 * time.Hour), -int64(5 * time.Hour)} {
		var s skew
		at := int64(1000)
		for range 20 {
			at = rounds(&s, ahead, at, 40, 1_000_000, 40) // the answer may take its time
		}
		if got := s.here(at + ahead); got != at {
			t.Errorf("a clock %d ahead is taken for %d", ahead, at+ahead-got)
		}
	}
}

func TestQuickestRoundIsTrusted(t *testing.T) {
	var s skew
	at := rounds(&s, 500, 0, 100_000, 0, 10)
	at = rounds(&s, 500, at, 30, 5, 34)
	at = rounds(&s, 500, at, 10, 7, 90_000)
	if got := s.best(); got.delay() != 64 || got.offset() != 498 {
		t.Errorf("best round: delay %d, offset %d", got.delay(), got.offset())
	}
	if off := at - s.here(at+500); off < -32 || off > 32 {
		t.Errorf("off by %d, more than half the quickest round", off)
	}
}

func TestDriftIsFollowedOnceOldRoundsAreForgotten(t *testing.T) {
	var s skew
	at := rounds(&s, 100, 0, 1, 0, 1) // the quickest ever, long ago
	for range keptRounds {
		at = rounds(&s, 900, at, 20, 0, 20)
	}
	if got := s.here(at + 900); got != at {
		t.Errorf("a clock 900 ahead is taken for %d", at+900-got)
	}
}

func TestClockReadsWhatItTells(t *testing.T) {
	now := time.Unix(100, 0)
	c := newClock(func() time.Time { return now })
	now = now.Add(1500)
	if n := c.read(); n != 1500 || !c.at(n).Equal(now) {
		t.Errorf("%d ns, at %v", n, c.at(n))
	}
}
