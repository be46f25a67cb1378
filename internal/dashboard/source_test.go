package dashboard

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/metrics"
	"github.com/limelight-omni/limelight/metrics/check"
)

// script is a source whose pages are written as text; an empty one can't be read.
type script struct {
	t    *testing.T
	page string
}

func (s *script) Read(context.Context) (iter.Seq[*metrics.Series], error) {
	if s.page == "" {
		return nil, errors.New("connection refused")
	}
	p, err := check.Parse(strings.NewReader(s.page))
	if err != nil {
		s.t.Fatal(err)
	}
	return read(p), nil
}

// watched is a board on a clock that steps.
type watched struct {
	*Board
	source *script
	now    time.Time
}

func watch(t *testing.T, o Options) *watched {
	w := &watched{source: &script{t: t}, now: time.Unix(1_700_000_000, 0)}
	o.now = func() time.Time { return w.now }
	if o.Source == nil && o.Off == "" {
		o.Source = w.source
	}
	w.Board = New(o)
	return w
}

// sees lets the board look at a page, an interval after the one before.
func (w *watched) sees(page string) {
	w.source.page = page
	w.step(context.Background())
	w.now = w.now.Add(w.o.Interval)
}

// whole is the state with all that is kept.
func (w *watched) whole() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.build(w.lines.first(0), 0)
}

// values are those of a line; nil if there is no such line.
func (s State) values(chart, name string) points {
	for _, c := range s.Charts {
		for _, l := range c.Lines {
			if c.ID == chart && l.Name == name {
				return l.Values
			}
		}
	}
	return nil
}

func TestPagesOfVLLMOmniAreShownWithEitherPrefix(t *testing.T) {
	text, err := os.ReadFile("../../metrics/check/testdata/vllm-omni.txt")
	if err != nil {
		t.Fatal(err)
	}
	for prefix, page := range map[string]string{"vllm:omni_": string(text), "vllm_omni:": strings.ReplaceAll(string(text), "vllm:omni_", "vllm_omni:")} {
		w := watch(t, Options{Address: "http://gpu1:8000", Objectives: testGoals})
		w.sees(page)
		w.sees(page)
		s := w.whole()
		if s.Model == "" || len(s.Stages) < 3 || len(s.Hops) < 2 || len(s.Charts) == 0 || s.Totals.Running == nil || s.Headline.Level == Bad {
			t.Errorf("%s: model %q, %d stages, %d hops, %d charts, headline %+v", prefix, s.Model, len(s.Stages), len(s.Hops), len(s.Charts), s.Headline)
		}
		if s.Requests != -1 {
			t.Errorf("%s: requests of somebody else's server: version %d", prefix, s.Requests)
		}
	}
}

func TestPlainVLLMIsAPipelineOfOneStage(t *testing.T) {
	page := func(n string) string {
		return `vllm:num_requests_running{engine="0",model_name="m"} 3
vllm:num_requests_waiting{engine="0",model_name="m"} 2
# TYPE vllm:request_success_total counter
vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} ` + n + "\n"
	}
	w := watch(t, Options{})
	w.sees(page("10"))
	w.sees(page("30"))
	s := w.whole()
	if len(s.Stages) != 1 || s.Stages[0].ID != "0" || len(s.Stages[0].Replicas) != 1 || *s.Totals.Running != 3 || *s.Totals.Waiting != 2 {
		t.Errorf("stages %+v, totals %+v", s.Stages, s.Totals)
	}
	if v := s.values("ends", "stop"); len(v) != 2 || v[1] != 10 {
		t.Errorf("ends a second %v", v)
	}
}

func TestRequestsAreThePipelinesWhereThePageHasIt(t *testing.T) {
	page := func(n string) string {
		text := ""
		for _, child := range []string{`vllm:e2e_request_latency_seconds%s{stage="0"%s} `, `vllm:e2e_request_latency_seconds%s{stage="1"%s} `, `vllm:omni_e2e_request_latency_s%s{model_name="m"%s} `} {
			for _, part := range []string{`_bucket|,le="1"`, `_bucket|,le="+Inf"`, `_sum|`, `_count|`} {
				suffix, le, _ := strings.Cut(part, "|")
				text += fmt.Sprintf(child, suffix, le) + n + "\n"
			}
		}
		return "# TYPE vllm:e2e_request_latency_seconds histogram\n# TYPE vllm:omni_e2e_request_latency_s histogram\n" + text + "vllm:omni_num_requests_running 1\n"
	}
	for range 8 { // a page's families come in any order
		w := watch(t, Options{Objectives: testGoals})
		w.sees(page("1"))
		w.sees(page("4"))
		for _, g := range w.whole().Goals {
			if g.Name == "e2e" && g.Events != 3 {
				t.Fatalf("%v requests, want 3", g.Events)
			}
		}
	}
}

func TestPageWithoutTheFamiliesSaysSo(t *testing.T) {
	w := watch(t, Options{})
	w.sees("# TYPE vllm:omni_num_requests_running gauge\ngo_goroutines 7\n")
	w.sees("# TYPE vllm:omni_num_requests_running gauge\ngo_goroutines 7\n")
	if h := w.whole().Headline; h.Level != Idle || !strings.Contains(h.Why, "--log-stats") {
		t.Errorf("headline %+v", h)
	}
}

func TestReadingThatFailsIsSaidAndLeavesAHole(t *testing.T) {
	w := watch(t, Options{})
	w.sees("")
	if h := w.whole().Headline; h.Level != Bad || !strings.Contains(h.Why, "refused") {
		t.Errorf("headline %+v", h)
	}
	page := func(n string) string {
		return "# TYPE vllm:omni_requests_success_total counter\nvllm:omni_requests_success_total{finished_reason=\"stop\"} " + n + "\n"
	}
	w.sees(page("5"))
	w.sees("")
	if s := w.whole(); !strings.Contains(s.Headline.Text, "any more") || s.Problem == "" {
		t.Errorf("headline %+v", s.Headline)
	}
	w.sees(page("13")) // 8 in two intervals
	if v := w.whole().values("ends", "stop"); len(v) != 4 || v[3] != 2 || v[2] == v[2] {
		t.Errorf("ends a second %v", v)
	}
}

func TestOwnRegistryIsReadWithoutAPage(t *testing.T) {
	m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, OmniPrefix: "vllm_omni:", Stages: []metrics.StageInfo{{ID: 0, Replicas: 1, AR: true}, {ID: 1, Replicas: 2, Audio: true}}})
	w := watch(t, Options{Source: Own{m}, Stages: []string{"talker", "code2wav"}})
	w.sees("")
	m.Requests().Admitted()
	m.Requests().Ended(metrics.Stop, 300*time.Millisecond, "id")
	m.Transfer(0, 0, 1, 1).Hop(1000, time.Millisecond, 2*time.Millisecond, 3*time.Millisecond)
	w.sees("")
	s := w.whole()
	if len(s.Stages) != 2 || s.Stages[1].Name != "code2wav" || len(s.Stages[1].Replicas) != 2 || !s.Stages[1].Speaks {
		t.Errorf("stages %+v", s.Stages)
	}
	if v := s.values("e2e", "median"); len(v) != 2 || v[1] < 0.2 || v[1] > 0.4 {
		t.Errorf("end to end %v", v)
	}
	if len(s.Hops) != 1 || *s.Hops[0].Time != 0.006 || *s.Hops[0].Size != 1000 || s.Hops[0].Rate != 0.5 {
		t.Errorf("hops %+v", s.Hops)
	}
}
