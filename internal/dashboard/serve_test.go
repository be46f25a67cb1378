package dashboard

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func ask(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decode(t *testing.T, r io.Reader) (s State) {
	t.Helper()
	// points have no UnmarshalJSON: lines are read where they are needed.
	var raw struct {
		State
		Charts []struct{ Lines []struct{ Values []*float64 } }
	}
	if err := json.NewDecoder(r).Decode(&raw); err != nil {
		t.Fatal(err)
	}
	for _, c := range raw.Charts {
		chart := Chart{}
		for _, l := range c.Lines {
			chart.Lines = append(chart.Lines, ChartLine{Values: make(points, len(l.Values))})
		}
		raw.State.Charts = append(raw.State.Charts, chart)
	}
	return raw.State
}

func TestPageIsServedWholeBehindAStrictPolicy(t *testing.T) {
	h := watch(t, Options{}).Handler()
	page := ask(h, "/dashboard")
	paths := []string{"/dashboard"}
	for _, m := range regexp.MustCompile(`(?:src|href)="(dashboard/[^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1) {
		paths = append(paths, "/"+m[1])
	}
	entries, err := files.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		for _, m := range regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(ask(h, "/dashboard/"+e.Name()).Body.String(), -1) {
			paths = append(paths, "/dashboard/"+m[1])
		}
	}
	if len(paths) < 12 {
		t.Errorf("the page is made of %v", paths)
	}
	for _, path := range paths {
		r := ask(h, path)
		if r.Code != http.StatusOK || r.Header().Get("Content-Type") == "" || r.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: status %d, %v", path, r.Code, r.Header())
		}
		if policy := r.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
	for _, path := range []string{"/dashboard/none.js", "/dashboard/", "/dashboard/..%2fserve.go", "/dashboard/a/b"} {
		if r := ask(h, path); r.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, r.Code)
		}
	}
	if r := ask(h, "/"); r.Header().Get("Location") != "/dashboard" {
		t.Errorf("/ leads to %q", r.Header().Get("Location"))
	}
	if text := ask(h, "/dashboard/uPlot-LICENSE.txt").Body.String(); !strings.Contains(text, "MIT") {
		t.Error("the charting library comes without its licence")
	}
}

func TestStateIsEncodedOnceAStepForAllWhoAsk(t *testing.T) {
	w := watch(t, Options{})
	for i := range 40 {
		w.sees(counter(i, 1))
	}
	first, err := w.state(0)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := w.state(0)
	if &first.plain[0] != &again.plain[0] {
		t.Error("it was encoded twice")
	}
	h := w.Handler()
	whole := ask(h, "/dashboard/state")
	s := decode(t, whole.Body)
	if s.Step != 40 || s.First != 1 || len(s.Times) != 40 || len(s.Charts[0].Lines[0].Values) != 40 {
		t.Errorf("step %d, first %d, %d times", s.Step, s.First, len(s.Times))
	}
	tag := whole.Header().Get("ETag")
	if r := ask(h, "/dashboard/state", "If-None-Match", tag); r.Code != http.StatusNotModified || r.Body.Len() > 0 {
		t.Errorf("the same again: status %d", r.Code)
	}
	follow := "/dashboard/state?boot=" + s.Boot + "&after="
	for after, steps := range map[int64]int{39: tailSteps, 30: tailSteps, 40: tailSteps, 10: 40, 99: 40, -1: 40} {
		got := decode(t, ask(h, follow+strconv.FormatInt(after, 10)).Body)
		if len(got.Times) != steps || got.Step != 40 || got.First != int64(41-steps) {
			t.Errorf("after %d: %d steps from %d", after, len(got.Times), got.First)
		}
	}
	if got := decode(t, ask(h, "/dashboard/state?boot=other&after=39").Body); len(got.Times) != 40 {
		t.Errorf("a viewer of the server before: %d steps", len(got.Times))
	}
	w.sees(counter(41, 1))
	if r := ask(h, "/dashboard/state", "If-None-Match", tag); r.Code != http.StatusOK {
		t.Errorf("a step later: status %d", r.Code)
	}
	packed := ask(h, "/dashboard/state", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s := decode(t, z); s.Step != 41 {
		t.Errorf("compressed: step %d", s.Step)
	}
}

func TestRequestsAreServedWithTheStateThatTellsOfThem(t *testing.T) {
	rs := &Requests{}
	w := watch(t, Options{Requests: rs})
	w.sees(counter(1, 1))
	version := func() int64 { return decode(t, ask(w.Handler(), "/dashboard/state").Body).Requests }
	before := version()
	rs.ended("x", "error", w.now, 1)
	if version() == before {
		t.Error("the state does not tell of a request")
	}
	r := ask(w.Handler(), "/dashboard/requests")
	if !strings.Contains(r.Body.String(), `"id":"x"`) || r.Header().Get("ETag") == "" {
		t.Error(r.Body.String())
	}
}

func TestStatisticsThatAreOffAreSaidToBe(t *testing.T) {
	w := watch(t, Options{Off: "start it with --log-stats"})
	w.Run(t.Context()) // returns, as there is nothing to follow
	s := decode(t, ask(w.Handler(), "/dashboard/state").Body)
	if s.Off == "" || s.Headline.Text != "Statistics are off." || s.Headline.Why != s.Off {
		t.Errorf("%+v", s.Headline)
	}
}
