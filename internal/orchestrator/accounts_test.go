package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
)

func TestFailuresAreSortedByStageAndCause(t *testing.T) {
	end := func(err error) script {
		return func(t *turn, _ engine.Request) {
			t.Next()
			t.X.End(err)
		}
	}
	talks := layout{thinker: say(20, engine.FinishStop), talker: speak(99, engine.FinishStop), code2wav: decode}
	for _, c := range []struct {
		name   string
		layout layout
		stage  int
		cause  metrics.FailureCause
	}{
		{"the engine broke", layout{thinker: talks.thinker, talker: end(errBroken), code2wav: decode}, 1, metrics.CauseEngine},
		{"codec frames rejected after sound", layout{thinker: talks.thinker, talker: talks.talker, code2wav: reject(1)}, 2, metrics.CauseRejected},
		{"an engine that was shut down", layout{thinker: talks.thinker, talker: talks.talker, code2wav: end(engine.ErrClosed)}, 2, metrics.CauseClosed},
		{"a deadline", layout{thinker: talks.thinker, talker: end(fmt.Errorf("far away: %w", context.DeadlineExceeded)), code2wav: decode}, 1, metrics.CauseTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, c.layout)
			if _, _, err := listen(t, h.submit(t, 2)); err == nil {
				t.Fatal("no error")
			}
			page := scrape(t, h.metrics)
			page.want(t, `vllm:omni_requests_success_total{finished_reason="error"}`, 1)
			for k := range h.Stages() {
				for _, cause := range []metrics.FailureCause{
					metrics.CauseRejected, metrics.CauseNoReplica, metrics.CauseLost, metrics.CauseClosed, metrics.CauseHop, metrics.CauseTimeout, metrics.CauseReply, metrics.CauseEngine,
				} {
					want := 0.0
					if k == c.stage && cause == c.cause {
						want = 1
					}
					page.want(t, fmt.Sprintf(`limelight_stage_failures_total{cause="%s",stage="%d"}`, cause, k), want)
				}
			}
		})
	}
}

func TestCauseOfAnErrorIsFoundThroughItsWrapping(t *testing.T) {
	for want, err := range map[metrics.FailureCause]error{
		metrics.CauseHop:       &hopError{errBroken},
		metrics.CauseNoReplica: fmt.Errorf("stage talker: %w", stage.ErrNoReplica),
		metrics.CauseTimeout:   &hopError{ErrStageTimeout},
		metrics.CauseRejected:  fmt.Errorf("x: %w", &engine.RejectedError{Reason: "malformed_codec", Err: errBroken}),
		metrics.CauseLost:      fmt.Errorf("x: %w", engine.ErrLost),
		metrics.CauseClosed:    fmt.Errorf("x: %w", engine.ErrClosed),
		metrics.CauseEngine:    errors.New("anything"),
	} {
		if got := cause(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

func TestReplyThatCannotBeMadeIsTheLastStagesFailure(t *testing.T) {
	h := newHouse(t, layout{thinker: say(2, engine.FinishStop), talker: speak(9, engine.FinishStop), code2wav: decode})
	r := h.submit(t, 2)
	for {
		if _, err := r.Next(t.Context()); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	r.Fail()
	r.Close()
	page := scrape(t, h.metrics)
	page.want(t, `limelight_stage_failures_total{cause="reply",stage="2"}`, 1)
	page.want(t, `limelight_wasted_audio_seconds_total{finished_reason="error",stage="2"}`, 2*480.0/24000)
}

func TestAbortWastesWhatTheStagesHadGivenOut(t *testing.T) {
	// The thinker gives three tokens, the talker four frames for each, and each
	// of those becomes 20 ms of sound. Then all of them wait.
	h := newHouse(t, layout{
		thinker: func(t *turn, req engine.Request) {
			for range 3 {
				t.Give(engine.Output{Text: "x", Tokens: []int32{1}, Payload: rows(1)})
			}
			t.WaitForAbort()
		},
		talker: speak(99, engine.FinishStop), code2wav: decode,
	})
	r := h.submit(t, 2)
	for texts, sounds := 0, 0; texts < 3 || sounds < 3; {
		ev, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if ev.Modality == Text {
			texts++
		} else {
			sounds++
		}
	}
	scrape(t, h.metrics).want(t, `limelight_wasted_tokens_total{finished_reason="abort",stage="0"}`, 0)
	r.Close()
	page := scrape(t, h.metrics)
	page.want(t, `limelight_wasted_tokens_total{finished_reason="abort",stage="0"}`, 3)
	page.want(t, `limelight_wasted_tokens_total{finished_reason="abort",stage="1"}`, 12)
	page.want(t, `limelight_wasted_audio_seconds_total{finished_reason="abort",stage="2"}`, 3*480.0/24000)
	page.want(t, `limelight_wasted_audio_seconds_total{finished_reason="error",stage="2"}`, 0)
}

func TestNaturalEndWastesNothing(t *testing.T) {
	h := newHouse(t, layout{thinker: say(5, engine.FinishStop), talker: speak(9, engine.FinishStop), code2wav: decode})
	if _, _, err := listen(t, h.submit(t, 2)); err != nil {
		t.Fatal(err)
	}
	page := scrape(t, h.metrics)
	for series, v := range page {
		if len(series) > 16 && series[:16] == "limelight_wasted" && v != 0 {
			t.Errorf("%s = %v", series, v)
		}
	}
	page.want(t, `limelight_requests_admitted_total`, 1)
}

func TestReplicaIsFullWhileEachOfItsPlacesIsTakenAndDownWhenItIsLost(t *testing.T) {
	h := newHouse(t, layout{places: 1, thinker: mute, talker: mute, code2wav: mute})
	state := func(want float64) {
		t.Helper()
		page := scrape(t, h.metrics)
		page.want(t, `limelight_replica_state{replica="0",stage="0",state="full"}`, want)
		page.want(t, `limelight_replica_state{replica="0",stage="0",state="ready"}`, 1-want)
		page.want(t, `limelight_replica_state{replica="0",stage="1",state="ready"}`, 1)
	}
	state(0)
	r := h.submit(t, 0)
	state(1)
	waiting := h.submit(t, 0)
	page := scrape(t, h.metrics)
	page.want(t, `limelight_requests_admitted_total`, 2)
	page.want(t, `limelight_replica_requests{replica="0",stage="0"}`, 1)
	page.want(t, `limelight_replica_places{replica="0",stage="0"}`, 1)
	page.want(t, `limelight_stage_requests_waiting{stage="0"}`, 1)
	page.want(t, `limelight_stage_requests_waiting{stage="1"}`, 0)
	waiting.Close()
	r.Close()
	for range r.f.events { // it ends when every stage has let go of the request
	}
	state(0)
	h.Stages()[0].SetUp(0, false)
	page = scrape(t, h.metrics)
	page.want(t, `limelight_replica_places{replica="0",stage="0"}`, 0)
	page.want(t, `limelight_replica_state{replica="0",stage="0",state="down"}`, 1)
	page.want(t, `limelight_replica_state{replica="0",stage="0",state="ready"}`, 0)
}
