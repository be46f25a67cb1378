package dashboard

import (
	"fmt"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 0)

// ended tells of a request, as the server does.
func (rs *Requests) ended(id, reason string, at time.Time, e2e time.Duration) {
	if rs.Wants(reason, e2e, at) {
		rs.Ended(&Request{ID: id, Reason: reason, Ended: at, E2E: e2e})
	}
}

func TestFailuresOutliveAFloodOfSuccesses(t *testing.T) {
	var rs Requests
	rs.ended("failed", "error", start, time.Millisecond)
	rs.ended("left", "abort", start, time.Millisecond)
	for i := range 100_000 {
		rs.ended(fmt.Sprint(i), "stop", start.Add(time.Duration(i)*time.Millisecond), time.Duration(i)*time.Microsecond)
	}
	for i := range 1000 {
		rs.ended(fmt.Sprint("left", i), "abort", start.Add(time.Second), time.Millisecond)
	}
	b := rs.body(start.Add(time.Hour))
	if n := len(b.Failed); n != 1+mostAborts || b.Failed[n-1].ID != "failed" {
		t.Errorf("%d failures, the oldest is %s", n, b.Failed[n-1].ID)
	}
}

func TestSlowestOfTheLast15MinutesAreKept(t *testing.T) {
	var rs Requests
	slowest := 0.0
	for i := range 1000 {
		if e2e := float64(1+i*617%1000) / 1000; i >= 99 {
			slowest = max(slowest, e2e)
		}
		rs.ended(fmt.Sprint(i), "stop", start.Add(time.Duration(i)*time.Second), time.Duration(1+i*617%1000)*time.Millisecond)
	}
	now := start.Add(999 * time.Second)
	b := rs.body(now)
	if len(b.Slow) != mostSlow {
		t.Fatalf("%d slow requests", len(b.Slow))
	}
	for i, q := range b.Slow {
		if i == 0 && q.E2E != slowest || i > 0 && q.E2E > b.Slow[i-1].E2E {
			t.Errorf("place %d took %v s", i, q.E2E)
		}
		if now.Sub(time.UnixMilli(int64(1000*q.Ended))) > history {
			t.Errorf("%s ended at %v", q.ID, q.Ended)
		}
	}
	// Quick ones take the places of those that are not recent any more.
	for i := range mostSlow {
		rs.ended(fmt.Sprint("quick", i), "stop", now.Add(time.Hour), time.Millisecond)
	}
	if b := rs.body(now.Add(time.Hour)); len(b.Slow) != mostSlow || b.Slow[0].E2E != 0.001 {
		t.Errorf("after an hour %d are recent", len(b.Slow))
	}
}

func TestQuickSuccessCostsNoAllocationAndChangesNothing(t *testing.T) {
	var rs Requests
	for range mostSlow {
		rs.ended("slow", "stop", start, time.Second)
	}
	before := rs.changed()
	if n := testing.AllocsPerRun(100, func() { rs.ended("quick", "stop", start, time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if rs.changed() != before {
		t.Error("the page is told of it")
	}
	var nobody *Requests
	if nobody.Wants("error", time.Second, start) || nobody.changed() != 0 {
		t.Error("a nil Requests wants to know")
	}
	nobody.Ended(&Request{})
}

func TestRequestIsShownWithItsPartsInTheirOrder(t *testing.T) {
	q := Request{ID: "x", Ended: start, Reason: "error", Failed: "code2wav", FailedReplica: 1, Cause: "lost", E2E: 2 * time.Second, TTFP: time.Second, Audio: 4 * time.Second, Made: time.Second, N: 2}
	q.Parts.Receive, q.Parts.Write = time.Millisecond, 2*time.Millisecond
	q.Stages[0].Name, q.Stages[0].Work = "talker", time.Second
	q.Stages[1] = StagePart{Name: "code2wav", Replica: 1}
	q.Stages[1].Hop = time.Second
	b := q.body()
	var parts string
	for _, p := range b.Parts {
		parts += p.Stage + " " + p.Part + ";"
	}
	if parts != " receive;talker work;code2wav hop; write;" || *b.Parts[2].Replica != 1 || *b.RTF != 0.25 || *b.TTFP != 1 || *b.Replica != 1 || b.CauseIs == "" {
		t.Errorf("%s %+v", parts, b)
	}
}
