package metrics

import (
	"strings"
	"testing"
	"time"
)

// about lists the lines of the page that speak of code2wav's replica id.
func about(t *testing.T, m *Metrics, id string) (lines []string) {
	t.Helper()
	for line := range strings.Lines(text(t, m)) {
		if strings.Contains(line, `replica="`+id+`",stage="2"`) || strings.Contains(line, `to_replica="`+id+`",to_stage="2"`) {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestReplicaThatJoinsHasEveryChildAtZero(t *testing.T) {
	m := newOn()
	first := len(about(t, m, "0"))
	if n := len(about(t, m, "2")); n != 0 || first == 0 {
		t.Fatalf("%d lines of the first replica, %d of one that is not there", first, n)
	}
	m.ReplicaJoined(2, 2)
	lines := about(t, m, "2")
	if len(lines) != first {
		t.Errorf("%d lines of the replica that joined, %d of the first", len(lines), first)
	}
	for _, line := range lines {
		if !strings.HasSuffix(line, " 0\n") {
			t.Errorf("not at zero: %s", line)
		}
	}
}

func TestSeriesOfAReplicaStayTenMinutesAfterIt(t *testing.T) {
	now := time.Unix(0, 0)
	m := New(Options{ModelName: "m", LogStats: true, Stages: threeStages, now: func() time.Time { return now }})
	m.Transfer(1, 0, 2, 1).Hop(1, 1, 1, 1)
	m.Transfer(1, 0, 2, 0).Hop(1, 1, 1, 1)
	others := len(about(t, m, "0"))
	before := len(about(t, m, "1"))
	m.ReplicaLeft(2, 1)
	m.Audio(2, 1).Played(0, LateProduction) // the end of a request whose sound it made
	now = now.Add(10*time.Minute - 1)
	if n := len(about(t, m, "1")); n != before || samples(t, m, audioUnderrun, "replica=1") != 1 {
		t.Errorf("%d of %d lines just before ten minutes", n, before)
	}
	now = now.Add(1)
	if lines := about(t, m, "1"); len(lines) != 0 {
		t.Errorf("after ten minutes there are still %v", lines)
	}
	m.Audio(2, 1).Played(0, LateProduction)
	m.Transfer(1, 0, 2, 1).Hop(1, 1, 1, 1)
	if lines := about(t, m, "1"); len(lines) != 0 {
		t.Errorf("what came late brought back %v", lines)
	}
	if n := len(about(t, m, "0")); n != others {
		t.Errorf("%d of %d lines of the other replica", n, others)
	}
	// A pipeline that goes on in place of a closed one counts from 0 again.
	m.ReplicaJoined(2, 1)
	m.Audio(2, 1).Played(0, LateProduction)
	if got := samples(t, m, audioUnderrun, "replica=1"); got != 1 {
		t.Errorf("the replica of a further pipeline has %v samples", got)
	}
}
