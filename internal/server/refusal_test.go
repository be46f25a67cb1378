package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/pipeline"
)

func TestBadRequestsGetAnOpenAIErrorAndCountAsNoRequest(t *testing.T) {
	h := serve(t, pipeline.Options{MaxModelLen: 64})
	for _, c := range []struct {
		path, body string
		status     int
		param      string
	}{
		{"/v1/chat/completions", `{`, 400, ""},
		{"/v1/chat/completions", `{"temperature":"x",` + hello + `}`, 400, "temperature"},
		{"/v1/chat/completions", `{"temperature":3,` + hello + `}`, 400, "temperature"},
		{"/v1/chat/completions", `{"model":"gpt-5",` + hello + `}`, 404, "model"},
		{"/v1/chat/completions", `{"modalities":["video"],` + hello + `}`, 400, "modalities[0]"},
		{"/v1/chat/completions", `{"speaker":"nobody",` + hello + `}`, 400, "speaker"},
		{"/v1/chat/completions", `{"audio":{"voice":"nobody"},` + hello + `}`, 400, "audio.voice"},
		{"/v1/chat/completions", `{"audio":{"format":"ogg"},` + hello + `}`, 400, "audio.format"},
		{"/v1/chat/completions", `{"audio":{"format":"wav"},"stream":true,` + hello + `}`, 400, "audio.format"},
		{"/v1/chat/completions", `{"audio":{},"modalities":["text"],` + hello + `}`, 400, "audio"},
		{"/v1/chat/completions", `{"response_format":{"type":"json_object"},` + hello + `}`, 400, "response_format"},
		{"/v1/chat/completions", `{"sampling_params_list":[{}],` + hello + `}`, 400, "sampling_params_list"},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":"` + strings.Repeat("long ", 80) + `"}]}`, 400, "messages"},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}`, 400, "messages[0].content[0].type"},
		{"/v1/completions", `{}`, 400, "prompt"},
		{"/v1/completions", `{"prompt":""}`, 400, "prompt"},
		{"/v1/completions", `{"prompt":["a",[1,70000]]}`, 400, "prompt[1][1]"},
		{"/v1/completions", `{"prompt":"` + strings.Repeat("long ", 80) + `"}`, 400, "prompt"},
		{"/v1/completions", `{"prompt":"a","echo":true,"logprobs":1}`, 400, "logprobs"},
		{"/v1/completions", `{"prompt":"a","n":2,"temperature":0}`, 400, "n"},
		{"/v1/completions", `{"prompt":"a","model":"gpt-5"}`, 404, "model"},
		{"/v1/audio/speech", `{"input":""}`, 400, "input"},
		{"/v1/audio/speech", `{"input":"x","voice":"nobody"}`, 400, "voice"},
		{"/v1/audio/speech", `{"input":"` + strings.Repeat("x", 65) + `"}`, 400, "input"},
		{"/v1/audio/speech", `{"input":"x","response_format":"ogg"}`, 400, "response_format"},
		{"/v1/audio/speech", `{"input":"x","response_format":"mp3","stream":true}`, 400, "response_format"},
		{"/v1/nothing", `{}`, 404, ""},
		{"/v1/models", `{}`, 405, ""},
	} {
		r, data := h.exchange(c.path, c.body)
		var body struct {
			Error struct {
				Message, Type string
				Param         *string
				Code          int
			}
		}
		if err := json.Unmarshal(data, &body); err != nil {
			t.Errorf("%s %s: %s", c.path, c.body, data)
			continue
		}
		param := ""
		if body.Error.Param != nil {
			param = *body.Error.Param
		}
		if r.StatusCode != c.status || body.Error.Code != c.status || param != c.param || body.Error.Message == "" || body.Error.Type == "" {
			t.Errorf("%s %s: status %d, %s", c.path, c.body, r.StatusCode, data)
		}
	}
	var ended float64
	page := h.page()
	for series, n := range page {
		if strings.HasPrefix(series, "vllm:omni_requests_success_total") {
			ended += n
		}
	}
	if ended != 0 {
		t.Errorf("%v requests ended, none was admitted", ended)
	}
	if n := page[`http_requests_total{handler="/v1/chat/completions",method="POST",status="4xx"}`]; n != 14 {
		t.Errorf("%v refused chat requests", n)
	}
	if n := page[`http_requests_total{handler="none",method="POST",status="4xx"}`]; n != 2 {
		t.Errorf("%v requests of no route", n)
	}
	for reason, want := range map[string]float64{"bad_request": 24, "not_found": 3, "method_not_allowed": 1, "queue_full": 0, "draining": 0} {
		if n := page[`limelight_requests_refused_total{reason="`+reason+`"}`]; n != want {
			t.Errorf("%v refused as %s, want %v", n, reason, want)
		}
	}
}

func TestBodyThatIsTooLargeIs413(t *testing.T) {
	h := serve(t, pipeline.Options{})
	if r, data := h.exchange("/v1/audio/speech", `{"input":"`+strings.Repeat("x", 32<<20)+`"}`); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d: %s", r.StatusCode, data)
	}
	if n := h.page()[`limelight_requests_refused_total{reason="too_large"}`]; n != 1 {
		t.Errorf("%v refused as too large", n)
	}
}

func TestDrainingServerRefusesWith503(t *testing.T) {
	h := serve(t, pipeline.Options{})
	if err := h.pipeline.Orchestrator.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, data := h.exchange("/v1/chat/completions", `{`+hello+`}`)
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("status %d: %s", r.StatusCode, data)
	}
	if n := h.page()[`limelight_requests_refused_total{reason="draining"}`]; n != 1 {
		t.Errorf("%v refused as draining", n)
	}
}

func TestRequestIDComesBack(t *testing.T) {
	h := serve(t, pipeline.Options{})
	for sent, same := range map[string]bool{"my-id.7": true, "": false, strings.Repeat("x", 200): false} {
		r, err := h.post(t.Context(), "/v1/chat/completions", sent, `{"max_tokens":1,`+hello+`}`)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if got := r.Header.Get("X-Request-Id"); got == "" || (got == sent) != same {
			t.Errorf("sent %q, got %q", sent, got)
		}
	}
}

func TestLookingAfterTheServer(t *testing.T) {
	h := serve(t, pipeline.Options{})
	if r, body := h.get("/health"); r.StatusCode != 200 || body != `{"status":"healthy"}` {
		t.Errorf("health: %d %s", r.StatusCode, body)
	}
	if r, body := h.get("/version"); r.StatusCode != 200 || !strings.Contains(body, Version()) {
		t.Errorf("version: %d %s", r.StatusCode, body)
	}
	r, body := h.get("/v1/models")
	if r.StatusCode != 200 || !strings.Contains(body, `"id":"limelight-tiny"`) || !strings.Contains(body, "noise by design") || !strings.Contains(body, `"ethan"`) {
		t.Errorf("models: %d %s", r.StatusCode, body)
	}
	page := h.page()
	if n := page[`http_requests_total{handler="/v1/models",method="GET",status="2xx"}`]; n != 1 {
		t.Errorf("%v requests of /v1/models", n)
	}
	for series := range page {
		if strings.HasPrefix(series, "http_requests_total") && !strings.Contains(series, "/v1/models") {
			t.Errorf("%s is counted", series)
		}
	}
}

func TestPromptThatCannotBeSpokenWholeIsRefusedIfItIsToBeSpoken(t *testing.T) {
	h := serve(t, pipeline.Options{Engines: map[string]pipeline.EngineConfig{"talker": {Blocks: 2}}}) // 32 rows
	messages := `"messages":[{"role":"user","content":"` + strings.Repeat("long ", 30) + `"}],"max_tokens":2`
	if r, body := h.exchange("/v1/chat/completions", `{"modalities":["text"],`+messages+`}`); r.StatusCode != 200 {
		t.Errorf("text: %d %s", r.StatusCode, body)
	}
	r, body := h.exchange("/v1/chat/completions", `{"modalities":["audio"],`+messages+`}`)
	if r.StatusCode != 400 || !strings.Contains(string(body), `"param":"messages"`) || !strings.Contains(string(body), "which has 32") {
		t.Errorf("audio: %d %s", r.StatusCode, body)
	}
}
