package metrics

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// asked is the page that a client with these headers gets.
func asked(t *testing.T, m *Metrics, accept, encoding string) (page, contentType, contentEncoding string) {
	t.Helper()
	r := httptest.NewRequest("GET", "/metrics", nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	body := io.Reader(w.Body)
	if w.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = z
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), w.Header().Get("Content-Type"), w.Header().Get("Content-Encoding")
}

func TestOpenMetricsGoesToThoseWhoAskForIt(t *testing.T) {
	m := newOn()
	for accept, open := range map[string]bool{
		"":                             false,
		"*/*":                          false,
		"text/html, */*;q=0.1":         false,
		"application/openmetrics-text": true,
		"application/OpenMetrics-Text;q=0.5;version=1.0.0, text/plain;version=0.0.4;q=0.2": true,
		"application/openmetrics-text;version=2.0.0, text/plain;version=0.0.4":             false,
		"application/openmetrics-text;q=0.3, text/plain;q=0.9":                             false,
		"application/openmetrics-text;q=0":                                                 false,
		"application/openmetrics-text;q=no":                                                false,
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1": true,
	} {
		page, contentType, _ := asked(t, m, accept, "")
		if got := strings.HasSuffix(page, "\n# EOF\n"); got != open || strings.HasPrefix(contentType, "application/openmetrics-text; version=1.0.0") != open {
			t.Errorf("Accept %q: # EOF %v, type %q", accept, got, contentType)
		}
	}
}

func TestGzipGoesToThoseWhoWouldRatherHaveIt(t *testing.T) {
	m := newOn()
	plain, _, _ := asked(t, m, "", "")
	for encoding, want := range map[string]string{
		"":                         "",
		"gzip":                     "gzip",
		"gzip, deflate, br":        "gzip",
		"GZIP;q=0.5":               "gzip",
		"gzip;q=0":                 "",
		"gzip;q=0.0, identity":     "",
		"gzip; q=0, *":             "",
		"*":                        "gzip",
		"*;q=0":                    "",
		"identity":                 "",
		"identity;q=1, gzip;q=0.5": "",
		"identity;q=0.5, gzip":     "gzip",
		"x-gzip":                   "gzip",
		"gzipped":                  "",
		"gzip;q=1.5":               "",
	} {
		page, _, got := asked(t, m, "", encoding)
		if got != want || strings.Count(page, "# TYPE") != strings.Count(plain, "# TYPE") {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q, want %q", encoding, got, want)
		}
	}
}

func TestOpenMetricsHasNoNameTwice(t *testing.T) {
	page, _, _ := asked(t, newOn(), "application/openmetrics-text", "")
	seen := map[string]bool{}
	for line := range strings.Lines(page) {
		if declared, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(declared, " ")
			if seen[name] {
				t.Errorf("%s is declared twice", name)
			}
			seen[name] = true
		}
	}
	if want := "# TYPE go_memstats_alloc_bytes_total unknown\ngo_memstats_alloc_bytes_total "; !strings.Contains(page, want) {
		t.Errorf("the page has no %q", want)
	}
}

func TestOpenMetricsNamesCountersAndUnitsAsItDemands(t *testing.T) {
	m := newOn()
	useAll(m)
	page, _, _ := asked(t, m, "application/openmetrics-text", "")
	for _, want := range []string{
		"# TYPE vllm:omni_requests_success counter\n", `vllm:omni_requests_success_total{finished_reason="stop",model_name="m"} 1.0` + "\n",
		"# TYPE vllm:omni_transfer_size_bytes histogram\n# UNIT vllm:omni_transfer_size_bytes bytes\n",
		"# UNIT limelight_wasted_audio_seconds seconds\n", `le="1.0"} `,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for line := range strings.Lines(page) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok && strings.HasSuffix(name, "_total counter\n") {
			t.Errorf("%q declares a counter with its suffix", line)
		}
		if text, ok := strings.CutPrefix(line, "# UNIT "); ok {
			if name, unit, _ := strings.Cut(strings.TrimSpace(text), " "); !strings.HasSuffix(name, "_"+unit) {
				t.Errorf("%q: a name has to end in its unit", line)
			}
		}
	}
	// A family without a child is declared the same way.
	page, _, _ = asked(t, New(Options{ModelName: "m"}), "application/openmetrics-text", "")
	if !strings.Contains(page, "# TYPE vllm:omni_audio_frames counter\n# UNIT vllm:omni_audio_frames frames\n") {
		t.Error("a family without a child is not declared")
	}
}

func withExemplars() *Metrics {
	return New(Options{ModelName: "m", LogStats: true, Exemplars: true, Stages: threeStages})
}

func TestExemplarsAreOnTwoFamiliesOfOpenMetricsAlone(t *testing.T) {
	m := withExemplars()
	use := func(id string) {
		useAll(m)
		m.Requests().Ended(Stop, 70*time.Millisecond, id)
		m.Audio(2, 0).FirstPacket(30*time.Millisecond, id)
	}
	use("req-7")
	page, _, _ := asked(t, m, "application/openmetrics-text", "")
	found := map[string]bool{}
	for line := range strings.Lines(page) {
		sample, exemplar, ok := strings.Cut(line, " # {")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(sample, "{")
		found[strings.TrimSuffix(name, "_bucket")] = true
		if strings.Contains(sample, `le="0.1"`) && !strings.HasPrefix(exemplar, `request_id="req-7"} 0.07 `) {
			t.Errorf("exemplar %q", line)
		}
	}
	if len(found) != 2 || !found[e2eRequestLatency] || !found[audioTTFP] {
		t.Errorf("exemplars on %v", found)
	}
	if text, _, _ := asked(t, m, "", ""); strings.Contains(text, "req-7") {
		t.Error("the text format shows an exemplar")
	}
	off := newOn()
	useAll(off)
	if page, _, _ := asked(t, off, "application/openmetrics-text", ""); strings.Contains(page, " # {") {
		t.Error("an exemplar although they are off")
	}
}

func TestExemplarOfALongOrStrangeIDIsShortenedToWhatIsAllowed(t *testing.T) {
	for id, want := range map[string]string{
		strings.Repeat("x", 118): strings.Repeat("x", 118),
		strings.Repeat("x", 128): strings.Repeat("x", 118),
		strings.Repeat("é", 200): strings.Repeat("é", 118),
		"a\xffb":                 "a",
		"\xff":                   "",
		`quote " and \`:          `quote \" and \\`,
	} {
		m := withExemplars()
		m.Requests().Ended(Stop, time.Second, id)
		page, _, _ := asked(t, m, "application/openmetrics-text", "")
		if got := strings.Contains(page, fmt.Sprintf(` # {request_id="%s"} 1.0 `, want)); got != (want != "") {
			t.Errorf("id %q: exemplar with %q: %v", id, want, got)
		}
		if samples(t, m, e2eRequestLatency) != 1 {
			t.Errorf("id %q: not observed", id)
		}
	}
}
