package orchestrator

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
)

// The tests run in bubbles whose clock moves only when everything waits, so a
// timeout of five minutes takes no time and is exact.

const timeout = 5 * time.Minute

// mute takes what comes and gives nothing.
func mute(t *turn, _ engine.Request) { t.WaitForAbort() }

// paced is say with a pause before each token.
func paced(n int, pause time.Duration) script {
	return func(t *turn, req engine.Request) {
		for i := range n {
			time.Sleep(pause)
			out := engine.Output{Text: "x"}
			if req.Handover {
				out.Payload = rows(1)
			}
			if i == n-1 {
				out.Finish = engine.FinishStop
			}
			if !t.Give(out) {
				return
			}
		}
	}
}

func TestStageThatGoesSilentEndsItsRequestAsErrorAndFreesEverything(t *testing.T) {
	for name, l := range map[string]layout{
		"thinker":  {thinker: mute, talker: speak(9, engine.FinishStop), code2wav: decode},
		"talker":   {thinker: paced(20, time.Second), talker: mute, code2wav: decode},
		"code2wav": {thinker: say(5, engine.FinishStop), talker: speak(9, engine.FinishStop), code2wav: mute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l.stageTimeout = timeout
				h := newHouse(t, l) // its clean-up finds what was not freed
				began := time.Now()
				r := h.submit(t, 2)
				_, _, err := listen(t, r)
				var failure *StageError
				if !errors.As(err, &failure) || failure.Name != name || !errors.Is(err, ErrStageTimeout) {
					t.Errorf("error %v", err)
				}
				// Before the mute talker, the thinker goes on until the link is full.
				if took := time.Since(began); took < timeout || took > timeout+20*time.Second {
					t.Errorf("it took %v", took)
				}
				synctest.Wait()
				for k, s := range h.Stages() {
					if load := s.Load()[0]; load != 0 {
						t.Errorf("stage %d still has %d requests", k, load)
					}
				}
				page := scrape(t, h.metrics)
				page.want(t, `vllm:omni_requests_success_total{finished_reason="error"}`, 1)
				page.want(t, `vllm:omni_num_requests_running`, 0)
			})
		})
	}
}

func TestEngineThatNeverLetsGoDoesNotKeepTheClientWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := newHouse(t, layout{stageTimeout: timeout, thinker: func(t *turn, _ engine.Request) {
			t.Give(engine.Output{Text: "x"})
			<-release // not even an abort is heard
		}})
		r := h.submit(t, 0)
		if text, _, err := listen(t, r); text != "x" || !errors.Is(err, ErrStageTimeout) {
			t.Errorf("%q, %v", text, err)
		}
		if load := h.Stages()[0].Load()[0]; load != 1 {
			t.Errorf("%d places are taken, want the one that the engine still holds", load)
		}
		close(release)
	})
}

func TestSlowStageIsNotASilentOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The talker's first output needs all twenty tokens, which take far longer
		// together than the timeout.
		h := newHouse(t, layout{stageTimeout: timeout, thinker: paced(20, timeout-time.Second), talker: func(t *turn, _ engine.Request) {
			for {
				if _, ok := t.Next(); !ok {
					break
				}
			}
			t.Give(engine.Output{Payload: frames(4)})
			time.Sleep(timeout - time.Second)
			t.Give(engine.Output{Finish: engine.FinishStop})
		}, code2wav: decode})
		if text, samples, err := listen(t, h.submit(t, 2)); err != nil || len(text) != 20 || samples != 480 {
			t.Errorf("%d characters, %d samples, %v", len(text), samples, err)
		}
	})
}

func TestSlowClientRaisesNoFalseAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, layout{stageTimeout: timeout, thinker: say(200, engine.FinishStop), talker: speak(200, engine.FinishStop), code2wav: decode})
		r := h.submit(t, 2)
		time.Sleep(10 * timeout) // the client reads nothing; every buffer is full
		if text, samples, err := listen(t, r); err != nil || len(text) != 200 || samples != 200*480 {
			t.Errorf("%d characters, %d samples, %v", len(text), samples, err)
		}
	})
}

func TestClientThatCaughtUpStartsTheTimeoutAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, layout{stageTimeout: timeout, thinker: func(t *turn, _ engine.Request) {
			for range eventBuffer + 1 {
				t.Give(engine.Output{Text: "x"})
			}
			mute(t, engine.Request{})
		}})
		r := h.submit(t, 0)
		time.Sleep(3*timeout + time.Second)
		began := time.Now()
		if _, _, err := listen(t, r); !errors.Is(err, ErrStageTimeout) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took < timeout || took > 2*timeout {
			t.Errorf("it took %v", took)
		}
	})
}

func TestWaitingInTheQueueIsNoSilenceOfAStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, layout{stageTimeout: timeout, places: 1, thinker: paced(20, timeout-time.Second)})
		first, second := h.submit(t, 0), h.submit(t, 0)
		for _, r := range []*Reply{first, second} {
			if text, _, err := listen(t, r); err != nil || len(text) != 20 {
				t.Errorf("%q, %v", text, err)
			}
		}
	})
}
