package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/pipeline"
)

func TestRepeatedPromptIsFoundInWholeBlocks(t *testing.T) {
	body := `{"max_tokens":3,"ignore_eos":true,` + widePrompt + `}`
	for _, off := range []bool{false, true} {
		h := serve(t, pipeline.Options{Engines: map[string]pipeline.EngineConfig{"thinker": {BlockSize: 8, NoPrefixCaching: off}}})
		prompt := float64(h.usage(body).Prompt)
		h.usage(body)
		page := h.enginePage(pipeline.Thinker)
		found := float64(int(prompt-1) / 8 * 8)
		if found < 16 {
			t.Fatalf("a prompt of %v tokens shows little", prompt)
		}
		want := moved(2, prompt, found, 3)
		caching := "True"
		if off {
			want, caching = moved(2, prompt, 0, 3), "False"
			want["prefix_cache_queries_total"] = 0
		}
		wantSeries(t, "prefix caching "+caching, page, want)
		if _, text := h.get("/metrics"); !strings.Contains(text, `vllm:cache_config_info{block_size="8",cache_dtype="float32",enable_prefix_caching="`+caching+`"`) {
			t.Error("the configuration is not shown")
		}
	}
}

// TestChoicesThatNeedMoreBlocksThanThereAreArePreempted asks for three choices
// that have place for one and a half.
func TestChoicesThatNeedMoreBlocksThanThereAreArePreempted(t *testing.T) {
	h := serve(t, pipeline.Options{
		Engines:        map[string]pipeline.EngineConfig{"thinker": {BlockSize: 4, Blocks: 24, BlockSampling: 1}},
		KVCacheMetrics: true,
	})
	const tokens = 44
	prompt := float64(h.usage(fmt.Sprintf(`{"n":3,"max_tokens":%d,"ignore_eos":true,%s}`, tokens, briefPrompt)).Prompt)
	h.usage(fmt.Sprintf(`{"max_tokens":%d,"ignore_eos":true,%s}`, tokens, widePrompt)) // and pushes out what they left
	page := h.enginePage(pipeline.Thinker)
	wide := page["request_prompt_tokens_sum"] - 3*prompt
	if page["num_preemptions_total"] == 0 || wide <= 0 {
		t.Errorf("%v preemptions, a prompt of %v", page["num_preemptions_total"], wide)
	}
	// Preempted requests are computed again, and nothing is counted again.
	wantSeries(t, "crowd", page, map[string]float64{
		"prompt_tokens_total": 3*prompt + wide, "prefix_cache_queries_total": 3*prompt + wide,
		"generation_tokens_total": 4 * tokens, "inter_token_latency_seconds_count": 4 * (tokens - 1), "time_to_first_token_seconds_count": 4,
		`request_success_totalfinished_reason="length"`: 4,
		"request_params_n_sum":                          3 + 1, "request_params_n_count": 2,
		"request_max_num_generation_tokens_sum": 2 * tokens, "request_max_num_generation_tokens_count": 2,
		"kv_cache_usage_perc": 0,
	})
	if page["prompt_tokens_cached_total"] != page["prefix_cache_hits_total"] {
		t.Errorf("%v tokens cached, %v found", page["prompt_tokens_cached_total"], page["prefix_cache_hits_total"])
	}
	if n := page["kv_block_lifetime_seconds_count"]; n == 0 || n != page["kv_block_idle_before_evict_seconds_count"] {
		t.Errorf("%v blocks lived, %v were idle", n, page["kv_block_idle_before_evict_seconds_count"])
	}
	wantSeries(t, "talker", h.engines(pipeline.Talker), map[string]float64{
		"kv_block_lifetime_seconds_count": 0, "kv_block_idle_before_evict_seconds_count": 0, "kv_block_reuse_gap_seconds_count": 0, "num_preemptions_total": 0,
	})
}

func TestGapsBetweenPrefixHitsAreObservedWhenABlockGoes(t *testing.T) {
	h := serve(t, pipeline.Options{
		Engines:        map[string]pipeline.EngineConfig{"thinker": {BlockSize: 4, Blocks: 24, BlockSampling: 1}},
		KVCacheMetrics: true,
	})
	for range 4 { // three times found
		h.usage(`{"max_tokens":2,"ignore_eos":true,` + briefPrompt + `}`)
	}
	if page := h.engines(pipeline.Thinker); page["kv_block_reuse_gap_seconds_count"] != 0 {
		t.Errorf("%v gaps while the blocks are kept", page["kv_block_reuse_gap_seconds_count"])
	}
	for _, word := range []string{"now", "time", "hear"} { // other prompts push the blocks out
		h.usage(`{"max_tokens":60,"ignore_eos":true,"messages":[{"role":"system","content":"` + word + `"},{"role":"user","content":"` + word + `"}]}`)
	}
	page := h.enginePage(pipeline.Thinker)
	if n := page["kv_block_reuse_gap_seconds_count"]; n == 0 || int(n)%2 != 0 {
		t.Errorf("%v gaps between three findings each", n)
	}
}
