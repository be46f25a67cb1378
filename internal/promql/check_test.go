package promql

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/limelight-omni/limelight/metrics"
)

func TestCheckTellsWhatAQueryAsksFor(t *testing.T) {
	c := NewCatalog(map[string][]string{"stage:ttft:p99": {"model_name", "stage"}})
	for _, q := range []struct {
		expr   string
		legend []string
		want   Query
	}{
		{`sum by (finished_reason) (rate(vllm:omni_requests_success_total{model_name=~".*"}[5m]))`, []string{"finished_reason"},
			Query{Series: []string{"vllm:omni_requests_success_total"}, Families: []string{"vllm:omni_requests_success_total"}, Labels: []string{"finished_reason"}}},
		{`vllm_omni:num_requests_waiting`, nil,
			Query{Series: []string{"vllm_omni:num_requests_waiting"}, Families: []string{"vllm:omni_num_requests_waiting"}, Labels: []string{"instance", "job", "model_name"}}},
		{`max without (model_name) (stage:ttft:p99{stage="1"}) > 2`, []string{"stage"},
			Query{Series: []string{"stage:ttft:p99"}, Labels: []string{"stage"}}},
		{`up == 0 and on (instance) go_goroutines > 10`, nil, Query{Series: []string{"go_goroutines", "up"}, Labels: []string{"instance", "job"}}},
		{`up / (up * on (instance, job) go_goroutines) - (up / (up + 1))`, nil, Query{Series: []string{"go_goroutines", "up"}, Labels: []string{"instance", "job"}}},
		{`ALERTS{alertstate="firing", severity="page"}`, []string{"alertname", "stage"}, Query{Series: []string{"ALERTS"}, Open: true}},
		{`changes(process_start_time_seconds[2m]) * on (instance) group_left (version) limelight_build_info`, []string{"version"},
			Query{Series: []string{"limelight_build_info", "process_start_time_seconds"}, Families: []string{"limelight_build_info", "process_start_time_seconds"}, Labels: []string{"instance", "job", "version"}}},
		{`label_replace({__name__=~"vllm:omni_audio_ttfp_s_count|vllm_omni:audio_ttfp_s_count"}, "pool", "$1", "stage", "(.*)")`, []string{"pool"},
			Query{Series: []string{"vllm:omni_audio_ttfp_s_count", "vllm_omni:audio_ttfp_s_count"}, Families: []string{"vllm:omni_audio_ttfp_s"}, Labels: []string{"instance", "job", "model_name", "pool", "replica", "stage"}}},
		{`max_over_time((vllm:kv_cache_usage_perc > 0.9)[10m:30s])`, nil,
			Query{Series: []string{"vllm:kv_cache_usage_perc"}, Families: []string{"vllm:kv_cache_usage_perc"}, Labels: []string{"instance", "job", "model_name", "replica", "stage"}}},
		{`sum(rate(vllm:omni_audio_rtf_bucket{le=~"1|1[.]0"}[5m])) / sum(rate(vllm:omni_audio_rtf_count[5m]))`, nil,
			Query{Series: []string{"vllm:omni_audio_rtf_bucket", "vllm:omni_audio_rtf_count"}, Families: []string{"vllm:omni_audio_rtf"}}},
	} {
		got, err := c.Check(q.expr, q.legend...)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(q.want, *got, cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", q.expr, diff)
		}
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	c := NewCatalog(map[string][]string{"recorded": {"stage"}})
	for _, q := range []struct{ expr, want string }{
		{`sum(rate(vllm:omni_x_total[5m]))`, "there is no series vllm:omni_x_total"},
		{`sum(`, "query sum("},
		{`{stage="1"}`, "names no series"},
		{`{__name__=~"up|down"}`, "there is no series down"},
		{`vllm:omni_num_requests_running{stage="1"}`, "vllm:omni_num_requests_running has no label stage"},
		{`vllm:omni_requests_success_total{finished_reason="eror"}`, "eror is never finished_reason of vllm:omni_requests_success_total"},
		{`vllm:omni_requests_success_total{finished_reason=~"stop|lenght"}`, "lenght is never finished_reason"},
		{`vllm:omni_audio_rtf_bucket{le=~"1|1[.]05"}`, "has no bucket 1.05"},
		{`vllm:kv_cache_usage_perc_bucket`, "there is no series"},
		{`rate(vllm:kv_cache_usage_perc[5m])`, "which is a gauge"},
		{`deriv(vllm:num_preemptions_total[5m])`, "which only grows"},
		{`rate(vllm:num_preemptions_total)`, "should be the other of a range and an instant"},
		{`abs(vllm:num_preemptions_total[5m])`, "should be the other of a range and an instant"},
		{`vllm:num_preemptions_total[5m] + 1`, "an operand is a range"},
		{`sum(vllm:num_preemptions_total[5m])`, "aggregates no instant vector"},
		{`max_over_time(sum(up)[5m])`, "needs a colon"},
		{`sum by (replica) (recorded)`, "what sum takes has no label replica"},
		{`sum by (job) (sum by (instance) (up))`, "what sum takes has no label job"},
		{`sum without (replica) (recorded)`, "has no label replica"},
		{`histogram_quantile(0.9, sum by (stage) (rate(vllm:omni_audio_ttfp_s_bucket[5m])))`, "histogram_quantile's argument has no label le"},
		{`sum by (le) (histogram_quantile(0.9, sum by (le) (rate(vllm:omni_audio_ttfp_s_bucket[5m]))))`, "what sum takes has no label le"},
		{`vllm:omni_num_requests_running / vllm:num_requests_running`, "only one side has the label"},
		{`recorded and on (replica) vllm:num_requests_running`, "the left side has no label replica"},
		{`up * on (instance) group_left (stage) process_open_fds`, "the one side has no label stage"},
		{`sum by (stage) (up * on (instance) recorded)`, "the right side has no label instance"},
		{`histogram_count(rate(vllm:omni_audio_ttfp_s[5m]))`, "unsupported function"},
		{`median_over_time(up[5m])`, "median_over_time is not a function of both databases"},
		{`median(up)`, "not an aggregation of both databases"},
		{`up default 0`, "not an operation of both databases"},
		{`up / (up / up)`, "VictoriaMetrics loses the parentheses"},
		{`up - on (job) (up - (go_goroutines > 0))`, "VictoriaMetrics loses the parentheses"},
		{`up{job="a" or job="b"}`, "one set of matchers"},
	} {
		if _, err := c.Check(q.expr); err == nil || !strings.Contains(err.Error(), q.want) {
			t.Errorf("%s: %v, want %q", q.expr, err, q.want)
		}
	}
	if _, err := c.Check(`sum by (stage) (recorded)`, "replica"); err == nil || !strings.Contains(err.Error(), "the result has no label replica") {
		t.Errorf("a legend's label: %v", err)
	}
}

func TestBuiltQueriesAreGood(t *testing.T) {
	c := NewCatalog(nil)
	ttfp := Series{Name: "vllm:omni_audio_ttfp_s", Match: `stage=~".*"`, Window: "5m"}
	ok := Series{Name: "vllm:omni_audio_continuity_ok_total", Match: `threshold_ms="100"`, Window: "5m"}
	waiting := Series{Name: "vllm:num_requests_waiting"}
	for _, q := range []struct {
		built, want string
		labels      []string
	}{
		{Rate(ok, "stage", "replica"), `sum by (stage, replica) (rate(vllm:omni_audio_continuity_ok_total{threshold_ms="100"}[5m]))`, []string{"replica", "stage"}},
		{Aggregate("max", waiting.Instant()), `max(vllm:num_requests_waiting)`, nil},
		{Mean(ttfp), `sum(rate(vllm:omni_audio_ttfp_s_sum{stage=~".*"}[5m])) / (sum(rate(vllm:omni_audio_ttfp_s_count{stage=~".*"}[5m])) > 0)`, nil},
		{Under(1, ttfp, "stage"), `sum by (stage) (rate(vllm:omni_audio_ttfp_s_bucket{stage=~".*",le=~"1|1[.]0"}[5m]))`, []string{"stage"}},
		{Ratio("1 - "+Rate(ok), Rate(ok)+" or vector(1)"),
			`(1 - sum(rate(vllm:omni_audio_continuity_ok_total{threshold_ms="100"}[5m]))) / ((sum(rate(vllm:omni_audio_continuity_ok_total{threshold_ms="100"}[5m])) or vector(1)) > 0)`, nil},
		{Share(Sum(ttfp, "stage", "replica"), Count(ttfp, "stage"), "stage"), `sum by (stage, replica) (rate(vllm:omni_audio_ttfp_s_sum{stage=~".*"}[5m]))` +
			` / on (stage) group_left () (sum by (stage) (rate(vllm:omni_audio_ttfp_s_count{stage=~".*"}[5m])) > 0)`, []string{"replica", "stage"}},
		{Quantile(.9, ttfp, "replica"), `histogram_quantile(0.9, sum by (replica) (rate(vllm:omni_audio_ttfp_s{stage=~".*"}[5m]))) >= 0` +
			` or histogram_quantile(0.9, sum by (le, replica) (rate(vllm:omni_audio_ttfp_s_bucket{stage=~".*"}[5m]))) >= 0`, []string{"replica"}},
		{Buckets(ttfp), `sum(rate(vllm:omni_audio_ttfp_s{stage=~".*"}[5m])) or (sum by (le) (rate(vllm:omni_audio_ttfp_s_bucket{stage=~".*"}[5m]))` +
			` unless on () sum(rate(vllm:omni_audio_ttfp_s{stage=~".*"}[5m])))`, []string{"le"}},
	} {
		if q.built != q.want {
			t.Errorf("got  %s\nwant %s", q.built, q.want)
		}
		for _, prefix := range OmniPrefixes {
			got, err := c.Check(Omni(q.built, prefix))
			if err != nil {
				t.Error(err)
			} else if !slices.Equal(got.Labels, q.labels) {
				t.Errorf("%s has the labels %q", q.built, got.Labels)
			}
		}
	}
}

func TestBoundIsMatchedHoweverItIsWritten(t *testing.T) {
	for bound, want := range map[float64]string{
		1:       `le=~"1|1[.]0"`,
		.25:     `le=~"0[.]25"`,
		1 << 20: `le=~"1[.]048576e[+]06|1048576|1048576[.]0"`,
	} {
		if got := Bound(bound); got != want {
			t.Errorf("%v: %s, want %s", bound, got, want)
		}
	}
}

func TestSeriesOfTheGoCollectorAreOnThePage(t *testing.T) {
	page := httptest.NewRecorder()
	metrics.New(metrics.Options{ModelName: "m"}).Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for name := range NewCatalog(nil).series {
		if strings.HasPrefix(name, "go_") && !strings.Contains(page.Body.String(), "\n"+name) {
			t.Errorf("%s is not on the page", name)
		}
	}
}
