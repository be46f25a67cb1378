package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// relayTo serves a relay to the backends. Health is checked once, at the start.
func relayTo(t *testing.T, o pipeline.RelayOptions) *host {
	t.Helper()
	o.LogStats, o.Log = true, slog.New(slog.DiscardHandler)
	r, err := pipeline.NewRelay(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Log: o.Log})
	s.BeginRelay(r.Orchestrator, r, r.Metrics)
	web := httptest.NewServer(s.Handler())
	h := &host{t: t, url: web.URL, client: web.Client(), server: s, relay: r}
	t.Cleanup(func() {
		if err := r.Orchestrator.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		web.Close()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func backends(kind remote.Kind, urls ...string) (list []pipeline.Backend) {
	for _, u := range urls {
		list = append(list, pipeline.Backend{Kind: string(kind), URL: u})
	}
	return list
}

// fake is a server whose answers a test writes.
func fake(t *testing.T, handle http.HandlerFunc) string {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
		case "/v1/models":
			fmt.Fprint(w, `{"data":[{"id":"theirs"}]}`)
		case "/metrics": // it has none
			http.NotFound(w, r)
		default:
			handle(w, r)
		}
	}))
	t.Cleanup(web.Close)
	return web.URL
}

func sends(w http.ResponseWriter, format string, args ...any) {
	fmt.Fprintf(w, "data: "+format+"\n\n", args...)
	w.(http.Flusher).Flush()
}

func TestRelayPassesWhatItDoesNotKnowAndGivesBackToolCalls(t *testing.T) {
	var mu sync.Mutex
	var got map[string]any
	url := fake(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = nil
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		sends(w, `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\""}}]}}]}`)
		sends(w, `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}`)
		sends(w, `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`)
		sends(w, `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}`)
		sends(w, "[DONE]")
	})
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, url), ServedName: "ours"})
	const request = `{"model":"ours","tools":[{"type":"function"}],"response_format":{"type":"json_object"},"mystery":1,"temperature":9,` + hello + `}`
	_, data := h.exchange("/v1/chat/completions", request)
	for _, want := range []string{`"tool_calls":[{"function":{"arguments":"{\"a\":1}","name":"f"},"id":"c1","index":0,"type":"function"}]`, `"finish_reason":"tool_calls"`, `"model":"ours"`, `"prompt_tokens":3`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in %s", want, data)
		}
	}
	if got["model"] != "theirs" || got["mystery"] != 1.0 || got["temperature"] != 9.0 || got["tools"] == nil || got["response_format"] == nil {
		t.Errorf("%v", got)
	}
	_, data = h.exchange("/v1/chat/completions", `{"stream":true,`+request[1:])
	if n := strings.Count(string(data), `"tool_calls":[`); n != 2 || strings.Count(string(data), `"finish_reason":"tool_calls"`) != 1 {
		t.Errorf("streamed: %s", data)
	}
}

// tone answers speech requests with a sample for each byte of the text.
func tone(t *testing.T, asked func(text string)) string {
	return fake(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Input string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		asked(body.Input)
		samples := make([]float32, len(body.Input))
		for i := range samples {
			samples[i] = 0.5
		}
		w.Header().Set("Content-Type", "audio/pcm")
		w.Write(audio.AppendS16LE(nil, samples))
	})
}

func TestVoiceAssistantOfThreeServers(t *testing.T) {
	spoken := make(chan string, 8)
	var question string
	ears := fake(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"text":"what is new"}`) })
	proceed := make(chan struct{})
	mind := fake(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		question = string(body)
		sends(w, `{"choices":[{"index":0,"delta":{"content":"This is the first sentence. And"}}]}`)
		<-proceed // until it is spoken
		sends(w, `{"choices":[{"index":0,"delta":{"content":" a second one."},"finish_reason":"stop"}]}`)
		sends(w, "[DONE]")
	})
	mouth := tone(t, func(text string) {
		spoken <- text
		if len(spoken) == 1 {
			close(proceed)
		}
	})
	h := relayTo(t, pipeline.RelayOptions{ServedName: "assistant", Backends: append(append(backends(remote.Speech, mouth), backends(remote.Chat, mind)...), backends(remote.Transcription, ears)...)})
	r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"stream":true,"modalities":["text","audio"],"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readStream(t, r.Body, nil)
	r.Body.Close()
	if err != nil || got.text != "This is the first sentence. And a second one." || len(got.pcm) != 2*(27+17) {
		t.Errorf("%q, %d bytes of sound, %v", got.text, len(got.pcm), err)
	}
	if one, two := <-spoken, <-spoken; one != "This is the first sentence." || two != "And a second one." {
		t.Errorf("spoken: %q, %q", one, two)
	}
	if !strings.Contains(question, `{"type":"text","text":"what is new"}`) || strings.Contains(question, "input_audio") {
		t.Errorf("asked: %s", question)
	}
	page := h.page()
	for series, want := range map[string]float64{
		`vllm:omni_requests_success_total{finished_reason="stop"}`:                                          1,
		`vllm:omni_audio_frames_total{replica="0",stage="2"}`:                                               44,
		`vllm:omni_audio_ttfp_s_count{replica="0",stage="2"}`:                                               1,
		`vllm:omni_audio_underrun_s_count{replica="0",stage="2"}`:                                           1,
		`vllm:omni_transfer_size_bytes_sum{from_replica="0",from_stage="0",to_replica="0",to_stage="1"}`:    11,
		`vllm:omni_transfer_size_bytes_count{from_replica="0",from_stage="1",to_replica="0",to_stage="2"}`:  2,
		`vllm:omni_transfer_in_flight_s_count{from_replica="0",from_stage="1",to_replica="0",to_stage="2"}`: 2,
	} {
		if page[series] != want {
			t.Errorf("%s = %v, want %v", series, page[series], want)
		}
	}
}

func TestTranscriptionsAndSpeechOfARelayAreItsOwnEndpoints(t *testing.T) {
	ears := fake(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"text":"heard in %s"}`, r.FormValue("language"))
	})
	mouth := tone(t, func(string) {})
	mind := fake(t, func(http.ResponseWriter, *http.Request) { t.Error("asked to chat") })
	h := relayTo(t, pipeline.RelayOptions{ServedName: "x", Backends: append(append(backends(remote.Speech, mouth), backends(remote.Chat, mind)...), backends(remote.Transcription, ears)...)})
	post := func(fields map[string]string, file bool) (int, string) {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for name, value := range fields {
			form.WriteField(name, value)
		}
		if file {
			part, _ := form.CreateFormFile("file", "a.wav")
			part.Write([]byte("RIFF\xff\xfe\x00")) // a recording is no text
		}
		form.Close()
		r, err := h.client.Post(h.url+"/v1/audio/transcriptions", form.FormDataContentType(), &body)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		data, _ := io.ReadAll(r.Body)
		if r.StatusCode == 200 {
			timings(t, r.Header.Get("Server-Timing"))
		}
		return r.StatusCode, string(data)
	}
	if status, body := post(map[string]string{"model": "x", "language": "de"}, true); status != 200 || body != `{"text":"heard in de"}` {
		t.Errorf("%d %s", status, body)
	}
	if status, body := post(map[string]string{"response_format": "text"}, true); status != 200 || body != "heard in \n" {
		t.Errorf("%d %s", status, body)
	}
	for says, c := range map[string]struct {
		fields map[string]string
		file   bool
		status int
	}{"file": {nil, false, 400}, "response_format": {map[string]string{"response_format": "srt"}, true, 400}, "there is no": {map[string]string{"model": "y"}, true, 404}} {
		if status, body := post(c.fields, c.file); status != c.status || !strings.Contains(body, says) {
			t.Errorf("%s: %d %s", says, status, body)
		}
	}
	r, sound := h.exchange("/v1/audio/speech", `{"input":"hello","instructions":"softly"}`)
	format, pcm, err := audio.ParseWAV(sound)
	if r.StatusCode != 200 || err != nil || format.Rate != 24000 || len(pcm) != 10 {
		t.Errorf("%d, %+v, %d bytes, %v", r.StatusCode, format, len(pcm), err)
	}
	if r, _ := h.exchange("/v1/completions", `{}`); r.StatusCode != 404 {
		t.Errorf("completions of a relay: %d", r.StatusCode)
	}
}

func TestRelayTellsRefusalsFromFailures(t *testing.T) {
	refuses := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":{"message":"temperature: too hot","type":"BadRequestError","param":"temperature","code":400}}`)
	})
	dies := fake(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for url, want := range map[string]int{refuses: 400, dies: 502} {
		h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, url), Retries: -1})
		r, data := h.exchange("/v1/chat/completions", `{`+hello+`}`)
		if r.StatusCode != want || want == 400 && !strings.Contains(string(data), `"param":"temperature"`) {
			t.Errorf("%d %s, want %d", r.StatusCode, data, want)
		}
		if page := h.page(); page[`vllm:omni_requests_success_total{finished_reason="error"}`] != 1 {
			t.Errorf("%d: not one error on the page", want)
		}
	}
}

func TestDeadServerCostsNoRequest(t *testing.T) {
	dead := httptest.NewServer(nil)
	dead.Close()
	alive := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		sends(w, `{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}`)
	})
	// Without health checks only the requests themselves can find out.
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, dead.URL, alive), HealthInterval: -1, ServedName: "x"})
	for range 8 {
		if r, data := h.exchange("/v1/chat/completions", `{`+hello+`}`); r.StatusCode != 200 || !strings.Contains(string(data), "hi") {
			t.Errorf("%d %s", r.StatusCode, data)
		}
	}
	// With them it gets nothing, and the stage is ready as long as one is well.
	h.relay.CheckHealth(t.Context())
	if r, _ := h.get("/ready"); r.StatusCode != 200 {
		t.Errorf("ready: %d", r.StatusCode)
	}
	page := h.page()
	if page[`vllm:omni_requests_success_total{finished_reason="stop"}`] != 8 {
		t.Error("not eight natural ends")
	}
	for _, family := range []string{"limelight_stage_retries_total", "limelight_replica_ejections_total"} {
		of := func(replica string) float64 { return page[family+`{replica="`+replica+`",stage="0"}`] }
		if of("0") == 0 || of("1") != 0 {
			t.Errorf("%s: %v of the dead server, %v of the other one", family, of("0"), of("1"))
		}
	}
	none := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, dead.URL), ServedName: "x"})
	if r, _ := none.get("/ready"); r.StatusCode != 503 {
		t.Errorf("ready without a server: %d", r.StatusCode)
	}
	if r, data := none.exchange("/v1/chat/completions", `{`+hello+`}`); r.StatusCode != 503 {
		t.Errorf("%d %s", r.StatusCode, data)
	}
}

func TestClientThatLeavesEndsTheServersWork(t *testing.T) {
	gone := make(chan struct{})
	url := fake(t, func(w http.ResponseWriter, r *http.Request) {
		sends(w, `{"choices":[{"index":0,"delta":{"content":"hi"}}]}`)
		<-r.Context().Done()
		close(gone)
	})
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, url)})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := h.post(ctx, "/v1/chat/completions", "", `{"stream":true,`+hello+`}`)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := readStream(t, r.Body, func(h heard) bool { return h.text == "hi" }); err != nil {
		t.Fatal(err)
	}
	leave()
	<-gone
	if err := h.relay.Orchestrator.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if page := h.page(); page[`vllm:omni_requests_success_total{finished_reason="abort"}`] != 1 {
		t.Error("not one abort")
	}
}

func TestStagesThatMakeNoPipelineAreRefused(t *testing.T) {
	for says, list := range map[string][]pipeline.Backend{
		"none is given":          nil,
		"pipeline by themselves": append(backends(remote.Omni, "http://a"), backends(remote.Speech, "http://b")...),
		"has to be chat":         append(backends(remote.Transcription, "http://a"), backends(remote.Speech, "http://b")...),
		"unknown kind":           backends("video", "http://a"),
		"must be a URL":          backends(remote.Chat, "a:1"),
	} {
		if _, err := pipeline.NewRelay(t.Context(), pipeline.RelayOptions{Backends: list, ServedName: "x"}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
