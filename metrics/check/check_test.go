package check

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/metrics"
)

var threeStages = []metrics.StageInfo{{ID: 0, Replicas: 1, AR: true}, {ID: 1, Replicas: 1, AR: true}, {ID: 2, Replicas: 2, Audio: true}}

// used is a page after requests of several kinds.
func used(t *testing.T) string {
	t.Helper()
	m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, KVCacheMetrics: true, LongestSequence: 100, Stages: threeStages})
	use(m)
	return text(m)
}

// use records one streamed reply, one silent one and one abort, as a server
// would, at replica 1 of the audio stage.
func use(m *metrics.Metrics) {
	m.ObserveReplicas(states(metrics.ReplicaReady))
	for _, stage := range []int{0, 1} {
		m.ObserveEngine(stage, 0, func() metrics.EngineState { return metrics.EngineState{Blocks: 8} })
		m.ConfigureCache(stage, 0, metrics.CacheConfig{BlockSize: 16, Blocks: 8, Dtype: "float32"})
		e := m.Engine(stage, 0)
		at := func(ms int) time.Time { return time.UnixMilli(int64(1000 + ms)) }
		e.Scheduled(20, 16)
		e.FirstOutput(20, 16, 30*time.Millisecond)
		e.Output(15 * time.Millisecond)
		e.Preempted()
		e.BlockEvicted(2*time.Second, time.Second, []time.Duration{time.Second})
		e.Stepped(metrics.Step{Tokens: 1, Prompt: 4})
		e.Stepped(metrics.Step{Tokens: 1})
		e.Finished(metrics.FinishedRequest{
			Reason: metrics.Stop, PromptTokens: 20, CachedTokens: 16, Generated: 2, MaxTokens: 40, Choices: 1, Longest: 2,
			Arrived: at(0), Queued: at(1), Scheduled: at(3), FirstToken: at(6), LastToken: at(14), Ended: at(15),
		})
	}
	m.Refusals().Refused(metrics.NotFound)
	m.HTTP().Route(metrics.NoHandler).Observe("GET", 404, 0, 10, time.Millisecond)
	m.Stage(2).Failed(metrics.CauseEngine)
	m.Stage(2).Wasted(metrics.Abort, 0, 0.25)
	m.Stage(1).Wasted(metrics.Abort, 12, 0)
	for _, reason := range []metrics.FinishedReason{metrics.Stop, metrics.Length, metrics.Abort, metrics.Error} {
		m.Requests().Admitted()
		m.Requests().Ended(reason, 1500*time.Millisecond, "r")
		m.HTTP().Route("/v1/chat/completions").Observe("POST", 200, 100, 0, 1500*time.Millisecond)
	}
	for range 2 { // the natural ends
		m.Attribution().Spent(metrics.RequestTimes{Receive: time.Millisecond, Write: 9 * time.Millisecond, Residual: 10 * time.Millisecond})
		m.Replica(0, 0).Spent(metrics.StageTimes{Queue: 80 * time.Millisecond, Work: 400 * time.Millisecond}, true)
		m.Replica(1, 0).Spent(metrics.StageTimes{Work: 1000 * time.Millisecond}, false)
		m.Replica(1, 0).FirstOutput(20 * time.Millisecond)
	}
	a := m.Audio(2, 1)
	a.ChunkInterval(80 * time.Millisecond)
	a.Silent()
	a.FirstPacket(300*time.Millisecond, "r")
	a.Finished(48000, 24000, 900*time.Millisecond)
	a.Played(20*time.Millisecond, metrics.LateProduction)
	a.Skipped(metrics.NoAudioData)
	m.Transfer(0, 0, 1, 0).Hop(4096, time.Millisecond, time.Millisecond, time.Millisecond)
	m.Transfer(1, 0, 2, 1).Hop(1600, time.Millisecond, time.Millisecond, time.Millisecond)
}

func states(s metrics.ReplicaState) func(func(metrics.ReplicaLoad)) {
	return func(yield func(metrics.ReplicaLoad)) {
		for _, info := range threeStages {
			for id := range info.Replicas {
				yield(load(info.ID, id, s))
			}
		}
	}
}

// load is a replica with two places, both of which are taken if it is full.
func load(stage, id int, s metrics.ReplicaState) metrics.ReplicaLoad {
	l := metrics.ReplicaLoad{Stage: stage, Replica: id, State: s, Places: 2}
	if s == metrics.ReplicaFull {
		l.Requests = 2
	}
	return l
}

func text(m *metrics.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func findings(t *testing.T, page string, o Options) string {
	t.Helper()
	var all strings.Builder
	for _, f := range Check(parse(t, page), o).Findings {
		all.WriteString(f.String() + "\n")
	}
	return all.String()
}

func TestPageOfAServerIsGood(t *testing.T) {
	if got := findings(t, used(t), Options{Moved: true}); got != "" {
		t.Error(got)
	}
	off := metrics.New(metrics.Options{ModelName: "m", Stages: threeStages})
	if got := findings(t, text(off), Options{}); got != "" {
		t.Errorf("statistics off: %s", got)
	}
}

func TestFindings(t *testing.T) {
	good := used(t)
	replace := func(old, new string) func(string) string {
		return func(page string) string { return strings.Replace(page, old, new, 1) }
	}
	all := func(old, new string) func(string) string {
		return func(page string) string { return strings.ReplaceAll(page, old, new) }
	}
	without := func(part string) func(string) string {
		return func(page string) string {
			var b strings.Builder
			for line := range strings.Lines(page) {
				if !strings.Contains(line, part) {
					b.WriteString(line)
				}
			}
			return b.String()
		}
	}
	const thinker = `model_name="m",replica="0",stage="0"`
	const voice = `model_name="m",replica="1",stage="2"`
	for _, c := range []struct {
		name   string
		change func(string) string
		want   string
	}{
		{"missing family", without("omni_audio_rtf"), "vllm:omni_audio_rtf: is not on the page"},
		{"unknown family of the reference's prefix", replace("# HELP vllm:omni_audio_rtf", "# TYPE vllm:omni_extra gauge\n# HELP vllm:omni_audio_rtf"), "vllm:omni_extra: is not in the table"},
		{"unknown family of our prefix", replace("# HELP vllm:omni_audio_rtf", "# TYPE limelight_extra gauge\n# HELP vllm:omni_audio_rtf"), "limelight_extra: is not in the table"},
		{"type", replace("requests_success_total counter", "requests_success_total gauge"), "vllm:omni_requests_success_total: is a gauge here, the table has a counter"},
		{"no type", without("# TYPE vllm:omni_requests_success_total"), "has no TYPE line, it is a counter"},
		{"label missing", replace(`frames_total{`+voice+`}`, `frames_total{model_name="m",stage="2"}`), "label replica is missing"},
		{"label more", replace(`frames_total{`+voice+`}`, `frames_total{a="b",`+voice+`}`), "label a is not in the table"},
		{"value of no closed set", replace(`finished_reason="stop"`, `finished_reason="stopped"`), `finished_reason="stopped" is not in the closed set`},
		{"id", replace(`frames_total{`+voice, `frames_total{model_name="m",replica="one",stage="2"`), `replica="one" is not a decimal id`},
		{"other model", replace(`finished_reason="stop",model_name="m"`, `finished_reason="stop",model_name="n"`), `model_name is "n", other families have "m"`},
		{"negative", replace(`reason="abort",model_name="m"} 1`, `reason="abort",model_name="m"} -1`), "-1 is below zero"},
		{"not whole", replace(`reason="abort",model_name="m"} 1`, `reason="abort",model_name="m"} 1.5`), "1.5 is no whole number"},
		{"not finite", replace("num_requests_running{model_name=\"m\"} 0", "num_requests_running{model_name=\"m\"} NaN"), "NaN is no value"},
		{"bounds", replace(`rtf_bucket{`+voice+`,le="0.1"}`, `rtf_bucket{`+voice+`,le="0.2"}`), "has the bounds [0.2 0.25"},
		{"not cumulative", replace(`rtf_bucket{`+voice+`,le="1"} 1`, `rtf_bucket{`+voice+`,le="1"} 0`), "is not cumulative: 0 up to le=1 after 1"},
		{"infinity is not the count", replace(`rtf_bucket{`+voice+`,le="+Inf"} 1`, `rtf_bucket{`+voice+`,le="+Inf"} 2`), "has 2 in its +Inf bucket and a count of 1"},
		{"no infinity", without(`rtf_bucket{` + voice + `,le="+Inf"}`), "has no +Inf bucket"},
		{"no sum", without(`rtf_sum{` + voice), "has no _sum"},
		{"no count", without(`rtf_count{` + voice), "has no _count"},
		{"impossible sum", replace(`rtf_sum{`+voice+`} 0.45`, `rtf_sum{`+voice+`} 45`), "has a sum of 45, which its buckets do not allow: it is between 0.25 and 0.5"},
		{"closed child missing", without(`finished_reason="repetition"`), `vllm:omni_requests_success_total: the child {finished_reason="repetition"} is missing`},
		{"replica without a child", without(`frames_total{model_name="m",replica="0",stage="2"}`), `vllm:omni_audio_frames_total: the child {replica="0",stage="2"} is missing`},
		{"edge without a child", without(`tx_s_count{from_replica="0",from_stage="1"`), `vllm:omni_transfer_tx_s: the child {from_replica="0",from_stage="1",to_replica="1",to_stage="2"} is missing`},
		{"stats off with samples", func(string) string {
			return text(metrics.New(metrics.Options{ModelName: "m", Stages: threeStages})) + "vllm:omni_num_requests_running{model_name=\"m\"} 0\n"
		}, "the child"},

		{"natural ends", replace(`success_total{finished_reason="stop",model_name="m"} 1`, `success_total{finished_reason="stop",model_name="m"} 2`), "vllm:omni_e2e_request_latency_s: the count: 2, natural ends: 3"},
		{"rtf without duration", all(`duration_s_count{`+voice+`} 1`, `duration_s_count{`+voice+`} 2`), "vllm:omni_audio_rtf: stage 2, replica 1: the count: 1, durations: 2"},
		{"frames", replace(`frames_total{`+voice+`} 48000`, `frames_total{`+voice+`} 47999`), "vllm:omni_audio_frames_total: stage 2, replica 1: 47999 frames and 2 s of audio are at no sample rate"},
		{"underruns before first packets", replace(`ttfp_s_count{`+voice+`} 1`, `ttfp_s_count{`+voice+`} 0`), "underruns: 1, which is more than first packets: 0"},
		{"continuity", replace(`threshold_ms="100"} 1`, `threshold_ms="100"} 0`), `replica="1",stage="2",threshold_ms="100": continuous replies: 0, underruns up to the threshold: 1`},
		{"more sound and silence than ends", replace(`reason="no_audio_data",replica="1",stage="2"} 1`, `reason="no_audio_data",replica="1",stage="2"} 2`), "durations and skipped requests: 3, which is more than natural ends: 2"},
		{"hop counted thrice", replace(`rx_s_count{from_replica="0",from_stage="1",model_name="m",to_replica="1",to_stage="2"} 1`, `rx_s_count{from_replica="0",from_stage="1",model_name="m",to_replica="1",to_stage="2"} 2`), "vllm:omni_transfer_rx_s: 2"},
		{"hop that skips a stage", all(`from_stage="1"`, `from_stage="0"`), "a hop from stage 0 to stage 2"},
		{"sound from nowhere", all(`to_replica="1"`, `to_replica="0"`), "stage 2, replica 1: durations: 1, which is more than hops to the replica: 0"},
		{"http", replace(`status="2xx"} 4`, `status="2xx"} 5`), "http_requests_total: requests of /v1/chat/completions: 5, http_request_duration_seconds: 4"},
		{"prompt tokens from nowhere", replace(`vllm:prompt_tokens_total{`+thinker+`} 20`, `vllm:prompt_tokens_total{`+thinker+`} 21`), "vllm:prompt_tokens_total: stage 0, replica 0: sources: 20, prompt tokens: 21"},
		{"more hits than queries", replace(`vllm:prefix_cache_hits_total{`+thinker+`} 16`, `vllm:prefix_cache_hits_total{`+thinker+`} 21`), "hits: 21, which is more than queries: 20"},
		{"finished without a measure", replace(`vllm:request_success_total{finished_reason="stop",`+thinker+`} 1`, `vllm:request_success_total{finished_reason="stop",`+thinker+`} 2`), "finished requests: 2, vllm:e2e_request_latency_seconds: 1"},
		{"a time that lacks", replace(`vllm:request_decode_time_seconds_count{`+thinker+`} 1`, `vllm:request_decode_time_seconds_count{`+thinker+`} 2`), "prefills: 1, vllm:request_decode_time_seconds: 2"},
		{"choices of nobody", replace(`vllm:request_params_n_count{`+thinker+`} 1`, `vllm:request_params_n_count{`+thinker+`} 2`), "requests with choices: 2, which is more than finished requests: 1"},
		{"block that was idle and not alive", replace(`vllm:kv_block_idle_before_evict_seconds_count{`+thinker+`} 1`, `vllm:kv_block_idle_before_evict_seconds_count{`+thinker+`} 2`), "lives: 1, vllm:kv_block_idle_before_evict_seconds: 2"},
		{"bounds of lengths", replace(`vllm:request_prompt_tokens_bucket{`+thinker+`,le="20"}`, `vllm:request_prompt_tokens_bucket{`+thinker+`,le="30"}`), "has the bounds [1 2 5 10 30 50 100]"},
		{"inference", replace(`vllm:request_inference_time_seconds_sum{`+thinker+`} 0.011`, `vllm:request_inference_time_seconds_sum{`+thinker+`} 0.012`), "seconds of inference: 0.012, of prefill and decode: 0.011"},
		{"token without a first one", all(`vllm:time_to_first_token_seconds_count{`+thinker+`} 1`, `vllm:time_to_first_token_seconds_count{`+thinker+`} 0`), "requests with tokens: 1, which is more than first tokens: 0"},
		{"tokens", replace(`vllm:generation_tokens_total{`+thinker+`} 2`, `vllm:generation_tokens_total{`+thinker+`} 3`), "tokens: 3, first and later ones: 2"},
		{"steps", replace(`vllm:iteration_tokens_total_sum{`+thinker+`} 6`, `vllm:iteration_tokens_total_sum{`+thinker+`} 7`), "tokens of steps: 7, generated and computed ones: 6"},
		{"waiting", replace(`vllm:num_requests_waiting{`+thinker+`} 0`, `vllm:num_requests_waiting{`+thinker+`} 1`), "waiting: 1, by reason: 0"},
		{"usage without a request", replace(`vllm:kv_cache_usage_perc{`+thinker+`} 0`, `vllm:kv_cache_usage_perc{`+thinker+`} 0.5`), "usage: 0.5, which is more than that of no request: 0"},
		{"asleep and awake", replace(`sleep_state="discard_all",stage="0"} 0`, `sleep_state="discard_all",stage="0"} 1`), "in 2 states"},
		{"admissions", replace(`admitted_total{model_name="m"} 4`, `admitted_total{model_name="m"} 5`), "limelight_requests_admitted_total: admitted: 5, ends and those under way: 4"},
		{"more refusals than requests", replace(`reason="not_found"} 1`, `reason="not_found"} 2`), "admitted and refused: 6, which is more than HTTP requests: 5"},
		{"failures", replace(`cause="engine",model_name="m",stage="2"} 1`, `cause="engine",model_name="m",stage="2"} 0`), "limelight_stage_failures_total: failures: 0, ends as an error: 1"},
		{"waste without an abort", replace(`success_total{finished_reason="abort",model_name="m"} 1`, `success_total{finished_reason="abort",model_name="m"} 0`), "no request ended as abort"},
		{"an instant charged twice", replace(`part_seconds_sum{model_name="m",part="write"} 0.018`, `part_seconds_sum{model_name="m",part="write"} 0.028`), "limelight_request_part_seconds: the parts: 3.01, end to end, in seconds: 3"},
		{"a request without parts", replace(`residual_seconds_count{model_name="m"} 2`, `residual_seconds_count{model_name="m"} 1`), "residuals: 1, natural ends: 2"},
		{"more gaps than listeners", replace(`cause="late_production",`+voice+`} 1`, `cause="late_production",`+voice+`} 2`), "limelight_audio_underruns_total: stage 2, replica 1: gaps: 2, which is more than underruns: 1"},
		{"a full replica with a free place", replace(`limelight_replica_requests{`+thinker+`} 0`, `limelight_replica_requests{`+thinker+`} 2`), "limelight_replica_requests: stage 0, replica 0: requests: 2, places: 2, and it is ready"},
		{"a queue of another length", replace(`requests_waiting{model_name="m",stage="1"} 0`, `requests_waiting{model_name="m",stage="1"} 1`), "limelight_stage_requests_waiting: waiting by stage: 1, waiting: 0"},
		{"two states", replace(`stage="1",state="full"} 0`, `stage="1",state="full"} 1`), "limelight_replica_state: stage 1, replica 0 is in 2 states"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := c.change(good)
			if changed == good {
				t.Fatal("the change changes nothing")
			}
			if got := findings(t, changed, Options{}); !strings.Contains(got, c.want) {
				t.Errorf("findings:\n%swant %q", got, c.want)
			}
		})
	}
}

func TestGaugesAreAskedOfTheReplicasThatAreThere(t *testing.T) {
	m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, Stages: []metrics.StageInfo{{ID: 0, Replicas: 2, AR: true}}})
	m.ObserveReplicas(func(yield func(metrics.ReplicaLoad)) {
		yield(load(0, 0, metrics.ReplicaReady))
		yield(load(0, 1, metrics.ReplicaReady))
	})
	for id := range 2 {
		m.Engine(0, id)
		m.ConfigureCache(0, id, metrics.CacheConfig{BlockSize: 16, Blocks: 8})
	}
	m.ObserveEngine(0, 0, func() metrics.EngineState { return metrics.EngineState{Blocks: 8} })
	const missing = `vllm:num_requests_running: the child {replica="1",stage="0"} is missing`
	if got := findings(t, text(m), Options{}); !strings.Contains(got, missing) {
		t.Errorf("of a replica without gauges: %s", got)
	}
	m.ObserveReplicas(func(yield func(metrics.ReplicaLoad)) { yield(load(0, 0, metrics.ReplicaReady)) })
	m.ReplicaLeft(0, 1)
	if got := findings(t, text(m), Options{}); got != "" {
		t.Errorf("of a replica that left: %s", got)
	}
}

func TestFindingsNameTheLine(t *testing.T) {
	page := used(t)
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "vllm:omni_audio_frames_total") {
			lines[i] = strings.Replace(line, `stage="2"`, `stage="two"`, 1)
			if got := Check(parse(t, strings.Join(lines, "\n")), Options{}).Findings; len(got) != 2 || got[1].Line != i+1 {
				t.Errorf("findings %v, the fault is in line %d", got, i+1) // the other one is the child that is missing now
			}
			return
		}
	}
	t.Fatal("no frames on the page")
}

func TestRequestsUnderWayMayBeHalfRecorded(t *testing.T) {
	m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, Stages: threeStages})
	use(m)
	m.Audio(2, 1).Finished(10, 24000, time.Second) // its end is not recorded yet
	m.Transfer(1, 0, 2, 1).Hop(64, 0, 0, 0)
	if got := findings(t, text(m), Options{}); !strings.Contains(got, "durations and skipped requests: 3") {
		t.Errorf("at rest: %s", got)
	}
	m.ObserveRequests(func() (int, []int) { return 1, nil })
	if got := findings(t, text(m), Options{}); got != "" {
		t.Errorf("with a request under way: %s", got)
	}
}

func TestPageOfAProcessThatRunsStagesForAnotherIsGood(t *testing.T) {
	m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, EnginesAlone: true, KVCacheMetrics: true, LongestSequence: 100})
	use(m)
	m.HTTP().Route("/x").Observe("GET", 200, 0, 0, 0)
	page := text(m)
	if got := findings(t, page, Options{}); got != "" {
		t.Error(got)
	}
	faulty := strings.Replace(page, `vllm:generation_tokens_total{model_name="m",replica="0",stage="0"} 2`, `vllm:generation_tokens_total{model_name="m",replica="0",stage="0"} 3`, 1)
	if got := findings(t, faulty, Options{}); !strings.Contains(got, "tokens: 3, first and later ones: 2") {
		t.Errorf("a fault is not found: %s", got)
	}
}

func TestReplicaThatLeftKeepsItsCountsAndHasNoGauge(t *testing.T) {
	m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, Stages: threeStages})
	use(m)
	m.ReplicaJoined(1, 1)
	m.Engine(1, 1).Preempted()
	if got := findings(t, text(m), Options{}); got != "" {
		t.Errorf("a replica with counts and without a state: %s", got)
	}
}

func TestMovedAsksForWhatThePipelineCanMove(t *testing.T) {
	m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, Stages: threeStages[:1]})
	got := findings(t, text(m), Options{Moved: true})
	if !strings.Contains(got, "vllm:omni_e2e_request_latency_s: never moved; what moves it: text, ") {
		t.Errorf("findings:\n%s", got)
	}
	for _, part := range []string{"omni_audio", "omni_transfer", "process_"} {
		if strings.Contains(got, part) {
			t.Errorf("%s is asked of a pipeline that cannot move it:\n%s", part, got)
		}
	}
	m = metrics.New(metrics.Options{ModelName: "m", LogStats: true, Stages: threeStages})
	use(m)
	still := parse(t, text(m))
	m.ObserveRequests(func() (int, []int) { return 2, nil })
	m.ObserveReplicas(states(metrics.ReplicaFull))
	m.ObserveEngine(1, 0, func() metrics.EngineState {
		return metrics.EngineState{Running: 1, Waiting: 1, Deferred: 1, UsedBlocks: 2, Blocks: 8}
	})
	busy := parse(t, text(m))
	r := Check(still, Options{Moved: true, Earlier: []*Page{busy}})
	if len(r.Findings) != 2 || r.Findings[0].Family != "limelight_stage_requests_waiting" || r.Findings[1].Family != "vllm:omni_num_requests_waiting" {
		t.Errorf("findings %v, want the gauges that no page shows", r.Findings)
	}
}

func TestPageSavedFromVLLMOmniIsGood(t *testing.T) {
	saved, err := os.ReadFile(filepath.Join("testdata", "vllm-omni.txt"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(saved)
	for name, page := range map[string]string{"vllm:omni_": page, "vllm_omni:": strings.ReplaceAll(page, "vllm:omni_", "vllm_omni:")} {
		p := parse(t, page)
		r := Check(p, Options{Moved: true})
		if !r.Good() || r.Identities < 11 {
			t.Errorf("%s: %d identities, %v", name, r.Identities, r.Findings)
		}
		for _, family := range p.names() {
			if strings.HasSuffix(family, "_created") {
				t.Errorf("%s: %s is a family of its own", name, family)
			}
		}
	}
	broken := strings.Replace(page, `omni_audio_rtf_bucket{le="0.5"`, `omni_audio_rtf_bucket{le="0.6"`, 1)
	if got := findings(t, broken, Options{}); !strings.Contains(got, "has the bounds") {
		t.Errorf("other bounds: %s", got)
	}
	unwrapped := strings.ReplaceAll(page, `replica="0",stage="2"`, `engine="2"`)
	if got := findings(t, unwrapped, Options{}); !strings.Contains(got, "label stage is missing") {
		t.Errorf("before the wrap: %s", got)
	}
}

func TestSteadyReadsAPageWithFindingsAgain(t *testing.T) {
	good, bad := parse(t, used(t)), parse(t, "x")
	read := 0
	r, err := Steady(t.Context(), func(context.Context) (*Page, error) {
		if read++; read == 1 {
			return bad, nil
		}
		return good, nil
	}, Options{})
	if err != nil || !r.Good() || read != 2 {
		t.Errorf("%v after %d pages: %+v", err, read, r)
	}
	r, err = Steady(t.Context(), func(context.Context) (*Page, error) { return bad, nil }, Options{})
	if err != nil || r.Good() {
		t.Errorf("%v: a bad page became good", err)
	}
}

func TestLoadTakesURLsAndFiles(t *testing.T) {
	page := used(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(page))
	}))
	defer s.Close()
	file := filepath.Join(t.TempDir(), "page.txt")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{s.URL, s.URL + "/metrics", file} {
		if p, err := Load(t.Context(), s.Client(), target); err != nil || !Check(p, Options{}).Good() {
			t.Errorf("%s: %v", target, err)
		}
	}
	if _, err := Load(t.Context(), s.Client(), s.URL+"/other"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("another path: %v", err)
	}
	if _, err := Load(t.Context(), nil, file+".not"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
