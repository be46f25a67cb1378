package server

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/stage"
)

// faults are the ways in which a server fails. Some happen before it said
// anything, and cost no request; the others end the requests it had.
var faults = map[string]struct {
	saved bool
	serve func(w http.ResponseWriter, r *http.Request, begin func())
}{
	"reset before a header": {true, func(http.ResponseWriter, *http.Request, func()) { panic(http.ErrAbortHandler) }},
	"overloaded":            {true, func(w http.ResponseWriter, _ *http.Request, _ func()) { w.WriteHeader(http.StatusServiceUnavailable) }},
	"stalled before a header": {true, func(_ http.ResponseWriter, r *http.Request, _ func()) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}},
	"reset in mid-stream": {false, func(_ http.ResponseWriter, _ *http.Request, begin func()) {
		begin()
		panic(http.ErrAbortHandler)
	}},
	"truncated": {false, func(w http.ResponseWriter, _ *http.Request, begin func()) { begin() }},
	"stalled in mid-stream": {false, func(_ http.ResponseWriter, r *http.Request, begin func()) {
		begin()
		<-r.Context().Done()
	}},
}

// Sixty-four streams to three servers, one of which fails in each way: what can
// be saved is, everything else ends once, and the page adds up.
func TestServersThatFailUnderLoad(t *testing.T) {
	for name, fault := range faults {
		for _, kind := range []remote.Kind{remote.Chat, remote.Speech} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				t.Parallel()
				chat := func(w http.ResponseWriter) { sends(w, `{"choices":[{"index":0,"delta":{"content":"half"}}]}`) }
				speech := func(w http.ResponseWriter) {
					w.Header().Set("Content-Type", "audio/pcm")
					w.Header().Set("Content-Length", "400")
					w.Write(audio.AppendS16LE(nil, make([]float32, 100)))
					w.(http.Flusher).Flush()
				}
				begin, path, body := chat, "/v1/chat/completions", `{"stream":true,`+hello+`}`
				if kind == remote.Speech {
					begin, path, body = speech, "/v1/audio/speech", `{"stream":true,"input":"hello","response_format":"pcm"}`
				}
				good := func() string {
					return fake(t, func(w http.ResponseWriter, r *http.Request) {
						begin(w)
						if kind == remote.Speech {
							w.Write(audio.AppendS16LE(nil, make([]float32, 100)))
							return
						}
						sends(w, `{"choices":[{"index":0,"delta":{"content":"whole"},"finish_reason":"stop"}]}`)
						sends(w, "[DONE]")
					})
				}
				bad := fake(t, func(w http.ResponseWriter, r *http.Request) { fault.serve(w, r, func() { begin(w) }) })
				h := relayTo(t, pipeline.RelayOptions{
					Backends: backends(kind, good(), bad, good()), ServedName: "x", HealthInterval: -1, Retries: 1, Policy: string(stage.RoundRobin),
					AnswerTimeout: 2 * time.Second, StageTimeout: 3 * time.Second, Ejection: stage.Ejection{Failures: math.MaxInt},
				})
				var mu sync.Mutex
				whole, broken := 0, 0
				var all sync.WaitGroup
				for range 64 {
					all.Go(func() {
						r, err := h.post(t.Context(), path, "", body)
						if err != nil {
							t.Error(err)
							return
						}
						defer r.Body.Close()
						data, err := io.ReadAll(r.Body)
						ok := err == nil && r.StatusCode == 200 && (strings.Contains(string(data), "whole") || kind == remote.Speech && len(data) == 400)
						mu.Lock()
						defer mu.Unlock()
						if ok {
							whole++
						} else {
							broken++
						}
					})
				}
				all.Wait()
				if fault.saved && broken != 0 || !fault.saved && (broken == 0 || broken > 32) {
					t.Errorf("%d whole, %d broken", whole, broken)
				}
				if err := h.relay.Orchestrator.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
				page := h.page()
				if got := page[`vllm:omni_requests_success_total{finished_reason="stop"}`]; got != float64(whole) {
					t.Errorf("%v natural ends, clients had %d", got, whole)
				}
				if got := page[`vllm:omni_requests_success_total{finished_reason="error"}`]; got != float64(broken) {
					t.Errorf("%v errors, clients had %d", got, broken)
				}
				for replica, may := range []bool{false, fault.saved, false} {
					if got := page[fmt.Sprintf(`limelight_stage_retries_total{replica="%d",stage="0"}`, replica)]; may != (got > 0) {
						t.Errorf("%v requests of replica %d were taken over by another", got, replica)
					}
				}
				if page["vllm:omni_num_requests_running"] != 0 || page["vllm:omni_num_requests_waiting"] != 0 {
					t.Error("requests are left")
				}
			})
		}
	}
}

// Bodies are read whole before a byte goes out, so that no server answers into
// the middle of one.
func TestNoStreamIsCutOfManyPostedAtOnce(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	url := fake(t, func(w http.ResponseWriter, r *http.Request) {
		for i := range 8 { // without a look at the body, as a server that streams at once
			sends(w, `{"choices":[{"index":0,"delta":{"content":"%d"}}]}`, i)
		}
		sends(w, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
		sends(w, "[DONE]")
	})
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, url), ServedName: "x", Retries: -1})
	body := fmt.Sprintf(`{"stream":true,"messages":[{"role":"user","content":%q}]}`, long)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 20 {
				r, err := h.post(t.Context(), "/v1/chat/completions", "", body)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := readStream(t, r.Body, nil)
				r.Body.Close()
				if err != nil || got.text != "01234567" || !strings.HasSuffix(got.order, "D") {
					t.Errorf("%q, %s, %v", got.text, got.order, err)
				}
			}
		})
	}
	all.Wait()
}
