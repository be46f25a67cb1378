package metrics_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/limelight-omni/limelight/metrics"
	"github.com/limelight-omni/limelight/metrics/check"
	"github.com/limelight-omni/limelight/metrics/merge"
)

const model = "omni"

// recorded reads a page such as an engine writes.
func recorded(t testing.TB, engine string) []byte {
	t.Helper()
	page, err := os.ReadFile("testdata/engines/" + engine + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// pages answers with the page that the host names.
type pages map[string][]byte

func (p pages) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(p[r.URL.Host])), Request: r}, nil
}

// among is a server whose first stage is engines elsewhere with these pages; it
// has replicas of its own behind them.
func among(t testing.TB, engines ...[]byte) *metrics.Metrics {
	m := metrics.New(metrics.Options{
		ModelName: model, LogStats: true,
		Stages: []metrics.StageInfo{{ID: 0, Replicas: len(engines)}, {ID: 1, Replicas: 1, AR: true}, {ID: 2, Replicas: 1, Audio: true}},
	})
	m.ObserveReplicas(func(yield func(metrics.ReplicaLoad)) {
		for id := range engines {
			yield(metrics.ReplicaLoad{Replica: id, State: metrics.ReplicaReady, Places: 64})
		}
		yield(metrics.ReplicaLoad{Stage: 1, State: metrics.ReplicaReady, Places: 64})
		yield(metrics.ReplicaLoad{Stage: 2, State: metrics.ReplicaReady, Places: 64})
	})
	all := pages{}
	var targets []merge.Target
	for id, page := range engines {
		host := fmt.Sprintf("engine%d", id)
		all[host] = page
		targets = append(targets, merge.Target{Source: merge.Source{ModelName: model, Stage: 0, Replica: id}, URL: "http://" + host + "/metrics"})
	}
	s := m.ScrapeEngines(merge.Options{Client: &http.Client{Transport: all}})
	t.Cleanup(s.Close)
	s.SetTargets(targets)
	return m
}

const open = "application/openmetrics-text"

func get(m *metrics.Metrics, accept string) *bytes.Buffer {
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	return w.Body
}

// checked reads the server's page and asks that nothing is wrong with it.
func checked(t *testing.T, m *metrics.Metrics, accept string) *check.Page {
	t.Helper()
	p, err := check.Parse(get(m, accept))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range check.Check(p, check.Options{}).Findings {
		t.Error(f)
	}
	return p
}

// theirs lists the samples of engine families on a page, name, labels and value,
// as they are to stand on the server's page: without the times of creation, and
// with the labels that the replica gives them.
func theirs(t *testing.T, page []byte, replica string) (list []string) {
	t.Helper()
	p, err := check.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range p.Families {
		if !strings.HasPrefix(name, "vllm:") && !strings.HasPrefix(name, "sglang:") && !strings.HasPrefix(name, "llamacpp:") {
			continue
		}
		for _, s := range f.Samples {
			labels := []string{fmt.Sprintf("model_name=%q", model), fmt.Sprintf("replica=%q", replica), `stage="0"`}
			for _, l := range s.Labels {
				switch l.Name {
				case "engine":
					continue
				case "model_name", "stage":
					l.Name = "exported_" + l.Name
				}
				labels = append(labels, fmt.Sprintf("%s=%q", l.Name, l.Value))
			}
			slices.Sort(labels)
			list = append(list, fmt.Sprint(s.Name, labels, s.Value))
		}
	}
	slices.Sort(list)
	return list
}

// of lists the samples that the server's page has of one replica's engine.
func of(p *check.Page, replica string) (list []string) {
	for name, f := range p.Families {
		if strings.HasPrefix(name, "limelight_") {
			continue
		}
		for _, s := range f.Samples {
			stage, _ := s.Label("stage")
			if id, _ := s.Label("replica"); id != replica || stage != "0" {
				continue
			}
			var labels []string
			for _, l := range s.Labels {
				labels = append(labels, fmt.Sprintf("%s=%q", l.Name, l.Value))
			}
			slices.Sort(labels)
			list = append(list, fmt.Sprint(s.Name, labels, s.Value))
		}
	}
	slices.Sort(list)
	return list
}

func TestEverySampleOfRecordedPagesIsOnTheServersPage(t *testing.T) {
	engines := [][]byte{recorded(t, "vllm"), recorded(t, "sglang"), recorded(t, "llamacpp"), recorded(t, "vllm")}
	m := among(t, engines...)
	for _, accept := range []string{"", open} {
		p := checked(t, m, accept)
		for id, page := range engines {
			replica := fmt.Sprint(id)
			want := theirs(t, page, replica)
			if diff := cmp.Diff(want, of(p, replica)); diff != "" || len(want) < 10 {
				t.Errorf("%q, replica %d, %d samples:\n%s", accept, id, len(want), diff)
			}
		}
	}
}

// hostile are pages of engines that are broken, or that lie.
func hostile() map[string][]byte {
	return map[string][]byte{
		"families twice":      []byte("# TYPE vllm:x counter\n# TYPE vllm:x gauge\nvllm:x 1\n# HELP vllm:x A.\n# HELP vllm:x B.\nvllm:x 2\n# TYPE vllm:y gauge\nvllm:y 1\n# TYPE vllm:x gauge\nvllm:x{a=\"b\"} 3\nvllm:x 4\n"),
		"no newline":          []byte("vllm:x 1\nvllm:y 12"),
		"a line of 10 MB":     slices.Concat([]byte("vllm:x{a=\""), bytes.Repeat([]byte("x"), 10<<20), []byte("\"} 1\nvllm:y 2\n# HELP vllm:z "), bytes.Repeat([]byte("z"), 1<<20), []byte("\nvllm:z 3\n")),
		"no numbers":          []byte("vllm:x NaN\nvllm:x{a=\"1\"} +Inf\n# TYPE vllm:h histogram\nvllm:h_bucket{le=\"NaN\"} NaN\nvllm:h_count nan\nvllm:h_sum -inf\nvllm:y 1e999\nvllm:y 0x1\n"),
		"broken UTF-8":        []byte("vllm:x{a=\"\xff\xfe\"} 1\n# HELP vllm:y \xc3\x28\n# TYPE vllm:y gauge\nvllm:y{a=\"ä\"} 1\nvllm:\xf0\x9f 1\n"),
		"another's names":     []byte("# TYPE limelight_build_info counter\nlimelight_build_info 1\n# TYPE vllm:omni_num_requests_running counter\nvllm:omni_num_requests_running 1\nhttp_requests_total 1\n# EOF\nvllm:after 1\n"),
		"another's samples":   []byte("# TYPE vllm:h histogram\nvllm:h_bucket{le=\"+Inf\"} 1\nvllm:h_count 1\nvllm:h_sum 1\n# TYPE vllm:h_count gauge\nvllm:h_count 2\n# TYPE vllm:c counter\nvllm:c_total 1\n# TYPE vllm:c gauge\nvllm:c 2\n"),
		"labels that clash":   []byte("vllm:x{stage=\"1\",exported_stage=\"2\",replica=\"3\",model_name=\"m\",exported_model_name=\"n\",engine=\"0\"} 1\nvllm:x{engine=\"1\"} 2\nvllm:x{engine=\"1\",engine=\"2\"} 3\nvllm:x{__name__=\"y\"} 4\n"),
		"OpenMetrics":         []byte("# TYPE vllm:c counter\n# UNIT vllm:c seconds\n# HELP vllm:c \"Quoted\" \\\\.\nvllm:c_total 1.0 # {trace_id=\"a\"} 0.5 1.5\nvllm:c_created 1.7e9\n# TYPE vllm:i info\nvllm:i_info{a=\"b\"} 1\n# EOF\n"),
		"times":               []byte("vllm:x 1 1700000000123\nvllm:x{a=\"b\"} 2   1\nvllm:x{a=\"c\"} 3 -1\n"),
		"nothing":             nil,
		"a page of the web":   []byte("<!doctype html>\n<title>vllm:x 1</title>\n"),
		"endings of Windows":  []byte("# TYPE vllm:x gauge\r\nvllm:x 1\r\n"),
		"a name that ends so": []byte("# TYPE vllm:x_total counter\nvllm:x_total 1\n# TYPE vllm:x_total_total counter\nvllm:x_total_total 1\n"),
	}
}

func TestHostilePageCostsItsOwnSeriesAndNoOthers(t *testing.T) {
	good := recorded(t, "llamacpp")
	want := theirs(t, good, "0")
	for name, page := range hostile() {
		t.Run(name, func(t *testing.T) {
			m := among(t, good, page)
			for _, accept := range []string{"", open} {
				p := checked(t, m, accept)
				if diff := cmp.Diff(want, of(p, "0")); diff != "" {
					t.Errorf("%q: the good engine's samples:\n%s", accept, diff)
				}
			}
		})
	}
}

// crowd is a page of n series.
func crowd(n int) []byte {
	var b bytes.Buffer
	b.WriteString("# TYPE vllm:x gauge\n")
	for i := range n {
		fmt.Fprintf(&b, "vllm:x{a=\"%d\"} 1\n", i)
	}
	return b.Bytes()
}

func TestPageOfManySeriesIsTakenWholeOrNotAtAll(t *testing.T) {
	m := among(t, crowd(50_000), crowd(1_000_000)) // the second one has 23 MB
	page := get(m, "").String()
	if n := strings.Count(page, `vllm:x{model_name="omni",replica="0",stage="0",a="`); n != 50_000 {
		t.Errorf("%d series of the smaller page", n)
	}
	if strings.Contains(page, `vllm:x{model_name="omni",replica="1"`) ||
		!strings.Contains(page, `limelight_engine_scrape_failures_total{model_name="omni",reason="too_large",replica="1",stage="0"} 1`) {
		t.Error("the page that is too large was taken, or its failure is not told")
	}
}
