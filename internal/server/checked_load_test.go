package server

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/metrics/check"
)

// A load with preemptions, prefix hits, chunked prefills and clients that leave,
// over several replicas, leaves a page that holds against the family table.
func TestPageOfSeveralReplicasHoldsAfterPreemptionsHitsChunksAndAborts(t *testing.T) {
	small := pipeline.EngineConfig{BlockSize: 4, Blocks: 70, MaxBatchedTokens: 24}
	h := serve(t, pipeline.Options{
		Replicas: map[string]int{"thinker": 2, "talker": 2}, MaxNumSeqs: 6,
		Engines: map[string]pipeline.EngineConfig{"thinker": small, "talker": {BlockSize: 4, Blocks: 64, MaxBatchedTokens: 24}},
	})
	places := make(chan struct{}, 12)
	var all sync.WaitGroup
	for i := range 30 {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			question := fmt.Sprintf(`{"stream":true,"modalities":["text","audio"],"ignore_eos":true,"max_tokens":200,"sampling_params_list":[{},{"max_tokens":30},{}],"messages":[{"role":"user","content":"what time is it, and what is new in part %d"}]}`, i%3)
			r, err := h.post(ctx, "/v1/chat/completions", "", question)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			if i%6 == 5 {
				_, err = readStream(t, r.Body, func(h heard) bool { return strings.Contains(h.order, "t") })
			} else {
				_, err = io.Copy(io.Discard, r.Body)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := h.pipeline.Orchestrator.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := check.Load(t.Context(), h.client, h.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range h.findings() {
		t.Error(f)
	}
	sums := map[string]float64{}
	for _, name := range []string{"vllm:num_preemptions_total", "vllm:prefix_cache_hits_total", "vllm:omni_requests_success_total"} {
		for _, s := range page.Families[name].Samples {
			if reason, ok := s.Label("finished_reason"); !ok || reason == "abort" {
				sums[name] += s.Value
			}
		}
		if sums[name] == 0 {
			t.Errorf("%s did not move", name)
		}
	}
}

// findings are what is wrong with the page once its last handler has recorded
// its end, which comes after its client has the reply.
func (h *host) findings() []check.Finding {
	h.t.Helper()
	load := func(ctx context.Context) (*check.Page, error) { return check.Load(ctx, h.client, h.url) }
	report, err := check.Steady(h.t.Context(), load, check.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	return report.Findings
}
