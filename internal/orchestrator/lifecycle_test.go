package orchestrator

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

func isEnd(err error) bool { return err == io.EOF }

func TestTextAndAudioStreamToTheirNaturalEnd(t *testing.T) {
	h := newHouse(t, layout{thinker: say(5, engine.FinishStop), talker: speak(9, engine.FinishStop), code2wav: decode})
	r := h.submit(t, 2)
	text, samples, err := listen(t, r)
	if err != nil || text != "xxxxx" || samples != 5*480 {
		t.Fatalf("text %q, %d samples, %v", text, samples, err)
	}
	if got := r.Usage(); got != (engine.Usage{PromptTokens: 3, CompletionTokens: 5}) {
		t.Errorf("usage %+v", got)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 1)
	page.want(t, `vllm:omni_e2e_request_latency_s_count`, 1)
	page.want(t, `vllm:omni_audio_frames_total{replica="0",stage="2"}`, 2400)
	page.want(t, `vllm:omni_audio_duration_s_sum{replica="0",stage="2"}`, 0.1)
	page.want(t, `vllm:omni_audio_rtf_count{replica="0",stage="2"}`, 1)
	page.want(t, `vllm:omni_audio_ttfp_s_count{replica="0",stage="2"}`, 1)
	page.want(t, `vllm:omni_audio_underrun_s_count{replica="0",stage="2"}`, 1)
	page.want(t, `vllm:omni_transfer_size_bytes_count{from_replica="0",from_stage="0",to_replica="0",to_stage="1"}`, 5)
	page.want(t, `vllm:omni_transfer_size_bytes_sum{from_replica="0",from_stage="0",to_replica="0",to_stage="1"}`, 5*32)
	page.want(t, `vllm:omni_transfer_rx_s_count{from_replica="0",from_stage="1",to_replica="0",to_stage="2"}`, 5)
	page.want(t, `vllm:omni_num_requests_running`, 0)
	page.want(t, `vllm:omni_num_requests_waiting`, 0)
}

func TestTextRequestBindsNothingDownstream(t *testing.T) {
	h := newHouse(t, layout{thinker: say(3, engine.FinishLength), talker: speak(9, engine.FinishStop), code2wav: decode})
	r := h.submit(t, 0)
	if text, _, err := listen(t, r); err != nil || text != "xxx" {
		t.Fatalf("text %q, %v", text, err)
	}
	if stages := r.Summary().Stages; len(stages) != 1 || stages[0].Name != "thinker" {
		t.Errorf("stages %+v, want the thinker alone", stages)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="length"}`, 1)
	page.want(t, `vllm:omni_audio_skipped_requests_total{reason="no_audio_data",replica="0",stage="2"}`, 0)
	page.absent(t, `vllm:omni_transfer_size_bytes_count`)
}

func TestSpeechEntersAtTheTalkerWithoutAHopFromTheThinker(t *testing.T) {
	h := newHouse(t, layout{thinker: say(3, engine.FinishStop), talker: speak(2, engine.FinishStop), code2wav: decode})
	r := h.submit(t, 2, func(req *Request) { req.Entry, req.Text = 1, false })
	if text, samples, err := listen(t, r); err != nil || text != "" || samples != 2*480 {
		t.Fatalf("text %q, %d samples, %v", text, samples, err)
	}
	page := scrape(t, h.metrics)
	page.absent(t, `vllm:omni_transfer_size_bytes_count{from_replica="0",from_stage="0"`)
	page.want(t, `vllm:omni_transfer_size_bytes_count{from_replica="0",from_stage="1",to_replica="0",to_stage="2"}`, 2)
}

func TestTenRequestsOnOnePlaceReadOneRunningAndNineWaiting(t *testing.T) {
	started, release := make(chan struct{}, 10), make(chan struct{})
	h := newHouse(t, layout{places: 1, thinker: func(t *turn, req engine.Request) {
		started <- struct{}{}
		<-release
		say(1, engine.FinishStop)(t, req)
	}})
	var replies []*Reply
	for range 10 {
		replies = append(replies, h.submit(t, 0))
	}
	<-started
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_num_requests_running`, 1)
	page.want(t, `vllm:omni_num_requests_waiting`, 9)
	close(release)
	for _, r := range replies {
		if _, _, err := listen(t, r); err != nil {
			t.Fatal(err)
		}
	}
	page = scrape(t, h.metrics)
	page.want(t, `vllm:omni_num_requests_running`, 0)
	page.want(t, `vllm:omni_num_requests_waiting`, 0)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 10)
}

func TestPlaceIsFreeOnceTheStageIsDoneNotThePipeline(t *testing.T) {
	release := make(chan struct{})
	h := newHouse(t, layout{places: 1, thinker: say(1, engine.FinishStop), talker: func(t *turn, _ engine.Request) {
		<-release
		t.Give(engine.Output{Finish: engine.FinishStop})
	}, code2wav: decode})
	first := h.submit(t, 2)
	second := h.submit(t, 0)
	if _, _, err := listen(t, second); err != nil { // while the first one's talker is still busy
		t.Fatal(err)
	}
	if running, waiting := h.Requests(); running != 1 || waiting != 0 {
		t.Errorf("running %d, waiting %d", running, waiting)
	}
	close(release)
	if _, _, err := listen(t, first); err != nil {
		t.Fatal(err)
	}
}

func TestDisconnectFreesEveryStageAtOnce(t *testing.T) {
	stuck := func(first engine.Output) script {
		return func(t *turn, req engine.Request) {
			if req.Tokens == nil {
				t.Next()
			}
			t.Give(first)
			t.WaitForAbort()
		}
	}
	h := newHouse(t, layout{
		thinker:  stuck(engine.Output{Text: "a", Payload: rows(1)}),
		talker:   stuck(engine.Output{Payload: frames(4)}),
		code2wav: stuck(engine.Output{Payload: sound(480)}),
	})
	r := h.submit(t, 2)
	for range 2 { // the text and the sound
		if _, err := r.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Next = %v", err)
	}
	r.Close()
	h.flights.Wait() // returns only when all three stages have let go
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="abort"}`, 1)
	page.want(t, `vllm:omni_e2e_request_latency_s_count`, 0)
	page.want(t, `vllm:omni_audio_frames_total{replica="0",stage="2"}`, 0)
	page.want(t, `vllm:omni_audio_underrun_s_count{replica="0",stage="2"}`, 0)
	page.want(t, `vllm:omni_num_requests_running`, 0)
}

func TestDisconnectInTheQueueIsAnAbortAndLeavesIt(t *testing.T) {
	release := make(chan struct{})
	h := newHouse(t, layout{places: 1, thinker: func(t *turn, req engine.Request) {
		<-release
		say(1, engine.FinishStop)(t, req)
	}})
	first, second, third := h.submit(t, 0), h.submit(t, 0), h.submit(t, 0)
	second.Close()
	if running, waiting := h.Requests(); running != 1 || waiting != 1 {
		t.Errorf("running %d, waiting %d", running, waiting)
	}
	close(release)
	for _, r := range []*Reply{first, third} {
		if _, _, err := listen(t, r); err != nil {
			t.Fatal(err)
		}
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="abort"}`, 1)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 2)
}

func TestEveryRequestEndsOnce(t *testing.T) {
	h := newHouse(t, layout{thinker: say(1, engine.FinishStop)})
	r := h.submit(t, 0)
	if _, _, err := listen(t, r); err != nil {
		t.Fatal(err)
	}
	r.Finish()
	r.Close()
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 1)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="abort"}`, 0)
}

func TestFullQueueRefusesAndCountsNothing(t *testing.T) {
	release := make(chan struct{})
	h := newHouse(t, layout{places: 1, maxQueue: 1, thinker: func(t *turn, req engine.Request) {
		<-release
		say(1, engine.FinishStop)(t, req)
	}})
	first, second := h.submit(t, 0), h.submit(t, 0)
	if _, err := h.Submit(Request{Sampling: make([]engine.Sampling, 3)}); err != ErrQueueFull {
		t.Fatalf("Submit = %v", err)
	}
	close(release)
	for _, r := range []*Reply{first, second} {
		if _, _, err := listen(t, r); err != nil {
			t.Fatal(err)
		}
	}
	var total float64
	for series, v := range scrape(t, h.metrics) {
		if strings.HasPrefix(series, "vllm:omni_requests_success_total") {
			total += v
		}
	}
	if total != 2 {
		t.Errorf("%v requests ended, want the two that were admitted", total)
	}
}

func TestDrainRefusesNewRequestsAndWaitsForTheOld(t *testing.T) {
	release := make(chan struct{})
	h := newHouse(t, layout{thinker: func(t *turn, req engine.Request) {
		<-release
		say(1, engine.FinishStop)(t, req)
	}})
	r := h.submit(t, 0)
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Drain(expired); !errors.Is(err, context.Canceled) {
		t.Fatalf("Drain with a request running = %v", err)
	}
	if _, err := h.Submit(Request{Sampling: make([]engine.Sampling, 3)}); err != ErrDraining {
		t.Fatalf("Submit = %v", err)
	}
	close(release)
	if _, _, err := listen(t, r); err != nil {
		t.Fatal(err)
	}
	if err := h.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}
