package orchestrator

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
)

const within = time.Minute

// expiredAt asks for the one end of the request on the page, and for the stage
// that was blamed; -1 is none.
func (h *house) expiredAt(t *testing.T, part string, stage int) {
	t.Helper()
	synctest.Wait()
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="error"}`, 1)
	page.want(t, `vllm:omni_num_requests_running`, 0)
	page.want(t, `vllm:omni_num_requests_waiting`, 0)
	for _, p := range []string{"admission", "stages", "reply"} {
		want := 0.0
		if p == part {
			want = 1
		}
		page.want(t, `limelight_requests_expired_total{part="`+p+`"}`, want)
	}
	for k, id := range []string{"0", "1", "2"} {
		want := 0.0
		if k == stage {
			want = 1
		}
		page.want(t, `limelight_stage_failures_total{cause="deadline",stage="`+id+`"}`, want)
	}
}

func TestRequestThatIsNotDoneInTimeEndsAsErrorOfTheStageThatIsWaitedFor(t *testing.T) {
	const pace = 7 * time.Second // no token at the very end, when the talker would be waited for as well
	for name, l := range map[string]layout{
		"thinker":  {thinker: paced(1000, pace), talker: speak(9999, engine.FinishStop), code2wav: decode},
		"talker":   {thinker: say(5, engine.FinishStop), talker: mute, code2wav: decode},
		"code2wav": {thinker: say(5, engine.FinishStop), talker: speak(9, engine.FinishStop), code2wav: mute},
	} {
		for _, streamed := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l.requestTimeout = within
					h := newHouse(t, l) // its clean-up finds what was not freed
					began := time.Now()
					r := h.submit(t, 2, func(r *Request) { r.Streamed = streamed })
					_, _, err := listen(t, r)
					var failure *StageError
					if !errors.As(err, &failure) || failure.Name != name || !errors.Is(err, ErrRequestTimeout) {
						t.Errorf("error %v", err)
					}
					if took := time.Since(began); took != within {
						t.Errorf("it took %v", took)
					}
					time.Sleep(pace) // the paced thinker hears of it after its pause
					synctest.Wait()
					for k, s := range h.Stages() {
						if load := s.Load()[0]; load != 0 {
							t.Errorf("stage %d still has %d requests", k, load)
						}
					}
					h.expiredAt(t, "stages", failure.Stage)
				})
			})
		}
	}
}

func TestTimeOfARequestRunsFromItsArrivalAndInTheQueueWhereNoStageIsBlamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, layout{requestTimeout: within, places: 1, thinker: mute})
		first := h.submit(t, 0)
		second := h.submit(t, 0, func(r *Request) { r.Arrived = r.Arrived.Add(-within / 2) })
		began := time.Now()
		var failure *StageError
		if _, _, err := listen(t, second); errors.As(err, &failure) || !errors.Is(err, ErrRequestTimeout) || time.Since(began) != within/2 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if running, waiting := h.Requests(); running != 1 || waiting != 0 {
			t.Errorf("%d requests are running and %d waiting", running, waiting)
		}
		first.Close()
		h.expiredAt(t, "admission", -1)
	})
}

func TestTimeThatAClientWastesIsNoStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, layout{requestTimeout: within, thinker: say(200, engine.FinishStop)})
		r := h.submit(t, 0)
		time.Sleep(within)
		h.expiredAt(t, "reply", -1)
		// What appeared before is still given.
		if text, _, err := listen(t, r); len(text) != eventBuffer || !errors.Is(err, ErrRequestTimeout) {
			t.Errorf("%d characters, %v", len(text), err)
		}
	})
}

func TestAnswerThatIsMadeIsWrittenHoweverLongThatTakes(t *testing.T) {
	for _, streamed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, layout{requestTimeout: within, thinker: say(5, engine.FinishStop)})
			r := h.submit(t, 0, func(r *Request) { r.Streamed = streamed })
			for {
				if _, err := r.Next(t.Context()); err != nil {
					break
				}
			}
			if !streamed {
				if err := r.Whole(); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(2 * within)
			r.Finish()
			r.Close()
			scrape(t, h.metrics).want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 1)
		})
	}
}

func TestAnswerThatIsNotMadeInTimeIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, layout{requestTimeout: within, thinker: say(5, engine.FinishStop)})
		r := h.submit(t, 0, func(r *Request) { r.Streamed = false })
		for {
			if _, err := r.Next(t.Context()); err != nil {
				break
			}
		}
		ctx, stop := r.Context(t.Context()) // a sound is encoded, say
		defer stop()
		<-ctx.Done()
		if err := r.Whole(); !errors.Is(err, ErrRequestTimeout) {
			t.Errorf("%v", err)
		}
		r.Finish()
		r.Close()
		h.expiredAt(t, "reply", -1)
	})
}

func TestRequestsThatEndInTimeKeepNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, layout{requestTimeout: within, thinker: say(5, engine.FinishStop)})
		if _, _, err := listen(t, h.submit(t, 0)); err != nil {
			t.Error(err)
		}
		h.submit(t, 0).Close()
		time.Sleep(2 * within)
		page := scrape(t, h.metrics)
		page.want(t, `vllm:omni_requests_success_total{finished_reason="error"}`, 0)
		page.want(t, `vllm:omni_requests_success_total{finished_reason="abort"}`, 1)
	})
}
