package dashboard

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/metrics"
)

// counter is a page with one counter, and when its server began.
func counter(n, begun int) string {
	return fmt.Sprintf("process_start_time_seconds %d\n# TYPE vllm:omni_requests_success_total counter\nvllm:omni_requests_success_total{finished_reason=\"stop\"} %d\n", begun, n)
}

func TestRatesGoOnAcrossARestart(t *testing.T) {
	w := watch(t, Options{})
	for _, page := range []string{
		counter(100, 1), counter(104, 1),
		counter(6, 2), // began again: 6 since then
		counter(10, 2),
		counter(30, 3), // again, and it has more than before already
	} {
		w.sees(page)
	}
	s := w.whole()
	v := s.values("ends", "stop")
	want := []float32{float32(math.NaN()), 2, 3, 2, 15}
	for i := range want {
		if len(v) != len(want) || v[i] != want[i] && i > 0 {
			t.Fatalf("ends a second %v, want %v", v, want)
		}
	}
	if *s.Totals.Rate != 44.0/8 { // 4, 6, 4 and 30 in four intervals
		t.Errorf("%v a second in the window", *s.Totals.Rate)
	}
}

// latency is a page with a histogram of n quick and of n slow requests.
func latency(quick, slow int) string {
	const name = "vllm:omni_e2e_request_latency_s"
	return fmt.Sprintf("# TYPE %[1]s histogram\n%[1]s_bucket{le=\"0.5\"} %[2]d\n%[1]s_bucket{le=\"1.0\"} %[3]d\n%[1]s_bucket{le=\"+Inf\"} %[3]d\n%[1]s_count %[3]d\n%[1]s_sum %[3]d\nvllm:omni_num_requests_running 1\n", name, quick, quick+slow)
}

func TestQuantilesAreThoseOfTheStepAndOfTheWindow(t *testing.T) {
	w := watch(t, Options{Objectives: []objective.Objective{{Name: "e2e", Family: metrics.Family{Name: e2eName}, Threshold: 0.5, Target: 0.9}}})
	w.sees(latency(1000, 1000)) // before anybody looked
	w.sees(latency(1010, 1000)) // quick ones alone
	w.sees(latency(1010, 1010)) // slow ones alone
	w.sees(latency(1010, 1010)) // none
	w.sees(latency(10, 0))      // the server began again
	s := w.whole()
	v := s.values("e2e", "median")
	if len(v) != 5 || v[0] == v[0] || v[1] != 0.25 || v[2] != 0.75 || v[3] == v[3] || v[4] != 0.25 {
		t.Errorf("half of the requests took %v", v)
	}
	if g := s.Goals[0]; *g.Good != rounded(20.0/30) || g.Events != 30 || g.Level != Tight {
		t.Errorf("goal %+v", g)
	}
}

func TestWindowIsTheLastMinute(t *testing.T) {
	w := watch(t, Options{})
	for i := range 90 { // three minutes: 1 a step, and 10 a step in the last one
		w.sees(counter(i+9*max(0, i-59), 1))
	}
	s := w.whole()
	if s.Window < 50 || s.Window > 60 || *s.Totals.Rate < 4.9 || *s.Totals.Rate > 5 {
		t.Errorf("%v a second in the last %v s", *s.Totals.Rate, s.Window)
	}
}

func TestHistoryIsBoundedInTimeAndInSeries(t *testing.T) {
	w := watch(t, Options{Interval: 10 * time.Second})
	var page strings.Builder
	page.WriteString("# TYPE vllm:generation_tokens_total counter\n# TYPE vllm:omni_transfer_tx_s histogram\n")
	for i := range 5000 {
		fmt.Fprintf(&page, "vllm:generation_tokens_total{stage=\"0\",replica=\"%d\"} %%[1]d\nvllm:omni_transfer_tx_s_bucket{from_stage=\"0\",from_replica=\"%[1]d\",to_stage=\"1\",to_replica=\"0\",le=\"+Inf\"} %%[1]d\nvllm:omni_transfer_tx_s_count{from_stage=\"0\",from_replica=\"%[1]d\",to_stage=\"1\",to_replica=\"0\"} %%[1]d\n", i)
	}
	format := page.String()
	for i := range 4 {
		w.sees(fmt.Sprintf(format, 1+i))
	}
	if len(w.tracks.list) != mostTracks || len(w.tracks.byKey) != mostTracks || len(w.lines.byKey) > mostLines || len(w.tracks.places) > mostTracks {
		t.Errorf("%d tracks, %d lines, %d places", len(w.tracks.list), len(w.lines.byKey), len(w.tracks.places))
	}
	if s := w.whole(); s.LeftOut != 10000-mostTracks {
		t.Errorf("%d series are said to be left out", s.LeftOut)
	}
	for range 200 { // another page: half an hour of it
		w.sees(counter(1, 1))
	}
	if len(w.tracks.list) != 2 || len(w.lines.byKey) != 1 || len(w.tracks.places) != 0 {
		t.Errorf("%d tracks, %d lines, %d places are left", len(w.tracks.list), len(w.lines.byKey), len(w.tracks.places))
	}
	s := w.whole()
	if len(s.Times) != 90 || len(s.values("ends", "stop")) != 90 || s.Step != 204 || s.First != 115 {
		t.Errorf("%d times from %d to %d", len(s.Times), s.First, s.Step)
	}
}

func TestReplicaThatJoinsBringsNothingFromBefore(t *testing.T) {
	page := func(more string) string {
		return "# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total{stage=\"0\",replica=\"0\"} 5\n" + more
	}
	w := watch(t, Options{})
	w.sees(page(""))
	w.sees(page("vllm:generation_tokens_total{stage=\"0\",replica=\"1\"} 1000000\n"))
	w.sees(page("vllm:generation_tokens_total{stage=\"0\",replica=\"1\"} 1000010\n"))
	if v := w.whole().values("tokens", "0/1"); len(v) != 3 || v[1] != 0 || v[2] != 5 {
		t.Errorf("tokens a second %v", v)
	}
}

func TestNumbersAreShort(t *testing.T) {
	got, err := points{0, float32(math.NaN()), 1.0 / 3, 123456, -0.000012345}.MarshalJSON()
	if err != nil || string(got) != "[0,null,0.3333,123500,-1.234e-05]" {
		t.Errorf("%s, %v", got, err)
	}
}
