package server

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

// logged sends one request and returns its line of the log.
func logged(t *testing.T, method, path, body string) (line map[string]any, status int) {
	t.Helper()
	var log bytes.Buffer
	s := configured(t, Options{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Fatalf("%d lines:\n%s", n, log.String())
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line, w.Code
}

func TestAdmittedRequestIsOneLineWithStagesTokensFramesAndReason(t *testing.T) {
	line, _ := logged(t, "POST", "/v1/chat/completions", `{"stream":true,"modalities":["text","audio"],"seed":1,"max_tokens":6,"ignore_eos":true,"sampling_params_list":[{},{"max_tokens":9,"ignore_eos":true},{}],`+hello+`}`)
	if line["msg"] != "request" || line["status"] != 200.0 || line["streamed"] != true || line["reason"] != "length" || line["path"] != "/v1/chat/completions" || line["request_id"] == "" {
		t.Errorf("%v", line)
	}
	for _, key := range []string{"bytes", "e2e", "ttfp", "audio_frames"} {
		if n, _ := line[key].(float64); n <= 0 {
			t.Errorf("%s is %v", key, line[key])
		}
	}
	end := 0.0
	for _, name := range []string{"thinker", "talker", "code2wav"} {
		st, _ := line[name].(map[string]any)
		if st["replica"] != 0.0 || st["end"].(float64) < st["start"].(float64) || st["start"].(float64) <= 0 {
			t.Errorf("%s: %v", name, st)
		}
		if e := st["end"].(float64); e > end {
			end = e
		}
	}
	if end > line["e2e"].(float64) {
		t.Errorf("a stage ended at %v, after the request", end)
	}
	if th := line["thinker"].(map[string]any); th["out"] != 6.0 {
		t.Errorf("thinker: %v", th)
	}
}

func TestRefusedRequestIsOneShortLine(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/v1/chat/completions", `{"temperature":9,` + hello + `}`, "temperature"},
		{"POST", "/v1/chat/completions", `{"model":"` + long + `",` + hello + `}`, "model: there is no"},
		{"GET", "/" + long, "", "there is nothing at"},
		{strings.Repeat("M", 5000), "/v1/models", "", "does not take"},
	} {
		line, status := logged(t, c.method, c.path, c.body)
		text, _ := json.Marshal(line)
		if line["msg"] != "refused" || line["status"] != float64(status) || !strings.Contains(line["error"].(string), c.want) || len(text) > 1500 {
			t.Errorf("%.40s %.40s: %d bytes: %s", c.method, c.path, len(text), text)
		}
	}
}
