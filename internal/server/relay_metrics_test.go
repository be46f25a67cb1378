package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/metrics/check"
)

// chats answers chat requests with two words and what they cost.
func chats(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	sends(w, `{"choices":[{"index":0,"delta":{"role":"assistant"}}]}`)
	sends(w, `{"choices":[{"index":0,"delta":{"content":"Good"}}]}`)
	sends(w, `{"choices":[{"index":0,"delta":{"content":" day."},"finish_reason":"stop"}]}`)
	sends(w, `{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}`)
	sends(w, "[DONE]")
}

// scraped is the relay's page, which has to be good in every respect.
func scraped(t *testing.T, h *host) *check.Page {
	t.Helper()
	resp, err := h.client.Get(h.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := check.Parse(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range h.findings() {
		t.Error(f)
	}
	return p
}

// valueOf is a sample of the first stage's replica; -1 if the page has none.
func valueOf(p *check.Page, sample, replica string, labels ...string) float64 {
	for _, f := range p.Families {
		for _, s := range f.Samples {
			id, _ := s.Label("replica")
			stage, _ := s.Label("stage")
			if s.Name != sample || id != replica || stage != "0" {
				continue
			}
			all := true
			for i := 0; i < len(labels); i += 2 {
				v, _ := s.Label(labels[i])
				all = all && v == labels[i+1]
			}
			if all {
				return s.Value
			}
		}
	}
	return -1
}

func TestRelaysPageHasEnginesOwnFamiliesAndWhatItSeesOfTheOthers(t *testing.T) {
	silent := fake(t, chats)
	key := ""
	telling := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
		case "/metrics":
			key = r.Header.Get("Authorization")
			fmt.Fprint(w, "# HELP vllm:generation_tokens_total Theirs.\n# TYPE vllm:generation_tokens_total counter\n"+
				"vllm:generation_tokens_total{engine=\"0\",model_name=\"theirs\"} 41.0\n# TYPE sglang:token_usage gauge\nsglang:token_usage{stage=\"decode\"} 0.5\n")
		default:
			chats(w, r)
		}
	}))
	t.Cleanup(telling.Close)
	list := backends(remote.Chat, silent, telling.URL)
	list[1].APIKey = "secret"
	h := relayTo(t, pipeline.RelayOptions{Backends: list, ServedName: "ours", Policy: "round-robin"})
	for range 2 { // one for each server
		if got := h.chat(`{"messages":[{"role":"user","content":"Good day!"}]}`); *got.Choices[0].Message.Content != "Good day." {
			t.Fatalf("%+v", got)
		}
	}
	p := scraped(t, h)
	for _, c := range []struct {
		sample, replica string
		labels          []string
		want            float64
	}{
		{"limelight_engine_metrics_source_info", "0", []string{"source", "gateway"}, 1},
		{"limelight_engine_metrics_source_info", "1", []string{"source", "engine"}, 1},
		{"vllm:request_success_total", "0", []string{"finished_reason", "stop"}, 1},
		{"vllm:time_to_first_token_seconds_count", "0", nil, 1},
		{"vllm:inter_token_latency_seconds_count", "0", nil, 1},
		{"vllm:e2e_request_latency_seconds_count", "0", nil, 1},
		{"vllm:request_time_per_output_token_seconds_count", "0", nil, 1},
		{"vllm:prompt_tokens_total", "0", []string{"model_name", "ours"}, 7},
		{"vllm:generation_tokens_total", "0", nil, 3},
		{"vllm:generation_tokens_total", "1", []string{"model_name", "ours", "exported_model_name", "theirs"}, 41},
		{"sglang:token_usage", "1", []string{"exported_stage", "decode"}, 0.5},
		{"vllm:request_success_total", "1", nil, -1},
		{"limelight_engine_page_series", "1", nil, 2},
		{"limelight_engine_scrape_duration_seconds_count", "1", nil, 1},
		{"limelight_engine_page_series", "0", nil, -1},
	} {
		if got := valueOf(p, c.sample, c.replica, c.labels...); got != c.want {
			t.Errorf("%s of replica %s %v: %v, want %v", c.sample, c.replica, c.labels, got, c.want)
		}
	}
	if key != "Bearer secret" {
		t.Errorf("the page was asked for with %q", key)
	}
}

// The page that a backend names is taken, and the one at the server itself is
// not even asked for. A key is for the server's own host.
func TestPageOfAServerMayBeElsewhere(t *testing.T) {
	keys := make(chan string, 16)
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys <- r.URL.Path + " " + r.Header.Get("Authorization")
		fmt.Fprint(w, "vllm:x 7\n")
	}))
	t.Cleanup(exporter.Close)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			t.Error("the server was asked for its page")
		}
		chats(w, r)
	}))
	t.Cleanup(web.Close)
	port := exporter.URL[strings.LastIndexByte(exporter.URL, ':'):]
	for page, want := range map[string]string{
		port + "/engine": "/engine Bearer secret",
		strings.Replace(exporter.URL, "127.0.0.1", "localhost", 1): "/metrics ",
	} {
		list := backends(remote.Chat, web.URL)
		list[0].APIKey, list[0].Metrics = "secret", page
		h := relayTo(t, pipeline.RelayOptions{Backends: list, ServedName: "ours", HealthInterval: -1})
		p := scraped(t, h)
		if got := valueOf(p, "vllm:x", "0", "model_name", "ours"); got != 7 || valueOf(p, "limelight_engine_metrics_source_info", "0", "source", "engine") != 1 {
			t.Errorf("%s: %v", page, got)
		}
		for len(keys) > 0 {
			if got := <-keys; got != want {
				t.Errorf("%s: asked for %q, want %q", page, got, want)
			}
		}
	}
}

// An engine may have no family before its first request; once it has some they
// take the place of what the relay saw.
func TestEngineWhosePageComesLateIsScrapedFromThenOn(t *testing.T) {
	var has atomic.Bool
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/health":
		case r.URL.Path == "/metrics" && has.Load():
			fmt.Fprint(w, "# TYPE vllm:e2e_request_latency_seconds histogram\nvllm:e2e_request_latency_seconds_bucket{le=\"+Inf\"} 5\n"+
				"vllm:e2e_request_latency_seconds_sum 1\nvllm:e2e_request_latency_seconds_count 5\n")
		case r.URL.Path == "/metrics":
			http.Error(w, "starting", http.StatusServiceUnavailable)
		default:
			chats(w, r)
		}
	}))
	t.Cleanup(late.Close)
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, late.URL), ServedName: "ours"})
	if p := scraped(t, h); valueOf(p, "limelight_engine_metrics_source_info", "0") != -1 {
		t.Error("a source although nobody knows")
	}
	has.Store(true)
	h.relay.FindPages(t.Context())
	if p := scraped(t, h); valueOf(p, "vllm:e2e_request_latency_seconds_count", "0") != 5 || valueOf(p, "limelight_engine_metrics_source_info", "0", "source", "engine") != 1 {
		t.Error("the page is not there")
	}
}

func TestGatewayCountsFailuresOfTheServerAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		errors float64
	}{
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			sends(w, `{"choices":[{"index":0,"delta":{"content":"Good"}}]}`)
			panic(http.ErrAbortHandler)
		}, 1},
		"unable": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, 1},
		"a bad request": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"message":"too long"}}`)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, fake(t, c.answer)), ServedName: "ours", Retries: -1})
			r, err := h.post(context.Background(), "/v1/chat/completions", "", `{"messages":[{"role":"user","content":"x"}]}`)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			p := scraped(t, h)
			if got := valueOf(p, "vllm:request_success_total", "0", "finished_reason", "error"); got != c.errors {
				t.Errorf("%v errors, want %v", got, c.errors)
			}
			if got := valueOf(p, "vllm:e2e_request_latency_seconds_count", "0"); got != c.errors {
				t.Errorf("%v ends, want %v", got, c.errors)
			}
		})
	}
}

func TestServerThatLeavesTakesItsPageAlong(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			fmt.Fprint(w, "vllm:x 1\n")
		}
	}
	var urls []string
	for range 2 {
		web := httptest.NewServer(http.HandlerFunc(page))
		t.Cleanup(web.Close)
		urls = append(urls, web.URL)
	}
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, urls...), ServedName: "ours"})
	if err := h.relay.Orchestrator.RemoveReplica(0, 0); err != nil {
		t.Fatal(err)
	}
	h.relay.Forget(0, 0)
	resp, err := h.client.Get(h.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(body); strings.Contains(got, `vllm:x{model_name="ours",replica="0"`) || !strings.Contains(got, `vllm:x{model_name="ours",replica="1",stage="0"} 1`) {
		t.Error(got)
	}
}
