package server

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestPlayIsServedWholeBehindAStrictPolicyAndWithoutAKey(t *testing.T) {
	s := configured(t, Options{Keys: []string{"secret"}})
	get := func(path string) *httptest.ResponseRecorder { return ask(s.Handler(), "GET", path) }
	page := get("/play")
	parts := regexp.MustCompile(`(?:src|href)="(play/[^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1)
	if len(parts) < 3 {
		t.Fatalf("the page has the parts %v", parts)
	}
	paths := []string{"/play"}
	for _, p := range parts {
		paths = append(paths, "/"+p[1])
	}
	for _, m := range regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(get("/play/page.js").Body.String(), -1) {
		paths = append(paths, "/play/"+m[1])
	}
	for _, path := range paths {
		r := get(path)
		h := r.Header()
		if r.Code != http.StatusOK || h.Get("Content-Type") == "" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: status %d, %v", path, r.Code, h)
		}
		if policy := h.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
	for path, status := range map[string]int{"/play/none.js": 404, "/play/": 404, "/play/..%2fplay.go": 404, "/play/a/b": 404} {
		if r := get(path); r.Code != status {
			t.Errorf("%s: status %d, want %d", path, r.Code, status)
		}
	}
	if r := ask(s.Handler(), "POST", "/play"); r.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", r.Code)
	}
	if !strings.Contains(get("/").Body.String(), `href="play"`) {
		t.Error("the landing page does not lead there")
	}
}
