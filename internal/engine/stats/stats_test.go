package stats

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal keeps what is logged: level and message.
type journal struct {
	level slog.Level
	lines []string
}

func (j *journal) Enabled(_ context.Context, l slog.Level) bool { return l >= j.level }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler           { return j }
func (j *journal) WithGroup(string) slog.Handler                { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.lines = append(j.lines, r.Level.String()+" "+r.Message)
	return nil
}

// take returns what was logged since the last call.
func (j *journal) take() string {
	text := strings.Join(j.lines, "\n")
	j.lines = nil
	return text
}

var epoch = time.Unix(1000, 0)

// observed is a replica with an idle engine, and what is logged and recorded of it.
func observed(t *testing.T, mfu bool) (*Replica, *journal, *metrics.Metrics) {
	t.Helper()
	model := qwen3omni.Tiny()
	j := &journal{level: slog.LevelInfo}
	m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, EnableMFU: mfu, LongestSequence: 100})
	r := newReporter(m, slog.New(j), mfu, epoch)
	shape := Shape{Layers: 1, Hidden: 1, Heads: 1, KVHeads: 1, HeadDim: 1, Intermediate: 1, Vocab: 1, ActivationBytes: 1, WeightBytes: 1, CacheBytes: 1}
	one := r.Replica(1, "talker", 2, shape)
	e := ar.NewTalker(model, ar.DefaultChunks, ar.Config{Blocks: 8, Listeners: []ar.Listener{one.Listener()}})
	t.Cleanup(func() { e.Close() })
	one.Watch(e, 8)
	return one, j, m
}

// line is the one sample of the page that begins so.
func line(t *testing.T, m *metrics.Metrics, start string) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for l := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(l, start) {
			return strings.TrimSpace(l[strings.LastIndex(l, " "):])
		}
	}
	t.Fatalf("the page has no %s", start)
	return ""
}

func TestLineOfAnIntervalAndQuietWhenIdle(t *testing.T) {
	one, j, _ := observed(t, false)
	tell, r := one.Listener(), one.reporter
	at := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }

	r.report(at(10))
	if got := j.take(); got != "" {
		t.Errorf("before any traffic: %s", got)
	}
	tell.Admitted(&ar.Life{LookedUp: 80, CachedTokens: 20})
	tell.Stepped(&ar.Step{Outputs: 3, PromptTokens: 100})
	tell.Preempted(&ar.Life{})
	tell.Preempted(&ar.Life{})
	r.report(at(20))
	want := "INFO talker 002: Avg prompt throughput: 10.0 tokens/s, Avg generation throughput: 0.3 tokens/s, Running: 0 reqs, Waiting: 0 reqs, Preemptions: 2, GPU KV cache usage: 0.0%, Prefix cache hit rate: 25.0%"
	if got := j.take(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	r.report(at(30))
	want = "INFO talker 002: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0 tokens/s, Running: 0 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%, Prefix cache hit rate: 25.0%"
	if got := j.take(); got != want {
		t.Errorf("after traffic: %s\nwant %s", got, want)
	}
	r.report(at(40))
	if got := j.take(); got != "" {
		t.Errorf("idle: %s", got)
	}
	j.level = slog.LevelDebug
	r.report(at(50))
	if got := j.take(); !strings.HasPrefix(got, "DEBUG talker 002: Avg prompt throughput: 0.0") {
		t.Errorf("idle, at debug: %q", got)
	}
	one.engine.Load().Close()
	r.report(at(60))
	if got := j.take(); got != "" || len(r.replicas) > 0 {
		t.Errorf("a replica that is closed: %s", got)
	}
}

func TestLineSaysWhatWaits(t *testing.T) {
	one, j, _ := observed(t, false)
	one.interval.stepped(metrics.Step{Tokens: 20})
	one.report(ar.State{Running: 5, Waiting: 3, Deferred: 2, FreeBlocks: 2, Blocks: 8}, 10)
	if got := j.take(); !strings.Contains(got, "2.0 tokens/s, Running: 5 reqs, Waiting: 5 reqs, Deferred: 2 reqs, GPU KV cache usage: 75.0%") {
		t.Error(got)
	}
}

func TestEstimatesHaveALineOfTheirOwn(t *testing.T) {
	one, j, m := observed(t, true)
	// Each row takes 8 operations of attention, 6 of the MLP and 2 of the head,
	// reads 3+4+1 bytes and writes 6+4+1; the weights are next to nothing.
	const rows = 1e12
	one.Listener().Stepped(&ar.Step{Outputs: 1, Decode: ar.Work{Rows: rows}})
	one.reporter.report(epoch.Add(10 * time.Second))
	if got := j.take(); !strings.HasSuffix(got, "\nINFO talker 002: MFU: 1.6 TF/s/GPU 1900.0 GB/s/GPU") {
		t.Error(got)
	}
	if got := line(t, m, `vllm:estimated_flops_per_gpu_total{model_name="m",replica="2",stage="1"}`); got != "1.6e+13" {
		t.Errorf("%s operations", got)
	}
}

func TestHitRateIsOfTheLastThousandRequests(t *testing.T) {
	var w window
	if w.rate() != 0 {
		t.Error("nothing has a rate")
	}
	for range windowRequests {
		w.add(lookup{10, 10})
	}
	if w.rate() != 1 {
		t.Errorf("all found: %v", w.rate())
	}
	for range windowRequests / 2 {
		w.add(lookup{10, 0})
	}
	if w.rate() != 0.5 {
		t.Errorf("the newer half not found: %v", w.rate())
	}
	for range windowRequests / 2 {
		w.add(lookup{10, 0})
	}
	if w.rate() != 0 {
		t.Errorf("none of the last thousand found: %v", w.rate())
	}
}

func TestReporterGoesByItsClockAndStops(t *testing.T) {
	one, _, _ := observed(t, false)
	lines := make(chan string)
	one.reporter.log = slog.New(handler(func(r slog.Record) { lines <- r.Message }))
	ticks := make(chan time.Time)
	go one.reporter.run(ticks)
	one.Listener().Stepped(&ar.Step{Outputs: 8})
	ticks <- epoch.Add(4 * time.Second)
	if got := <-lines; !strings.Contains(got, "generation throughput: 2.0 tokens/s") {
		t.Error(got)
	}
	one.reporter.Close()
	one.reporter.Close()
}

type handler func(slog.Record)

func (h handler) Enabled(context.Context, slog.Level) bool      { return true }
func (h handler) WithAttrs([]slog.Attr) slog.Handler            { return h }
func (h handler) WithGroup(string) slog.Handler                 { return h }
func (h handler) Handle(_ context.Context, r slog.Record) error { h(r); return nil }

func TestChoicesOfARequestAreCountedOnce(t *testing.T) {
	one, _, m := observed(t, false)
	group := engine.NewGroup(3)
	for i, tokens := range []int{4, 9, 5} {
		one.Listener().Ended(&ar.Life{Request: &engine.Request{Group: group, Choice: i}, Generated: tokens}, engine.FinishStop)
	}
	for start, want := range map[string]string{
		"vllm:request_params_n_sum": "3", "vllm:request_params_n_count": "1",
		"vllm:request_max_num_generation_tokens_sum": "9", "vllm:request_generation_tokens_count": "3",
	} {
		if got := line(t, m, start); got != want {
			t.Errorf("%s %s, want %s", start, got, want)
		}
	}
}

func TestRequestWithAnAbortedChoiceHasNoChoicesOfItsOwn(t *testing.T) {
	one, _, m := observed(t, false)
	group := engine.NewGroup(2)
	one.Listener().Ended(&ar.Life{Request: &engine.Request{Group: group}, Generated: 3}, engine.FinishStop)
	one.Listener().Ended(&ar.Life{Request: &engine.Request{Group: group}, Generated: 3}, engine.FinishAbort)
	if n, success := line(t, m, "vllm:request_params_n_count"), line(t, m, "vllm:e2e_request_latency_seconds_count"); n != "0" || success != "1" {
		t.Errorf("%s requests, %s choices", n, success)
	}
}

func TestWithoutStatisticsThereIsNothing(t *testing.T) {
	r := Start(metrics.New(metrics.Options{}), slog.New(slog.DiscardHandler), true)
	one := r.Replica(0, "thinker", 0, Shape{})
	if r != nil || one != nil || one.Listener().Stepped != nil {
		t.Error("statistics are off")
	}
	one.Watch(nil, 0)
	r.Close()
}

func TestRecordingAStepAllocatesNothing(t *testing.T) {
	one, _, _ := observed(t, true)
	tell := one.Listener()
	life := &ar.Life{Request: &engine.Request{}, LookedUp: 20, PromptTokens: 20, Generated: 3}
	step := &ar.Step{Outputs: 2, PromptTokens: 7, Prefill: prefill2048, Decode: decode8192}
	block := &ar.BlockLife{Lifetime: 2, Idle: 1, Reuse: []time.Duration{1}}
	if n := testing.AllocsPerRun(100, func() {
		tell.Admitted(life)
		tell.Token(life, true, time.Millisecond)
		tell.Token(life, false, time.Millisecond)
		tell.Preempted(life)
		tell.Stepped(step)
		tell.BlockEvicted(block)
		tell.Ended(life, engine.FinishStop)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
