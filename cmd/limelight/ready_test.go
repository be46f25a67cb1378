package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadyIsExit0OnlyForAServerThatTakesRequests(t *testing.T) {
	status := http.StatusOK
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/omni/ready" {
			t.Errorf("asked %s", r.URL.Path)
		}
		w.WriteHeader(status)
		io.WriteString(w, `{"status":"draining"}`)
	})
	plain, secure := httptest.NewServer(answer), httptest.NewTLSServer(answer)
	defer plain.Close()
	defer secure.Close()
	for _, root := range []string{plain.URL + "/omni", plain.URL + "/omni/", secure.URL + "/omni"} {
		status = http.StatusOK
		if code := run(t.Context(), []string{"ready", root}, io.Discard, io.Discard); code != 0 {
			t.Errorf("%s: exit code %d", root, code)
		}
		status = http.StatusServiceUnavailable
		var stderr bytes.Buffer
		if code := run(t.Context(), []string{"ready", root}, io.Discard, &stderr); code != 1 || !strings.Contains(stderr.String(), "status 503") || !strings.Contains(stderr.String(), "draining") {
			t.Errorf("%s: exit code %d, %q", root, code, stderr.String())
		}
	}
	plain.Close()
	if code := run(t.Context(), []string{"ready", plain.URL}, io.Discard, io.Discard); code != 1 {
		t.Errorf("without a server: exit code %d", code)
	}
}
