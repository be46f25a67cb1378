package orchestrator

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// queued is a house whose thinker has one place, which is taken, and a request
// that waits for it.
func queued(t *testing.T, stageTimeout time.Duration) (h *house, first, waits *Reply) {
	h = newHouse(t, layout{stageTimeout: stageTimeout, places: 1, thinker: paced(9, timeout-time.Second)})
	return h, h.submit(t, 0), h.submit(t, 0)
}

func TestRequestsThatWaitForAStageWithoutAReplicaFailAfterTheStageTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, first, waits := queued(t, timeout)
		thinker := h.Stages()[0]
		thinker.SetUp(0, false)
		time.Sleep(timeout - 1)
		thinker.SetUp(0, true) // the first request has its place still
		thinker.SetUp(0, false)
		began := time.Now()
		var failure *StageError
		if _, _, err := listen(t, waits); !errors.As(err, &failure) || failure.Stage != 0 || !errors.Is(err, ErrNoReplica) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took != timeout {
			t.Errorf("it took %v", took)
		}
		// What the replica works for is its engine's to end.
		if text, _, err := listen(t, first); len(text) != 9 || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		page := scrape(t, h.metrics)
		page.want(t, `limelight_stage_failures_total{cause="no_replica",stage="0"}`, 1)
		page.want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 1)
		page.want(t, `vllm:omni_num_requests_waiting`, 0)
	})
}

func TestRequestThatWaitsIsServedByAReplicaThatComesBackInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, first, waits := queued(t, timeout)
		h.Stages()[0].SetUp(0, false)
		first.Close()
		time.Sleep(timeout - 1)
		h.Stages()[0].SetUp(0, true)
		if text, _, err := listen(t, waits); len(text) != 9 || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		scrape(t, h.metrics).want(t, `limelight_stage_failures_total{cause="no_replica",stage="0"}`, 0)
	})
}

func TestWithoutAStageTimeoutRequestsWaitForAReplicaForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, first, waits := queued(t, 0)
		h.Stages()[0].SetUp(0, false)
		first.Close()
		time.Sleep(100 * timeout)
		if running, waiting := h.Requests(); running != 0 || waiting != 1 {
			t.Errorf("%d requests are running and %d waiting", running, waiting)
		}
		waits.Close()
	})
}
