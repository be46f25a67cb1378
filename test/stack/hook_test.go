package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestHookRemembersWhatFiredUntilItIsToldToForget(t *testing.T) {
	h := &hook{latest: map[string]alert{}, seen: map[string]alert{}}
	tell := func(id, status string) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(
			`{"version":"4","alerts":[{"status":"`+status+`","fingerprint":"`+id+`","labels":{"alertname":"`+id+`"},"annotations":{}}]}`)))
		if w.Code != http.StatusOK {
			t.Fatalf("status %d", w.Code)
		}
	}
	want := func(what string, got []alert, names ...string) {
		t.Helper()
		var texts []string
		for _, a := range got {
			texts = append(texts, a.Labels["alertname"])
		}
		slices.Sort(texts)
		if !slices.Equal(texts, names) {
			t.Errorf("%s: %q, want %q", what, texts, names)
		}
	}
	tell("a", "firing")
	tell("b", "firing")
	tell("a", "resolved")
	want("firing", h.firing(), "b")
	want("fired", h.fired(), "a", "b")
	h.forget()
	want("fired since", h.fired(), "b")
	tell("b", "resolved")
	want("firing", h.firing())
	want("fired since", h.fired(), "b")
}
