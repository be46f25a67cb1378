package orchestrator

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/enginetest"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
)

// lost is a failure that another replica may not have.
type lost struct{}

func (lost) Error() string   { return "replica is lost" }
func (lost) Retryable() bool { return true }

// relay is a chat stage and a speech stage of scripted replicas, which retry.
func relay(t *testing.T, retries int, chat, speech []script) *house {
	t.Helper()
	h := &house{}
	pool := func(id int, name string, scripts []script) *stage.Pool {
		var engines []engine.Engine
		for _, s := range scripts {
			e := &enginetest.Scripted{Script: s}
			h.engines = append(h.engines, e)
			engines = append(engines, e)
		}
		return stage.NewPool(id, name, 8, nil, engines...)
	}
	h.metrics = metrics.New(metrics.Options{ModelName: "scripted", LogStats: true, Stages: []metrics.StageInfo{
		{ID: 0, Replicas: len(chat), Remote: true}, {ID: 1, Replicas: len(speech), Audio: true, Remote: true},
	}})
	h.Orchestrator = New(Options{
		Stages: []Stage{
			{Pool: pool(0, "chat", chat), Output: Text, Retries: retries},
			{Pool: pool(1, "speech", speech), Output: Audio, Retries: retries},
		},
		Connectors: []connector.Connector{connector.NewInProcess(0)},
		Metrics:    h.metrics,
	})
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		for i, s := range h.Stages() {
			if load := s.Load(); slices.Max(load) != 0 {
				t.Errorf("stage %d still holds requests: %v", i, load)
			}
		}
	})
	return h
}

func dies(err error) script { return func(t *turn, _ engine.Request) { t.X.End(err) } }

// sentences says three of them.
func sentences(t *turn, req engine.Request) {
	for i := range 3 {
		out := engine.Output{Text: "x"}
		if req.Handover {
			out.Payload = &engine.Text{Text: "x"}
		}
		if i == 2 {
			out.Finish = engine.FinishStop
		}
		if !t.Give(out) {
			return
		}
	}
}

func TestReplicaThatFailsBeforeItGaveAnythingIsReplaced(t *testing.T) {
	h := relay(t, 1, []script{dies(lost{}), sentences}, []script{dies(lost{}), decode})
	text, samples, err := listen(t, h.submit(t, 1))
	if text != "xxx" || samples != 3*480 || err != nil {
		t.Errorf("%q, %d samples, %v", text, samples, err)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 1)
	page.want(t, `vllm:omni_audio_frames_total{replica="1",stage="1"}`, 1440)
	for _, stage := range []string{"0", "1"} {
		page.want(t, `limelight_stage_retries_total{replica="0",stage="`+stage+`"}`, 1)
		page.want(t, `limelight_stage_retries_total{replica="1",stage="`+stage+`"}`, 0)
	}
}

func TestPayloadsThatTheLostReplicaHadAreSentToTheNext(t *testing.T) {
	var mu sync.Mutex
	took := 0
	greedy := func(t *turn, _ engine.Request) { // takes all three, then dies
		for {
			if _, ok := t.Next(); !ok {
				break
			}
			mu.Lock()
			took++
			mu.Unlock()
		}
		t.X.End(lost{})
	}
	h := relay(t, 1, []script{sentences}, []script{greedy, decode})
	_, samples, err := listen(t, h.submit(t, 1))
	if samples != 3*480 || err != nil || took != 3 {
		t.Errorf("%d samples, the lost replica took %d payloads, %v", samples, took, err)
	}
}

func TestReplicaThatFailsAfterItsFirstOutputIsNotReplaced(t *testing.T) {
	halfway := func(t *turn, _ engine.Request) {
		t.Next()
		t.Give(engine.Output{Payload: sound(480)})
		t.X.End(lost{})
	}
	h := relay(t, 1, []script{sentences}, []script{halfway, decode})
	var failed *StageError
	if _, _, err := listen(t, h.submit(t, 1)); !errors.As(err, &failed) || failed.Stage != 1 {
		t.Errorf("%v: want the stage's failure, since the client has half a sound", err)
	}
	scrape(t, h.metrics).want(t, `limelight_stage_retries_total{replica="0",stage="1"}`, 0)
}

func TestOnlyFailuresThatAnotherReplicaMayNotHaveAreRetriedAndOnlyWithinTheBudget(t *testing.T) {
	for name, c := range map[string]struct {
		retries int
		err     error
		counted float64
	}{"judgement on the request": {2, errBroken, 0}, "no budget": {0, lost{}, 0}, "budget used up": {1, lost{}, 1}} {
		h := relay(t, c.retries, []script{dies(c.err), dies(c.err), sentences}, []script{decode})
		var failed *StageError
		if _, _, err := listen(t, h.submit(t, 0)); !errors.As(err, &failed) || !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		page := scrape(t, h.metrics)
		page.want(t, `vllm:omni_requests_success_total{finished_reason="error"}`, 1)
		page.want(t, `limelight_stage_retries_total{replica="0",stage="0"}`, c.counted)
		page.want(t, `limelight_stage_retries_total{replica="1",stage="0"}`, 0)
	}
}

func TestAbortWhileARetryIsUnderWayFreesEverything(t *testing.T) {
	reached := make(chan struct{})
	h := relay(t, 1, []script{dies(lost{}), func(t *turn, _ engine.Request) {
		close(reached)
		t.WaitForAbort()
	}}, []script{decode})
	r := h.submit(t, 0)
	<-reached
	r.Close()
}

func TestSeveralModalitiesOfOneStageAndTranscripts(t *testing.T) {
	both := func(t *turn, _ engine.Request) {
		t.Give(engine.Output{Text: "hi", Payload: sound(480)})
		t.Give(engine.Output{Text: "!", Told: "tool_calls", More: map[string][]byte{"tool_calls": []byte("[]")}})
		t.Give(engine.Output{Finish: engine.FinishStop})
	}
	for _, audio := range []bool{true, false} {
		e := &enginetest.Scripted{Script: both}
		m := metrics.New(metrics.Options{ModelName: "scripted", LogStats: true, Stages: []metrics.StageInfo{{ID: 0, Replicas: 1, Audio: true}}})
		o := New(Options{Stages: []Stage{{Pool: stage.NewPool(0, "omni", 8, nil, e), Output: Text | Audio}}, Metrics: m})
		h := &house{Orchestrator: o, metrics: m}
		final, ok := o.FinalStage(Audio)
		text, samples, err := listen(t, h.submit(t, final, func(r *Request) { r.Audio = audio }))
		if want := map[bool]int{true: 480, false: 0}[audio]; !ok || text != "hi!" || samples != want || err != nil {
			t.Errorf("audio %v: %q, %d samples, %v", audio, text, samples, err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}
