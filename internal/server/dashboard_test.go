package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLivePageIsOpenAndItsNumbersNeedTheKey(t *testing.T) {
	s := configured(t, Options{Keys: []string{"secret"}})
	for path, status := range map[string]int{
		"/dashboard": 200, "/dashboard/page.js": 200, "/dashboard/none.js": 404,
		"/dashboard/state": 401, "/dashboard/requests": 401,
	} {
		if r := ask(s.Handler(), "GET", path); r.Code != status {
			t.Errorf("%s: status %d, want %d", path, r.Code, status)
		}
	}
	for _, path := range []string{"/dashboard/state", "/dashboard/requests"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer secret")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s with the key: status %d, %v", path, w.Code, w.Header())
		}
	}
	if !strings.Contains(ask(s.Handler(), "GET", "/").Body.String(), `href="dashboard"`) {
		t.Error("the landing page does not lead there")
	}
}

func TestLivePageIsWhereTheMetricsAre(t *testing.T) {
	s := configured(t, Options{Apart: true})
	if r := ask(s.Handler(), "GET", "/dashboard"); r.Code != http.StatusNotFound {
		t.Errorf("on the main port: status %d", r.Code)
	}
	if r := ask(s.watch.Handler, "GET", "/dashboard/state"); r.Code != http.StatusOK {
		t.Errorf("where the metrics are: status %d", r.Code)
	}
}

func TestLivePageKeepsARequestWithItsReceiptAndNothingOfWhatWasSaid(t *testing.T) {
	s := configured(t, Options{})
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	r, err := http.Post(web.URL+"/v1/audio/speech", "application/json", strings.NewReader(`{"input":"nobody may read this","stream":true,"response_format":"pcm"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	var kept string
	for !strings.Contains(kept, `"e2e"`) { // the handler ends after the client has its reply
		kept = ask(s.Handler(), "GET", "/dashboard/requests").Body.String()
	}
	for _, want := range []string{`"route":"/v1/audio/speech"`, `"streamed":true`, `"part":"work","stage":"code2wav","replica":0`, `"rtf":0.`, `"failed":[]`} {
		if !strings.Contains(kept, want) {
			t.Errorf("no %s in %s", want, kept)
		}
	}
	if strings.Contains(kept, "nobody") {
		t.Error("the text is kept")
	}
}
