package metrics

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// threeStages is the reference's pipeline with two replicas of the last stage,
// which are other people's servers.
var threeStages = []StageInfo{{ID: 0, Replicas: 1, AR: true}, {ID: 1, Replicas: 1, AR: true}, {ID: 2, Replicas: 2, Audio: true, Remote: true}}

func newOn() *Metrics {
	m := New(Options{ModelName: "m", LogStats: true, EnableMFU: true, KVCacheMetrics: true, Deadlines: true, LongestSequence: 100, Stages: threeStages})
	m.Engine(0, 0)
	m.Engine(1, 0)
	return m
}

// text is the page without the families of the process and the runtime, whose
// values no test knows.
func text(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != contentType {
		t.Fatalf("status %d, type %q", w.Code, w.Header().Get("Content-Type"))
	}
	var b strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func parse(t *testing.T, page string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// samples sums a family over the children that have all the given label
// values: a counter's or gauge's value, a histogram's or summary's count.
func samples(t *testing.T, m *Metrics, name string, labels ...string) float64 {
	t.Helper()
	f := parse(t, text(t, m))[name]
	var sum float64
	for _, child := range f.GetMetric() {
		matches := 0
		for _, l := range child.GetLabel() {
			if slices.Contains(labels, l.GetName()+"="+l.GetValue()) {
				matches++
			}
		}
		if matches != len(labels) {
			continue
		}
		sum += child.GetCounter().GetValue() + child.GetGauge().GetValue() +
			float64(child.GetHistogram().GetSampleCount()) + float64(child.GetSummary().GetSampleCount())
	}
	return sum
}

// replicas is a source of states: that of the talker's replica, which has four
// requests if it is full; the others are ready and have none.
func replicas(talker ReplicaState) func(func(ReplicaLoad)) {
	return func(yield func(ReplicaLoad)) {
		for _, s := range threeStages {
			for id := range s.Replicas {
				r := ReplicaLoad{Stage: s.ID, Replica: id, State: ReplicaReady, Places: 4}
				if s.ID == 1 {
					r.State = talker
				}
				if r.State == ReplicaFull {
					r.Requests = r.Places
				}
				yield(r)
			}
		}
	}
}

// useAll makes one event of every kind.
func useAll(m *Metrics) {
	m.ObserveRequests(func() (int, []int) { return 3, []int{3, 1, 0} })
	m.ObserveReplicas(replicas(ReplicaFull))
	m.Requests().Admitted()
	m.Refusals().Refused(QueueFull)
	m.Stage(1).Failed(CauseHop)
	m.Requests().Expired(ExpiredAdmission)
	m.Stage(1).Wasted(Abort, 7, 0)
	m.Stage(2).Wasted(Error, 0, 0.5)
	m.Requests().Ended(Stop, 1500*time.Millisecond, "r")
	m.Requests().Ended(Abort, time.Second, "r")
	a := m.Audio(2, 1)
	a.FirstPacket(234*time.Millisecond, "r")
	a.Finished(48000, 24000, 900*time.Millisecond)
	a.Played(20*time.Millisecond, LateProduction)
	a.ChunkInterval(80 * time.Millisecond)
	a.Silent()
	a.Skipped(MalformedCodec)
	m.Attribution().Spent(RequestTimes{Receive: time.Millisecond, Admission: 2 * time.Millisecond, Encode: time.Millisecond, Write: 6 * time.Millisecond, Residual: 10 * time.Microsecond})
	m.Replica(1, 0).Spent(StageTimes{Hop: time.Millisecond, Queue: 3 * time.Millisecond, Work: 400 * time.Millisecond}, false)
	m.Replica(1, 0).FirstOutput(30 * time.Millisecond)
	m.Attempts(2, 0).Retried()
	m.Attempts(2, 0).Ejected()
	m.Transfer(1, 0, 2, 1).Hop(1600, 2*time.Millisecond, time.Millisecond, 3*time.Millisecond)
	m.HTTP().Route("/v1/models").Observe("GET", 200, 0, 120, 3*time.Millisecond)
	useEngine(m)
	page := m.scraped(merge.Source{ModelName: "m", Stage: 0, Replica: 1})
	page.observe(merge.Result{Duration: 7 * time.Millisecond, Malformed: 2})
	page.observe(merge.Result{Failure: merge.FailedTimeout, Duration: 5 * time.Second})
	page.conflict(1)
}

func TestPage(t *testing.T) {
	for name, m := range map[string]*Metrics{
		"on":        newOn(),
		"off":       New(Options{ModelName: "m", Stages: threeStages}),
		"one-stage": New(Options{ModelName: "m", LogStats: true, Stages: threeStages[:1]}),
		"used":      newOn(),
	} {
		if name == "used" {
			useAll(m)
		}
		golden := "testdata/" + name + ".txt"
		got := text(t, m)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the page is not that of %s (-update rewrites it):\n%s", name, golden, got)
		}
		parse(t, got)
	}
}

func TestDeclaredFamilyIsNamedOnEveryPageOfItsOptions(t *testing.T) {
	for _, on := range []bool{true, false} {
		page := text(t, New(Options{ModelName: "m", LogStats: on, Stages: threeStages}))
		for _, f := range Families() {
			if f.Foreign {
				continue
			}
			want := 1
			if !on && f.Group == GroupEngine || slices.Contains(f.NamedWith, NeedKV) {
				want = 0
			}
			if n := strings.Count(page, "# TYPE "+f.Name+" "+string(f.Kind)+"\n"); n != want {
				t.Errorf("stats %v: %s has %d TYPE lines", on, f.Name, n)
			}
		}
	}
}

func TestStatsOffShowsNoSampleOfTheirFamilies(t *testing.T) {
	m := New(Options{ModelName: "m", Stages: threeStages})
	useAll(m)
	for line := range strings.Lines(text(t, m)) {
		if strings.HasPrefix(line, "vllm:") {
			t.Errorf("sample %q", line)
		}
	}
	if n := samples(t, m, httpRequests); n != 1 {
		t.Errorf("%v HTTP requests, want the one there was", n)
	}
}

func TestGzipHoldsTheSamePage(t *testing.T) {
	m := New(Options{ModelName: "m"})
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip, deflate")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("encoding %q", w.Header().Get("Content-Encoding"))
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(z)
	if err != nil || !bytes.Contains(page, []byte("# TYPE vllm:omni_audio_rtf histogram\n")) {
		t.Errorf("%v: %s", err, page)
	}
}

// lintExceptions are the reference's own names that promlint would have
// otherwise. The list may only shrink.
var lintExceptions = []string{
	numRequestsRunning, numRequestsWaiting, requestsSuccess, e2eRequestLatency,
	audioTTFP, audioDuration, audioRTF, audioFrames, audioUnderrun, audioContinuityOK, audioSkipped,
	transferSize, transferTx, transferRx, transferInFlight,
}

func TestPageLintsButForTheReferencesNames(t *testing.T) {
	m := newOn()
	useAll(m)
	elsewhere(t, m, "# HELP x Their number.\n# TYPE x gauge\nx 1\n")
	problems, err := promlint.New(strings.NewReader(text(t, m))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	excused := map[string]bool{}
	exceptions := slices.Clone(lintExceptions)
	for _, f := range engineFamilies() { // all of them have vLLM's prefix
		exceptions = append(exceptions, f.Name)
	}
	for _, p := range problems {
		if !slices.Contains(exceptions, p.Metric) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
		excused[p.Metric] = true
	}
	for _, name := range exceptions {
		if !excused[name] {
			t.Errorf("%s lints: take it off the list", name)
		}
	}
}

func TestTwoServersInOneProcessKeepTheirOwnTotals(t *testing.T) {
	a, b := newOn(), newOn()
	a.Requests().Ended(Stop, time.Second, "r")
	a.Refusals().Refused(Draining)
	if samples(t, a, requestsSuccess) != 1 || samples(t, a, requestsRefused) != 1 || samples(t, b, requestsRefused) != 0 || samples(t, b, requestsSuccess) != 0 {
		t.Error("two servers share a counter")
	}
}

func TestReplicaThatIsMadeAgainGoesOnWhereItWas(t *testing.T) {
	m := newOn()
	m.Audio(2, 0).Finished(10, 24000, time.Second)
	m.Audio(2, 0).Finished(10, 24000, time.Second)
	m.Transfer(0, 0, 1, 0).Hop(1, 0, 0, 0)
	m.Transfer(0, 0, 1, 0).Hop(1, 0, 0, 0)
	if n := samples(t, m, audioFrames, "replica=0"); n != 20 {
		t.Errorf("%v frames", n)
	}
	if n := samples(t, m, transferTx); n != 2 {
		t.Errorf("%v hops", n)
	}
}
