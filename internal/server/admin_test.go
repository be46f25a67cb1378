package server

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// order sends one request of this host to the admin routes.
func order(s *Server, method, path string, header ...string) (status int, body string) {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr = "127.0.0.1:5000"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestReplicasAreAddedListedAndRemovedWhileTheServerRuns(t *testing.T) {
	s := configured(t, Options{})
	const talkers = "/admin/stages/talker/replicas"
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"DELETE", talkers + "/0", 409, "it is the stage's last replica"},
		{"POST", talkers, 201, `{"stage":"talker","stage_id":1,"id":1,"state":"ready","requests":0}`},
		{"GET", "/admin/stages/1/replicas", 200, `{"object":"list","data":[{"stage":"talker","stage_id":1,"id":0,"state":"ready","requests":0},{"stage":"talker","stage_id":1,"id":1,"state":"ready","requests":0}]}`},
		{"DELETE", talkers + "/0", 202, `{"stage":"talker","stage_id":1,"id":0,"state":"draining","requests":0}`},
		{"GET", talkers, 200, `{"object":"list","data":[{"stage":"talker","stage_id":1,"id":1,"state":"ready","requests":0}]}`},
		{"DELETE", talkers + "/0", 404, "stage has no such replica"},
		{"DELETE", talkers + "/one", 400, "must be the decimal id of a replica"},
		{"POST", talkers, 201, `"id":2`},
		{"POST", "/admin/stages/speaker/replicas", 404, "pipeline has no such stage"},
		{"POST", "/admin/stages/code2wav/replicas", 201, `"id":1`},
	} {
		if status, body := order(s, c.method, c.path); status != c.status || !strings.Contains(body, c.body) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, status, body, c.status, c.body)
		}
	}
	_, page := order(s, "GET", "/metrics")
	for t.Context().Err() == nil && strings.Contains(page, `vllm:num_requests_running{model_name="limelight-tiny",replica="0",stage="1"}`) {
		_, page = order(s, "GET", "/metrics") // its engine is closing still
	}
	for line, there := range map[string]bool{
		`limelight_replica_state{model_name="limelight-tiny",replica="0",stage="1",state="ready"}`:  false,
		`limelight_replica_state{model_name="limelight-tiny",replica="2",stage="1",state="ready"}`:  true,
		`vllm:omni_audio_frames_total{model_name="limelight-tiny",replica="1",stage="2"} 0`:         true,
		`vllm:omni_audio_frames_total{model_name="limelight-tiny",replica="0",stage="2"} 0`:         true,
		`vllm:cache_config_info{block_size="16",`:                                                   true,
		`vllm:num_requests_running{model_name="limelight-tiny",replica="2",stage="1"} 0`:            true,
		`vllm:generation_tokens_total{model_name="limelight-tiny",replica="2",stage="1"} 0`:         true,
		`vllm:generation_tokens_total{model_name="limelight-tiny",replica="0",stage="1"} 0`:         true, // for ten minutes
		`http_requests_total{handler="/admin/stages/{stage}/replicas",method="POST",status="2xx"} `: false,
	} {
		if strings.Contains(page, line) != there {
			t.Errorf("%v that the page has %s", !there, line)
		}
	}
	// What was added works: all talkers that were there at the start are gone.
	status, body := post(s, "/v1/audio/speech", `{"input":"hello there","voice":"ethan","response_format":"wav"}`)
	if status != 200 || !strings.HasPrefix(body, "RIFF") {
		t.Errorf("speech: %d, %d bytes", status, len(body))
	}
}

func post(s *Server, path, body string) (int, string) {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestAdminRoutesNeedAKeyOrThisHost(t *testing.T) {
	const path = "/admin/stages/talker/replicas"
	open := configured(t, Options{})
	for header, want := range map[string]int{"": 200, "Origin": 403, "Forwarded": 403, "X-Forwarded-For": 403} {
		if status, _ := order(open, "GET", path, header, "http://127.0.0.1"); status != want {
			t.Errorf("with %q: %d, want %d", header, status, want)
		}
	}
	if w := ask(open.Handler(), "POST", path); w.Code != 403 {
		t.Errorf("from elsewhere: %d", w.Code)
	}
	guarded := configured(t, Options{Keys: []string{"right"}})
	for header, want := range map[string]int{"Bearer right": 200, "Bearer wrong": 401, "": 401} {
		if status, _ := order(guarded, "GET", path, "Authorization", header); status != want {
			t.Errorf("with %q: %d, want %d", header, status, want)
		}
	}
}
