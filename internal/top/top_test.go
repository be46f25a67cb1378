package top

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/limelight-omni/limelight/metrics/check"
)

func page(t *testing.T, text string) *check.Page {
	t.Helper()
	p, err := check.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sample is a page after n requests; prefix and label spelling as either server
// has them.
func sample(n int, prefix, bound string) string {
	histogram := func(name, labels string) string {
		return fmt.Sprintf("# TYPE %[1]s histogram\n%[1]s_bucket{%[2]s,le=\"0.5%[3]s\"} %[4]d\n%[1]s_bucket{%[2]s,le=\"1%[3]s\"} %[5]d\n%[1]s_bucket{%[2]s,le=\"+Inf\"} %[5]d\n%[1]s_count{%[2]s} %[5]d\n%[1]s_sum{%[2]s} %[5]d\n",
			name, labels, bound, n/2, n)
	}
	const replica = `model_name="m",replica="1",stage="2"`
	return fmt.Sprintf("# TYPE %[1]snum_requests_running gauge\n%[1]snum_requests_running{model_name=\"m\"} 3\n# TYPE %[1]snum_requests_waiting gauge\n%[1]snum_requests_waiting{model_name=\"m\"} 4\n# TYPE %[1]srequests_success_total counter\n%[1]srequests_success_total{finished_reason=\"stop\",model_name=\"m\"} %[2]d\n", prefix, n) +
		histogram(prefix+"e2e_request_latency_s", `model_name="m"`) + histogram(prefix+"audio_ttfp_s", replica) + histogram(prefix+"audio_rtf", replica) +
		histogram(prefix+"audio_underrun_s", replica) + histogram(prefix+"audio_duration_s", replica) +
		fmt.Sprintf("# TYPE %[1]saudio_continuity_ok_total counter\n%[1]saudio_continuity_ok_total{%[3]s,threshold_ms=\"100\"} %[2]d\n", prefix, n-2, replica) +
		histogram(prefix+"transfer_size_bytes", `from_replica="0",from_stage="1",model_name="m",to_replica="1",to_stage="2"`) +
		fmt.Sprintf("# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total{model_name=\"m\",replica=\"1\",stage=\"2\"} %d\n# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name=\"m\",replica=\"1\",stage=\"2\"} 5\n", 100*n)
}

func TestRatesAndQuantilesAreThoseOfTheWindow(t *testing.T) {
	w := NewWindow(page(t, sample(10, omni, "")), page(t, sample(30, omni, "")), 4*time.Second)
	at := []string{"stage", "2", "replica", "1"}
	if v, ok := w.Rate("vllm:generation_tokens_total", at...); v != 500 || !ok {
		t.Errorf("%v tokens a second, %v", v, ok)
	}
	if v, ok := w.Quantile(0.75, omni+"audio_ttfp_s", at...); v != 0.75 || !ok { // 10 up to 0.5, 10 from there to 1
		t.Errorf("p75 %v, %v", v, ok)
	}
	if _, ok := w.Quantile(0.5, omni+"audio_ttfp_s", "stage", "9"); ok {
		t.Error("a quantile of nothing")
	}
	if got := w.gaps(at); got != "0 of 20" {
		t.Errorf("gaps %s", got)
	}
	first := NewWindow(nil, page(t, sample(10, omni, "")), 0)
	if _, ok := first.Rate("vllm:generation_tokens_total"); ok {
		t.Error("a rate at the first look")
	}
	if got := first.gaps(at); got != "2 of 10" {
		t.Errorf("gaps %s", got)
	}
}

func TestServerThatBeganAgainHasNoNegativeRate(t *testing.T) {
	w := NewWindow(page(t, sample(100, omni, "")), page(t, sample(10, omni, "")), time.Second)
	if v, _ := w.Rate("vllm:generation_tokens_total"); v != 1000 {
		t.Errorf("rate %v", v)
	}
	if v, ok := w.Quantile(0.5, omni+"audio_rtf"); v != 0.5 || !ok {
		t.Errorf("quantile %v, %v", v, ok)
	}
}

func TestViewShowsStagesReplicasAndHopsOfBothServers(t *testing.T) {
	for name, text := range map[string]string{"Limelight": sample(10, omni, ""), "vLLM-Omni, later": sample(10, "vllm_omni:", ".0")} {
		got := NewWindow(nil, page(t, text), 0).Render("http://x")
		for _, want := range []string{"m   http://x", "running 3   waiting 4", "stop 10", "2        1        5", "1/0 > 2/1", "2 of 10"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", name, want, got)
			}
		}
	}
	if got := NewWindow(nil, page(t, "# TYPE up gauge\nup 1\n"), 0).Render("x"); !strings.Contains(got, "--log-stats") {
		t.Errorf("a page without the families: %s", got)
	}
}

func TestScreenKeepsThePageWhenALookFails(t *testing.T) {
	s := &screen{ctx: t.Context(), o: Options{Address: "http://x", Interval: time.Second}}
	s.Update(looked{page: page(t, sample(10, omni, "")), at: time.Unix(10, 0)})
	s.Update(looked{err: errors.New("connection refused"), at: time.Unix(12, 0)})
	if view := s.View(); !strings.Contains(view, "stop 10") || !strings.Contains(view, "connection refused") {
		t.Error(view)
	}
	s.Update(looked{page: page(t, sample(30, omni, "")), at: time.Unix(14, 0)})
	if view := s.View(); !strings.Contains(view, "(5.0/s)") || strings.Contains(view, "refused") {
		t.Error(view)
	}
	if _, cmd := s.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q")}); cmd == nil {
		t.Error("q does not quit")
	}
}

func TestOnceAndRunReadAServer(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, sample(10, omni, "")) }))
	defer web.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var out bytes.Buffer
	if err := Once(t.Context(), Options{Address: web.URL, Out: &out}); err != nil || !strings.Contains(out.String(), "stop 10") {
		t.Error(out.String(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{Address: web.URL, Interval: time.Hour, In: strings.NewReader(""), Out: &bytes.Buffer{}})
	}()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
