package server

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// Prompts of a block and less, and of several blocks.
const (
	briefPrompt = `"messages":[{"role":"user","content":"hello there"}]`
	widePrompt  = `"messages":[{"role":"user","content":"we can hear it and the time is now and we can hear it and the time is now, hello there, hello there"}]`
)

// enginePage is the page's engine families of one stage, without their labels
// stage and replica, when every request has ended and left the stage, which may
// be later.
func (h *host) enginePage(stage int) map[string]float64 {
	h.t.Helper()
	if err := h.pipeline.Orchestrator.Drain(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	for slices.Max(h.pipeline.Orchestrator.Stages()[stage].Load()) > 0 {
		runtime.Gosched()
	}
	return h.engines(stage)
}

// engines is the same at this moment.
func (h *host) engines(stage int) map[string]float64 {
	h.t.Helper()
	found := map[string]float64{}
	for series, v := range h.page() {
		if !strings.HasPrefix(series, "vllm:") || strings.HasPrefix(series, "vllm:omni_") || strings.Contains(series, "_bucket{") {
			continue
		}
		if name, at, ok := strings.Cut(series, "{"); ok && strings.Contains(at, `replica="0"`) && strings.Contains(at, fmt.Sprintf(`stage="%d"`, stage)) {
			at = strings.NewReplacer(`replica="0"`, "", fmt.Sprintf(`stage="%d"`, stage), "", "}", "").Replace(at)
			found[strings.TrimPrefix(name, "vllm:")+strings.Trim(strings.ReplaceAll(at, ",,", ","), ",")] = v
		}
	}
	return found
}

// atRest is what engine families say that nothing moved, constant ones aside.
func atRest(t *testing.T, what string, page map[string]float64) {
	t.Helper()
	for series, v := range page {
		if v != 0 && !strings.HasPrefix(series, "engine_sleep_state") && !strings.HasPrefix(series, "cache_config_info") {
			t.Errorf("%s: %s is %v", what, series, v)
		}
	}
	if page[`engine_sleep_statesleep_state="awake"`] != 1 {
		t.Errorf("%s: not awake, or not there", what)
	}
}

func wantSeries(t *testing.T, what string, page, want map[string]float64) {
	t.Helper()
	for series, n := range want {
		if got, ok := page[series]; !ok || got != n {
			t.Errorf("%s: %s is %v (present: %v), want %v", what, series, got, ok, n)
		}
	}
}

// moved is what the families say of requests that each had a prompt of so many
// tokens, of which cached ones were found, and that ended with their limit of
// tokens. What takes time is in them once a request, and more than nothing.
func moved(requests, prompt, cached, tokens float64) map[string]float64 {
	return map[string]float64{
		"prefix_cache_queries_total": requests * prompt, "prefix_cache_hits_total": cached,
		"prompt_tokens_total": requests * prompt, "prompt_tokens_cached_total": cached,
		`prompt_tokens_by_source_totalsource="local_compute"`:        requests*prompt - cached,
		`prompt_tokens_by_source_totalsource="local_cache_hit"`:      cached,
		`prompt_tokens_by_source_totalsource="external_kv_transfer"`: 0,
		"generation_tokens_total":                                    requests * tokens,
		"iteration_tokens_total_sum":                                 requests*(prompt+tokens) - cached,
		`request_success_totalfinished_reason="length"`:              requests,
		`request_success_totalfinished_reason="stop"`:                0,
		`request_success_totalfinished_reason="abort"`:               0,
		`request_success_totalfinished_reason="error"`:               0,
		`request_success_totalfinished_reason="repetition"`:          0,
		"request_prompt_tokens_sum":                                  requests * prompt, "request_prompt_tokens_count": requests,
		"request_generation_tokens_sum": requests * tokens, "request_generation_tokens_count": requests,
		"request_params_max_tokens_sum": requests * tokens, "request_params_max_tokens_count": requests,
		"request_prefill_kv_computed_tokens_sum": requests*prompt - cached, "request_prefill_kv_computed_tokens_count": requests,
		"time_to_first_token_seconds_count":           requests,
		"inter_token_latency_seconds_count":           requests * (tokens - 1),
		"request_time_per_output_token_seconds_count": requests, "e2e_request_latency_seconds_count": requests,
		"request_queue_time_seconds_count": requests, "request_inference_time_seconds_count": requests,
		"request_prefill_time_seconds_count": requests, "request_decode_time_seconds_count": requests,
		"num_requests_running": 0, "num_requests_waiting": 0, "kv_cache_usage_perc": 0,
		`num_requests_waiting_by_reasonreason="capacity"`: 0, `num_requests_waiting_by_reasonreason="deferred"`: 0,
		"external_prefix_cache_queries_total": 0, "external_prefix_cache_hits_total": 0, "mm_cache_queries_total": 0, "mm_cache_hits_total": 0,
	}
}

// parts asks that the times of one request are parts of each other.
func parts(t *testing.T, page map[string]float64) {
	t.Helper()
	near := func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }
	prefill, decode, inference := page["request_prefill_time_seconds_sum"], page["request_decode_time_seconds_sum"], page["request_inference_time_seconds_sum"]
	queue, e2e, ttft := page["request_queue_time_seconds_sum"], page["e2e_request_latency_seconds_sum"], page["time_to_first_token_seconds_sum"]
	gaps := page["inter_token_latency_seconds_sum"]
	if prefill <= 0 || decode <= 0 || !near(prefill+decode, inference) || !near(gaps, decode) || e2e < queue+inference-1e-9 || ttft < queue+prefill-1e-9 {
		t.Errorf("prefill %v, decode %v, inference %v, gaps %v, queue %v, first token %v, e2e %v", prefill, decode, inference, gaps, queue, ttft, e2e)
	}
}

func (h *host) usage(body string) usage {
	h.t.Helper()
	r, data := h.exchange("/v1/chat/completions", body)
	var answer struct{ Usage usage }
	if err := json.Unmarshal(data, &answer); err != nil || r.StatusCode != 200 {
		h.t.Fatalf("status %d: %s", r.StatusCode, data)
	}
	return answer.Usage
}

func TestTextMovesTheThinkersFamiliesStreamedOrNot(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		h := serve(t, pipeline.Options{ServedName: "served"})
		what := fmt.Sprint("streamed: ", streamed)
		atRest(t, what+", before", h.engines(pipeline.Thinker))
		body := `"max_tokens":8,"ignore_eos":true,` + briefPrompt + `}`
		if streamed {
			if _, err := h.streamed(`{"stream":true,` + body); err != nil {
				t.Fatal(err)
			}
		} else if got := h.usage(`{` + body); got.Completion != 8 {
			t.Fatalf("usage %+v", got)
		}
		page := h.enginePage(pipeline.Thinker)
		prompt := page["prompt_tokens_total"]
		want := moved(1, prompt, 0, 8)
		want["request_params_n_sum"], want["request_params_n_count"] = 1, 1
		want["request_max_num_generation_tokens_sum"], want["request_max_num_generation_tokens_count"] = 8, 1
		want["iteration_tokens_total_count"], want["num_preemptions_total"] = 8, 0
		wantSeries(t, what, page, want)
		parts(t, page)
		atRest(t, what+", talker", h.engines(pipeline.Talker))
		if len(h.engines(pipeline.Code2Wav)) > 0 {
			t.Error("code2wav has engine families")
		}
		_, text := h.get("/metrics")
		if !strings.Contains(text, `vllm:prompt_tokens_total{model_name="served",replica="0",stage="0"}`) {
			t.Error("model_name is not the served name")
		}
		for _, name := range []string{"flops", "read_bytes", "write_bytes"} {
			if name = "vllm:estimated_" + name + "_per_gpu_total"; !strings.Contains(text, "# TYPE "+name+" counter\n") || strings.Contains(text, name+"{") {
				t.Errorf("without --enable-mfu-metrics %s is not HELP and TYPE alone", name)
			}
		}
		if strings.Contains(text, "vllm:kv_block") {
			t.Error("families of KV blocks are there without --kv-cache-metrics")
		}
	}
}

// streamed reads a streamed chat reply.
func (h *host) streamed(body string) (heard, error) {
	r, err := h.post(h.t.Context(), "/v1/chat/completions", "", body)
	if err != nil {
		return heard{}, err
	}
	defer r.Body.Close()
	return readStream(h.t, r.Body, nil)
}

func TestSoundMovesTheTalkersFamilies(t *testing.T) {
	limits := `"sampling_params_list":[{"max_tokens":8,"ignore_eos":true},{"max_tokens":12,"ignore_eos":true},{}],`
	for what, ask := range map[string]func(h *host) (thinks bool, err error){
		"chat, streamed": func(h *host) (bool, error) {
			_, err := h.streamed(`{"stream":true,"modalities":["text","audio"],` + limits + briefPrompt + `}`)
			return true, err
		},
		"chat, not streamed": func(h *host) (bool, error) {
			h.usage(`{"modalities":["text","audio"],` + limits + briefPrompt + `}`)
			return true, nil
		},
		"speech, streamed": func(h *host) (bool, error) {
			r, err := h.post(h.t.Context(), "/v1/audio/speech", "", `{"input":"we can hear it","stream":true,"response_format":"pcm","max_new_tokens":4,"seed":1}`)
			return false, drain(r, err, 200)
		},
		"speech, not streamed": func(h *host) (bool, error) {
			r, err := h.post(h.t.Context(), "/v1/audio/speech", "", `{"input":"we can hear it","max_new_tokens":4,"seed":1}`)
			return false, drain(r, err, 200)
		},
	} {
		t.Run(what, func(t *testing.T) {
			h := serve(t, pipeline.Options{})
			thinks, err := ask(h)
			if err != nil {
				t.Fatal(err)
			}
			page := h.enginePage(pipeline.Talker)
			prompt := page["prompt_tokens_total"]
			if prompt < 9 { // the head, the voice, and what is spoken first
				t.Errorf("a prefill of %v rows", prompt)
			}
			tokens := 4.0
			if thinks {
				tokens = 12
			}
			want := moved(1, prompt, 0, tokens)
			want["request_params_n_sum"], want["request_max_num_generation_tokens_sum"] = 1, tokens
			wantSeries(t, what, page, want)
			parts(t, page)
			if thinker := h.engines(pipeline.Thinker); thinks {
				wantSeries(t, what, thinker, map[string]float64{"generation_tokens_total": 8})
			} else {
				atRest(t, "thinker", thinker)
			}
		})
	}
}

// TestRequestThatLeavesCountsWhatItHadAndNoEnd: a client that leaves, and a
// stage behind that fails, are aborts to an engine.
func TestRequestThatLeavesCountsWhatItHadAndNoEnd(t *testing.T) {
	long := `{"stream":true,"modalities":["text","audio"],"sampling_params_list":[{"max_tokens":1500,"ignore_eos":true},{"max_tokens":1500,"ignore_eos":true},{}],` + briefPrompt + `}`
	for what, ask := range map[string]func(h *host) error{
		"aborted": func(h *host) error {
			ctx, leave := context.WithCancel(h.t.Context())
			defer leave()
			r, err := h.post(ctx, "/v1/chat/completions", "", long)
			if err != nil {
				return err
			}
			defer r.Body.Close()
			_, err = readStream(h.t, r.Body, func(got heard) bool { return strings.Contains(got.order, "a") })
			return err
		},
		"failed": func(h *host) error {
			r, err := h.post(h.t.Context(), "/v1/chat/completions", "x-corrupt-2", long)
			return drain(r, err, 200)
		},
	} {
		t.Run(what, func(t *testing.T) {
			h := serve(t, pipeline.Options{Connector: corrupting})
			if err := ask(h); err != nil {
				t.Fatal(err)
			}
			for _, stage := range []int{pipeline.Thinker, pipeline.Talker} {
				page := h.enginePage(stage)
				tokens, prompt := page["generation_tokens_total"], page["prompt_tokens_total"]
				if tokens == 0 || tokens >= 1500 || prompt == 0 {
					t.Fatalf("stage %d: %v tokens, a prompt of %v", stage, tokens, prompt)
				}
				want := map[string]float64{
					"prefix_cache_queries_total": prompt, "iteration_tokens_total_sum": prompt + tokens,
					"time_to_first_token_seconds_count": 1, "inter_token_latency_seconds_count": tokens - 1,
				}
				for series := range moved(1, 0, 0, 0) {
					if strings.HasPrefix(series, "request_") || strings.HasPrefix(series, "e2e_") || strings.HasPrefix(series, "num_requests") || series == "kv_cache_usage_perc" {
						want[series] = 0
					}
				}
				want["request_params_n_count"], want["request_max_num_generation_tokens_count"] = 0, 0
				wantSeries(t, fmt.Sprint("stage ", stage), page, want)
			}
		})
	}
}

// spoiling gives the talker what is no embedding.
type spoiling struct{ connector.Connector }

func (c spoiling) Open(edge connector.Edge, id string) (connector.Link, error) {
	link, err := c.Connector.Open(edge, id)
	return spoilingLink{link}, err
}

type spoilingLink struct{ connector.Link }

func (l spoilingLink) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	_, hop, err := l.Link.Recv(ctx)
	return &engine.Frames{Groups: 1}, hop, err
}

func TestRequestThatFailsInsideTheTalkerIsItsError(t *testing.T) {
	h := serve(t, pipeline.Options{Connector: func(k int, c connector.Connector) connector.Connector {
		if k == pipeline.Thinker {
			return spoiling{c}
		}
		return c
	}})
	r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"modalities":["text","audio"],`+briefPrompt+`}`)
	if err := drain(r, err, 500); err != nil {
		t.Fatal(err)
	}
	// It had no step, so what begins with one is not observed.
	wantSeries(t, "talker", h.enginePage(pipeline.Talker), map[string]float64{
		`request_success_totalfinished_reason="error"`: 1, `request_success_totalfinished_reason="abort"`: 0,
		"e2e_request_latency_seconds_count": 1, "request_prompt_tokens_count": 1, "request_prompt_tokens_sum": 0,
		"request_queue_time_seconds_count": 0, "request_inference_time_seconds_count": 0, "request_time_per_output_token_seconds_count": 0,
		"prompt_tokens_total": 0, "prefix_cache_queries_total": 0, "time_to_first_token_seconds_count": 0, "num_requests_waiting": 0,
	})
}

func TestRefusedRequestsMoveNoEngineFamily(t *testing.T) {
	h := serve(t, pipeline.Options{})
	for _, body := range []string{`{`, `{"model":"other",` + briefPrompt + `}`, `{"max_tokens":-1,` + briefPrompt + `}`} {
		if r, _ := h.exchange("/v1/chat/completions", body); r.StatusCode/100 != 4 {
			t.Errorf("status %d", r.StatusCode)
		}
	}
	atRest(t, "thinker", h.enginePage(pipeline.Thinker))
}
