package server

import (
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/metrics/check"
)

// elsewhere runs stages for other processes until the test ends, or stop is
// called.
func elsewhere(t *testing.T, o pipeline.Options, stages ...string) (h *pipeline.Host, address string, stop func()) {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	h, err := pipeline.NewHost(o, stages, nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- h.Serve(listener) }()
	stop = sync.OnceFunc(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return h, listener.Addr().String(), stop
}

// engineSeries are the samples of a replica's engine families, by name and
// labels, those that say which replica it is left out.
func engineSeries(p *check.Page, stage, replica string) map[string]float64 {
	series := map[string]float64{}
	for _, f := range p.Families {
		for _, s := range f.Samples {
			at, _ := s.Label("stage")
			id, _ := s.Label("replica")
			if at != stage || id != replica || !strings.HasPrefix(s.Name, "vllm:") || strings.HasPrefix(s.Name, "vllm:omni_") {
				continue
			}
			labels := slices.DeleteFunc(slices.Clone(s.Labels), func(l check.Label) bool {
				return l.Name == "stage" || l.Name == "replica" || l.Name == "model_name"
			})
			slices.SortFunc(labels, func(a, b check.Label) int { return strings.Compare(a.Name, b.Name) })
			series[fmt.Sprint(s.Name, labels)] = s.Value
		}
	}
	return series
}

// The page of the process that serves has the engine families of every replica
// of an autoregressive stage, wherever it runs.
func TestReplicasAtAPeerAreOnThePageWithTheirOwnNumbers(t *testing.T) {
	there, at, stop := elsewhere(t, pipeline.Options{LogStats: true, Replicas: map[string]int{"talker": 2}}, "talker", "code2wav")
	h := serve(t, pipeline.Options{Replicas: map[string]int{"talker": 1}, Peers: []pipeline.Peer{{Stages: []string{"talker", "code2wav"}, Address: at}}})
	for i := range 6 {
		h.chat(fmt.Sprintf(`{"modalities":["text","audio"],"seed":%d,"ignore_eos":true,"max_tokens":8,%s}`, i, hello))
	}
	h.idle()
	p := scraped(t, h)
	w := httptest.NewRecorder()
	there.Metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	own, err := check.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for id, here := range map[string]string{"0": "1", "1": "2"} { // behind the one of this process
		want, got := engineSeries(own, "1", id), engineSeries(p, "1", here)
		if len(want) < 100 || len(got) != len(want) {
			t.Errorf("replica %s: %d series, %d there", here, len(got), len(want))
		}
		for name, value := range want {
			if v, ok := got[name]; !ok || v != value {
				t.Errorf("replica %s: %s is %v (present: %v), there it is %v", here, name, v, ok, value)
			}
		}
		if want["vllm:generation_tokens_total[]"] == 0 {
			t.Errorf("replica %s made nothing", here)
		}
	}
	stage := check.Label{Name: "stage", Value: "1"}
	for id, want := range map[string]float64{"0": 0, "1": 1, "2": 1} {
		replica := check.Label{Name: "replica", Value: id}
		if got := p.Sum("limelight_engine_metrics_source_info", "", stage, replica, check.Label{Name: "source", Value: "engine"}); got != want {
			t.Errorf("replica %s is elsewhere: %v", id, got)
		}
		if len(engineSeries(p, "1", id)) == 0 {
			t.Errorf("replica %s has no engine families", id)
		}
	}
	if got := p.Sum("limelight_engine_metrics_source_info", "", check.Label{Name: "stage", Value: "2"}); got != 0 {
		t.Error("code2wav, which is no autoregressive engine, has a page")
	}
	if err := h.pipeline.Orchestrator.RemoveReplica(1, 1); err != nil {
		t.Fatal(err)
	}
	for len(engineSeries(p, "1", "1")) > 0 { // once it has left, the page is without it
		p = scraped(t, h)
	}
	if len(engineSeries(p, "1", "2")) == 0 {
		t.Error("the other replica left with it")
	}
	stop()
	for p = scraped(t, h); len(engineSeries(p, "1", "2")) > 0; p = scraped(t, h) {
	}
	if got := p.Sum("limelight_engine_scrape_failures_total", "", stage, check.Label{Name: "replica", Value: "2"}); got == 0 {
		t.Error("a peer that is lost is no failure")
	}
}

func TestPeerWithoutStatisticsHasNoPage(t *testing.T) {
	_, at, _ := elsewhere(t, pipeline.Options{}, "talker")
	h := serve(t, pipeline.Options{Peers: []pipeline.Peer{{Stages: []string{"talker"}, Address: at}}})
	p := scraped(t, h)
	if got := p.Sum("limelight_engine_metrics_source_info", ""); got != 0 || len(engineSeries(p, "1", "0")) != 0 {
		t.Errorf("%v pages, %v", got, engineSeries(p, "1", "0"))
	}
	if len(engineSeries(p, "0", "0")) == 0 {
		t.Error("the replica of this process has no engine families")
	}
}
