package server

import (
	"testing"

	"github.com/limelight-omni/limelight/internal/pipeline"
)

func TestServersOfOneProcessKeepTheirOwnTotalsAlsoWhenOneIsMadeAgain(t *testing.T) {
	const success = `vllm:omni_requests_success_total{finished_reason="length"}`
	say := func(h *host, times int) {
		t.Helper()
		for range times {
			if r, data := h.exchange("/v1/chat/completions", `{"max_tokens":2,"ignore_eos":true,`+hello+`}`); r.StatusCode != 200 {
				t.Fatalf("status %d: %s", r.StatusCode, data)
			}
		}
	}
	want := func(h *host, series string, n float64) {
		t.Helper()
		if got, ok := h.page()[series]; !ok || got != n {
			t.Errorf("%s = %v (present: %v), want %v", series, got, ok, n)
		}
	}
	a, b := serve(t, pipeline.Options{}), serve(t, pipeline.Options{})
	say(a, 2)
	say(b, 1)
	if err := a.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.pipeline.Close(); err != nil {
		t.Fatal(err)
	}
	again := serve(t, pipeline.Options{Metrics: a.pipeline.Metrics})
	want(again, success, 2)
	want(again, `limelight_replica_state{replica="0",stage="0",state="ready"}`, 1)
	say(again, 3)
	want(again, success, 5)
	want(again, `limelight_requests_admitted_total`, 5)
	want(again, `vllm:omni_num_requests_running`, 0)
	want(b, success, 1)
	want(b, `http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"}`, 1)
}
