package metrics

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// answers makes pages of engines without a server: the page is what a request's
// host stands for. One without a page does not answer.
type answers map[string]string

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	page := a[r.URL.Host]
	switch page {
	case "":
		return nil, errors.New("connection refused")
	case "silent":
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(page)), Request: r}, nil
}

// elsewhere puts pages on the one of m: those of the thinker's replicas from 1
// on. All families are taken, so that a test can choose what clashes.
func elsewhere(t *testing.T, m *Metrics, pages ...string) *merge.Scraper {
	t.Helper()
	all := answers{}
	var targets []merge.Target
	for i, page := range pages {
		host := decimal(i + 1)
		all[host] = page
		targets = append(targets, merge.Target{Source: merge.Source{ModelName: "m", Stage: 0, Replica: i + 1}, URL: "http://" + host})
	}
	s := m.ScrapeEngines(merge.Options{Client: &http.Client{Transport: all}, Rules: merge.Rules{Keep: []string{""}}})
	s.SetTargets(targets)
	t.Cleanup(s.Close)
	return s
}

func TestEnginesElsewhereStandUnderTheHeadersOfThisServer(t *testing.T) {
	const theirs = "# HELP limelight_wasted_tokens_total Theirs.\n# TYPE limelight_wasted_tokens_total counter\n" +
		"limelight_wasted_tokens_total{stage=\"prefill\"} 5\n" +
		"# HELP limelight_x A \"family\" of theirs.\n# TYPE limelight_x untyped\nlimelight_x 6\n" +
		"# TYPE zz_total counter\nzz_total 7\n"
	m := newOn()
	elsewhere(t, m, theirs)
	const given = `{model_name="m",replica="1",stage="0"`
	for accept, want := range map[string][]string{
		"": {
			"# TYPE limelight_wasted_tokens_total counter\n", "limelight_wasted_tokens_total" + given + `,exported_stage="prefill"} 5` + "\n",
			"# HELP limelight_x A \"family\" of theirs.\n# TYPE limelight_x untyped\nlimelight_x" + given + "} 6\n",
			"# TYPE zz_total counter\nzz_total" + given + "} 7\n",
		},
		"application/openmetrics-text": {
			"# TYPE limelight_wasted_tokens counter\n", "limelight_wasted_tokens_total" + given + `,exported_stage="prefill"} 5` + "\n",
			"# HELP limelight_x A \\\"family\\\" of theirs.\n# TYPE limelight_x unknown\nlimelight_x" + given + "} 6\n",
			"# TYPE zz counter\nzz_total" + given + "} 7\n# EOF\n",
		},
	} {
		for _, encoding := range []string{"", "gzip"} {
			page, _, _ := asked(t, m, accept, encoding)
			for _, w := range want {
				if strings.Count(page, w) != 1 {
					t.Errorf("%q, %q: the page has %q %d times", accept, encoding, w, strings.Count(page, w))
				}
			}
			if strings.Contains(page, "Theirs") || strings.Count(page, "# TYPE limelight_wasted_tokens") != 1 {
				t.Errorf("%q, %q: their header is on the page", accept, encoding)
			}
			last := ""
			for line := range strings.Lines(page) {
				if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
					if name <= last && accept == "" {
						t.Errorf("%s comes after %s", name, last)
					}
					last = name
				}
			}
		}
	}
}

func TestLocalSeriesAreTheSameWhateverEnginesSay(t *testing.T) {
	hostile := "# TYPE vllm:omni_e2e_request_latency_s counter\nvllm:omni_e2e_request_latency_s 1\n" +
		"# TYPE vllm:omni_requests_success gauge\nvllm:omni_requests_success 2\n" +
		"vllm:omni_e2e_request_latency_s_count 3\nlimelight_build_info{version=\"devel\"} NaN\n\xff\n" +
		"http_requests_total{handler=\"/v1/models\",method=\"GET\",status=\"2xx\"} 1"
	for _, accept := range []string{"", "application/openmetrics-text"} {
		alone, among := newOn(), newOn()
		useAll(alone)
		useAll(among)
		elsewhere(t, among, hostile)
		want, _, _ := asked(t, alone, accept, "")
		got, _, _ := asked(t, among, accept, "")
		var rest strings.Builder
		for line := range strings.Lines(got) {
			if !strings.Contains(line, `replica="1",stage="0"`) {
				rest.WriteString(line)
			}
		}
		for line := range strings.Lines(want) {
			if strings.HasPrefix(line, "go_") || strings.HasPrefix(line, "process_") || strings.Contains(line, `replica="1",stage="0"`) {
				continue // no two readings are the same; and what tells of the page itself
			}
			if !strings.Contains(rest.String(), line) {
				t.Errorf("%q: the page lost %q", accept, line)
			}
		}
	}
}

func TestEngineThatIsSilentCostsItsOwnFamiliesOnly(t *testing.T) {
	m := newOn()
	elsewhere(t, m, "silent", "x 2\n")
	read := func() (int, string) {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set(timeoutHeader, "0.02")
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	status, page := read()
	if status != 200 || !strings.Contains(page, "x{model_name=\"m\",replica=\"2\",stage=\"0\"} 2\n") || !strings.Contains(page, numRequestsRunning) {
		t.Errorf("status %d\n%s", status, page)
	}
	// A scrape that is cut off may be counted just after the page that waited
	// for it was written; the next one waits for its end.
	_, page = read()
	const series = `limelight_engine_scrape_failures_total{model_name="m",reason="timeout",replica="1",stage="0"} `
	if !strings.Contains(page, series+"1\n") && !strings.Contains(page, series+"2\n") {
		t.Errorf("the page has no %s1 or 2", series)
	}
}

func TestTimeForEnginesIsWhatTheClientLeaves(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": merge.DefaultTimeout, "no": merge.DefaultTimeout, "NaN": merge.DefaultTimeout, "-1": merge.DefaultTimeout, "0": merge.DefaultTimeout,
		"10": 9 * time.Second, "1": 800 * time.Millisecond, "0.5": 400 * time.Millisecond,
		"+Inf": time.Hour - time.Second, "1e300": time.Hour - time.Second,
	} {
		h := http.Header{}
		h.Set(timeoutHeader, header)
		if got := scrapeBudget(h); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestAgeOfThePageGrowsWhileTheEngineIsDown(t *testing.T) {
	m := newOn()
	pages := answers{"a": "vllm:x 1\n"}
	s := m.ScrapeEngines(merge.Options{Client: &http.Client{Transport: pages}})
	t.Cleanup(s.Close)
	s.SetTargets([]merge.Target{{Source: merge.Source{ModelName: "m", Stage: 0, Replica: 1}, URL: "http://a"}})
	if page := text(t, m); !strings.Contains(page, "vllm:x{") || !strings.Contains(page, pageAge+"{") {
		t.Error(page)
	}
	delete(pages, "a")
	before := samples(t, m, pageAge)
	if after := samples(t, m, pageAge); !(after > before) || before <= 0 {
		t.Errorf("the age was %v, and is %v", before, after)
	}
	if page := text(t, m); strings.Contains(page, "vllm:x{") {
		t.Error("a page that is not fresh is shown")
	}
	s.SetTargets(nil)
	if page := text(t, m); strings.Contains(page, pageAge+"{") || strings.Contains(page, metricsSourceInfo+"{") {
		t.Error("gauges of an engine that left")
	}
}

func TestTargetHasItsChildrenFromTheStart(t *testing.T) {
	m := newOn()
	elsewhere(t, m, "silent")
	r := httptest.NewRequest("GET", "/metrics", nil)
	ctx, leave := context.WithCancel(r.Context())
	leave() // before anything was scraped
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r.WithContext(ctx))
	for _, why := range merge.Failures {
		if want := `limelight_engine_scrape_failures_total{model_name="m",reason="` + string(why) + `",replica="1",stage="0"} 0`; !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

func TestNobodyIsScrapedWithoutStatistics(t *testing.T) {
	for _, m := range []*Metrics{nil, New(Options{ModelName: "m"})} {
		if s := m.ScrapeEngines(merge.Options{}); s != nil {
			t.Error("there is a scraper")
		}
	}
}
