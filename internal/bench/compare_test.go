package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
	"github.com/limelight-omni/limelight/metrics/check"
)

// serve runs the built-in model.
func serve(t *testing.T) string {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	p, err := pipeline.New(pipeline.Options{LogStats: true, Log: log, Replicas: map[string]int{"talker": 2, "code2wav": 2}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.New(server.Options{Orchestrator: p.Orchestrator, Model: p.Frontend, Metrics: p.Metrics, Log: log}).Handler())
	t.Cleanup(func() {
		web.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return web.URL
}

// What the clients counted is what the server counted: streamed or not, chat
// and speech, 32 at a time, with clients that leave.
func TestClientAndServerAgree(t *testing.T) {
	url := serve(t)
	short := map[string]any{"sampling_params_list": []map[string]any{{"max_tokens": 8}, {"max_tokens": 8}, {}}}
	brief := map[string]any{"max_new_tokens": 8}
	for name, o := range map[string]Options{
		"chat, streamed":            {Backend: ChatOmni, Stream: true, ExtraBody: short},
		"chat, whole":               {Backend: ChatOmni, ExtraBody: short},
		"chat, text only":           {Backend: Chat, Stream: true},
		"chat, streamed and left":   {Backend: ChatOmni, Stream: true, ExtraBody: short, AbortEvery: 4},
		"speech, streamed":          {Backend: Speech, Stream: true, ExtraBody: brief},
		"speech, whole":             {Backend: Speech, ExtraBody: brief},
		"speech, streamed and left": {Backend: Speech, Stream: true, ExtraBody: brief, AbortEvery: 4},
	} {
		t.Run(name, func(t *testing.T) {
			var before *Snapshot
			o.Warmups, o.Warmed = 1, func(ctx context.Context) (err error) {
				before, err = Rest(ctx, url)
				return err
			}
			o.BaseURL, o.MaxConcurrency = url, 32
			o.Prompts = Random(RandomOptions{N: 32, InputLen: 3, Seed: 5})
			r, err := Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			after, err := Settle(t.Context(), url, before, r)
			if err != nil {
				t.Fatal(err)
			}
			comparison := r.Compare(before, after)
			for _, f := range comparison {
				if !f.OK && !f.Timed { // a slow machine may part the clocks
					t.Errorf("%+v", f)
				}
			}
			if totals := r.Totals(); totals.OK+totals.Failed+totals.Aborted != 32 || totals.OK < 16 || len(comparison) < 4 {
				t.Errorf("%+v, %d comparisons", totals, len(comparison))
			}
		})
	}
}

func page(t *testing.T, text string) *Snapshot {
	t.Helper()
	p, err := check.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return &Snapshot{p}
}

func TestDisagreementIsFound(t *testing.T) {
	const none = `vllm:omni_requests_success_total{finished_reason="stop",model_name="m"} 1
# TYPE vllm:omni_e2e_request_latency_s histogram
vllm:omni_e2e_request_latency_s_bucket{model_name="m",le="1"} 1
vllm:omni_e2e_request_latency_s_bucket{model_name="m",le="2"} 1
vllm:omni_e2e_request_latency_s_bucket{model_name="m",le="+Inf"} 1
vllm:omni_e2e_request_latency_s_count{model_name="m"} 1
`
	gained := func(le1, le2, all int) string {
		return fmt.Sprintf(`vllm:omni_requests_success_total{finished_reason="stop",model_name="m"} %d
# TYPE vllm:omni_e2e_request_latency_s histogram
vllm:omni_e2e_request_latency_s_bucket{model_name="m",le="1"} %d
vllm:omni_e2e_request_latency_s_bucket{model_name="m",le="2"} %d
vllm:omni_e2e_request_latency_s_bucket{model_name="m",le="+Inf"} %d
vllm:omni_e2e_request_latency_s_count{model_name="m"} %d
`, all, le1, le2, all, all)
	}
	r := &Result{Options: Options{Backend: Chat}}
	for range 3 {
		r.Records = append(r.Records, measure(Trace{Outcome: OK, Complete: true, Finish: "stop", End: 1500 * time.Millisecond}, time.Second))
	}
	for name, c := range map[string]struct {
		after string
		wrong string
	}{
		"equal":             {gained(1, 4, 4), ""},
		"one more":          {gained(1, 5, 5), "requests ended"},
		"one fewer":         {gained(1, 3, 3), "requests ended"},
		"slower at server":  {gained(1, 1, 4), "e2e p50"},
		"quicker at server": {gained(4, 4, 4), "e2e p50"},
	} {
		var wrong []string
		for _, f := range r.Compare(page(t, none), page(t, c.after)) {
			if !f.OK {
				wrong = append(wrong, f.What)
			}
		}
		if c.wrong == "" && len(wrong) > 0 || c.wrong != "" && (len(wrong) == 0 || wrong[0] != c.wrong) {
			t.Errorf("%s: %v, want %q first", name, wrong, c.wrong)
		}
	}
}

func TestQuantileBetweenTwoObservationsMayBeInEitherBucket(t *testing.T) {
	text := func(le1, le2, all int) string {
		return fmt.Sprintf("# TYPE h histogram\nh_bucket{le=\"1\"} %d\nh_bucket{le=\"2\"} %d\nh_bucket{le=\"+Inf\"} %d\nh_count %d\n", le1, le2, all, all)
	}
	d := delta{page(t, text(0, 0, 0)), page(t, text(2, 4, 4))}
	for q, want := range map[float64][2]float64{0: {0, 1}, 0.5: {0, 2}, 0.9: {1, 2}, 1: {1, 2}} {
		if from, to, ok := d.between("h", q); !ok || [2]float64{from, to} != want {
			t.Errorf("q %v: (%v, %v], %v, want %v", q, from, to, ok, want)
		}
	}
}

// sample is a result of a few requests, one of them with a late chunk.
func sample(t *testing.T) *Result {
	r := &Result{Options: Options{Backend: ChatOmni, Stream: true, RequestRate: 10, Model: "m"}, Duration: 2 * time.Second}
	for range 3 {
		tr := trace(t, 0, piece{50 * ms, text("a")}, piece{20 * ms, text("b")}, piece{50 * ms, sound(100*ms, 0.5)}, piece{300 * ms, sound(100*ms, 0.5)}, piece{0, end})
		r.Records = append(r.Records, measure(tr, 100*ms))
	}
	r.Records = append(r.Records, measure(Trace{Outcome: Failed, Err: "status 500: no"}, 100*ms))
	return r
}

func TestSummaryHasTheRowsOfVLLMBench(t *testing.T) {
	var b strings.Builder
	if err := sample(t).WriteSummary(&b, Report{Percentiles: []float64{90, 99}}); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		"============ Serving Benchmark Result ============", "Successful requests:                     3         ", "Failed requests:                         1         ",
		"Median TTFT (ms):                        50.00     ", "P90 AUDIO_TTFP (ms):                     120.00    ", "Mean AUDIO_UNDERRUN (s):                 0.20      ",
		"Streaming continuity OK rate:            0.00      ", "1 failed: status 500: no", "no coordinated omission",
	} {
		if !strings.Contains(b.String(), row) {
			t.Errorf("no %q in\n%s", row, b.String())
		}
	}
}

func TestJSONHasTheFieldsOfVLLMBench(t *testing.T) {
	var b bytes.Buffer
	if err := sample(t).WriteJSON(&b, Report{}); err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(`duration completed failed total_input_tokens total_output_tokens request_throughput request_goodput output_throughput
		total_token_throughput total_audio_duration_s total_audio_frames audio_throughput input_lens output_lens ttfts itls generated_texts errors
		max_output_tokens_per_s max_concurrent_requests rtfx mean_ttft_ms median_tpot_ms p99_itl_ms mean_e2el_ms mean_audio_ttfp_ms p99_audio_rtf
		mean_audio_duration_s mean_audio_underrun_s audio_continuity_ok_rate date endpoint_type model_id num_prompts request_rate burstiness max_concurrency`) {
		if _, ok := m[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
	if m["mean_audio_underrun_s"] != 0.2 || m["audio_continuity_ok_rate"] != 0.0 || m["completed"] != 3.0 {
		t.Errorf("%v", m)
	}
}

func TestPlotIsDrawn(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"run.svg", "run.png"} {
		path := filepath.Join(dir, name)
		if err := sample(t).WritePlot(path); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || len(data) < 5000 {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if err := sample(t).WritePlot(filepath.Join(dir, "run.gif")); err == nil {
		t.Error("a plot in a format that is not drawn")
	}
	if err := (&Result{}).WritePlot(filepath.Join(dir, "none.svg")); err != nil {
		t.Error("a run without a request has no plot:", err)
	}
}
