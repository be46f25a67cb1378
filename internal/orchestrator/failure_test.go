package orchestrator

import (
	"errors"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

func TestStageFailureEndsItsRequestAsErrorAndNoOther(t *testing.T) {
	h := newHouse(t, layout{thinker: func(t *turn, req engine.Request) {
		if req.ID == "bad" {
			t.Give(engine.Output{Text: "x"})
			t.X.End(errBroken)
			return
		}
		say(3, engine.FinishStop)(t, req)
	}})
	bad := h.submit(t, 0, func(r *Request) { r.ID = "bad" })
	good := h.submit(t, 0)
	_, _, err := listen(t, bad)
	var failure *StageError
	if !errors.As(err, &failure) || failure.Name != "thinker" || !errors.Is(err, errBroken) {
		t.Errorf("bad request: %v", err)
	}
	if text, _, err := listen(t, good); err != nil || text != "xxx" {
		t.Errorf("good request: %q, %v", text, err)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="error"}`, 1)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 1)
	page.want(t, `vllm:omni_e2e_request_latency_s_count`, 1)
	page.want(t, `vllm:omni_num_requests_running`, 0)
}

// reject takes n payloads as sound and refuses the next one.
func reject(n int) script {
	return func(t *turn, _ engine.Request) {
		for range n {
			if _, ok := t.Next(); !ok {
				return
			}
			t.Give(engine.Output{Payload: sound(480)})
		}
		t.Next()
		t.X.End(&engine.RejectedError{Reason: "malformed_codec", Err: errBroken})
	}
}

func TestCodecRejectedBeforeAnySoundLeavesTheTextAlone(t *testing.T) {
	h := newHouse(t, layout{thinker: say(20, engine.FinishLength), talker: speak(99, engine.FinishStop), code2wav: reject(0)})
	r := h.submit(t, 2)
	text, samples, err := listen(t, r)
	if err != nil || len(text) != 20 || samples != 0 {
		t.Fatalf("%d characters, %d samples, %v", len(text), samples, err)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="length"}`, 1)
	page.want(t, `vllm:omni_audio_skipped_requests_total{reason="malformed_codec",replica="0",stage="2"}`, 1)
	page.want(t, `vllm:omni_audio_skipped_requests_total{reason="no_audio_data",replica="0",stage="2"}`, 0)
	page.want(t, `vllm:omni_audio_duration_s_count{replica="0",stage="2"}`, 0)
}

func TestCodecRejectedInMidStreamIsAnError(t *testing.T) {
	h := newHouse(t, layout{thinker: say(20, engine.FinishStop), talker: speak(99, engine.FinishStop), code2wav: reject(1)})
	if _, _, err := listen(t, h.submit(t, 2)); !errors.Is(err, errBroken) {
		t.Fatalf("error %v", err)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="error"}`, 1)
	page.want(t, `vllm:omni_audio_skipped_requests_total{reason="malformed_codec",replica="0",stage="2"}`, 0)
	page.want(t, `vllm:omni_audio_frames_total{replica="0",stage="2"}`, 0)
}

func TestRejectedSpeechEndsNaturallyWithoutSound(t *testing.T) {
	h := newHouse(t, layout{talker: speak(3, engine.FinishStop), code2wav: reject(0)})
	r := h.submit(t, 2, func(req *Request) { req.Entry, req.Text = 1, false })
	if _, samples, err := listen(t, r); err != nil || samples != 0 {
		t.Fatalf("%d samples, %v", samples, err)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 1)
	page.want(t, `vllm:omni_audio_skipped_requests_total{reason="malformed_codec",replica="0",stage="2"}`, 1)
}

func TestTalkerCutShortEndsTheRequestAsLengthAndNotTheText(t *testing.T) {
	h := newHouse(t, layout{thinker: say(50, engine.FinishStop), talker: speak(2, engine.FinishLength), code2wav: decode})
	text, samples, err := listen(t, h.submit(t, 2))
	if err != nil || len(text) != 50 || samples != 2*480 {
		t.Fatalf("%d characters, %d samples, %v", len(text), samples, err)
	}
	scrape(t, h.metrics).want(t, `vllm:omni_requests_success_total{finished_reason="length"}`, 1)
}

func TestNothingToSayIsNoAudioData(t *testing.T) {
	h := newHouse(t, layout{
		thinker:  func(t *turn, _ engine.Request) { t.Give(engine.Output{Finish: engine.FinishStop}) },
		talker:   speak(9, engine.FinishStop),
		code2wav: decode,
	})
	r := h.submit(t, 2)
	if _, samples, err := listen(t, r); err != nil || samples != 0 {
		t.Fatalf("%d samples, %v", samples, err)
	}
	if n := len(r.Summary().Stages); n != 3 {
		t.Errorf("%d stages were bound, want all three: the last one says that nothing came", n)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_audio_skipped_requests_total{reason="no_audio_data",replica="0",stage="2"}`, 1)
	page.absent(t, `vllm:omni_transfer_size_bytes_count`)
}

func TestClientThatReadsNothingStallsOnlyItself(t *testing.T) {
	h := newHouse(t, layout{thinker: say(500, engine.FinishStop)})
	slow := h.submit(t, 0)
	if text, _, err := listen(t, h.submit(t, 0)); err != nil || len(text) != 500 {
		t.Fatalf("%d characters, %v", len(text), err)
	}
	if n := len(slow.f.events); n > eventBuffer {
		t.Errorf("%d events are buffered", n)
	}
	if text, _, err := listen(t, slow); err != nil || len(text) != 500 {
		t.Fatalf("the slow client got %d characters, %v", len(text), err)
	}
}

func TestReplicasShareTheWorkAndHopsKeepTheirEdge(t *testing.T) {
	h := newHouse(t, layout{talkers: 2, thinker: say(2, engine.FinishStop), talker: speak(9, engine.FinishStop), code2wav: decode})
	for range 4 {
		if _, _, err := listen(t, h.submit(t, 2)); err != nil {
			t.Fatal(err)
		}
	}
	page := scrape(t, h.metrics)
	for _, replica := range []string{"0", "1"} {
		page.want(t, `vllm:omni_transfer_tx_s_count{from_replica="0",from_stage="0",to_replica="`+replica+`",to_stage="1"}`, 4)
		page.want(t, `vllm:omni_transfer_tx_s_count{from_replica="`+replica+`",from_stage="1",to_replica="0",to_stage="2"}`, 4)
	}
}
