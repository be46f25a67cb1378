package metrics

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// useEngine makes one event of every kind inside the talker's replica, and the
// thinker's idle.
func useEngine(m *Metrics) {
	m.ObserveEngine(0, 0, func() EngineState { return EngineState{Blocks: 8} })
	m.ObserveEngine(1, 0, func() EngineState {
		return EngineState{Running: 2, Waiting: 3, Deferred: 4, UsedBlocks: 6, Blocks: 8}
	})
	m.ConfigureCache(1, 0, CacheConfig{BlockSize: 16, Blocks: 8, MemoryBytes: 4096, Dtype: "float32", PrefixCaching: true, PrefixHash: "sha256"})
	e := m.Engine(1, 0)
	e.Scheduled(20, 16)
	e.FirstOutput(20, 16, 30*time.Millisecond)
	e.Output(15 * time.Millisecond)
	e.Preempted()
	e.Stepped(Step{Tokens: 2, Prompt: 4, Estimate: Estimate{Flops: 100, Read: 200, Write: 300}})
	e.Finished(finishedRequest(Stop))
	e.BlockEvicted(3*time.Second, time.Second, []time.Duration{time.Second, 500 * time.Millisecond})
}

// finishedRequest is one that arrived at 0, was taken in at 1 s, scheduled at
// 3 s, and chose its five tokens from 6 s to 14 s.
func finishedRequest(reason FinishedReason) FinishedRequest {
	at := func(s int) time.Time { return time.Unix(1000+int64(s), 0) }
	return FinishedRequest{
		Reason: reason, PromptTokens: 20, CachedTokens: 16, Generated: 5, MaxTokens: 40,
		Arrived: at(0), Queued: at(1), Scheduled: at(3), FirstToken: at(6), LastToken: at(14), Ended: at(15),
		Choices: 3, Longest: 9,
	}
}

// value is what a family of the talker's replica says: a counter's or gauge's
// value, a histogram's sum and, behind it, its count.
func value(t *testing.T, m *Metrics, name string, labels ...string) string {
	t.Helper()
	var found []string
	for _, child := range parse(t, text(t, m))[name].GetMetric() {
		matches := 0
		for _, l := range child.GetLabel() {
			if slices.Contains(append([]string{"stage=1", "replica=0"}, labels...), l.GetName()+"="+l.GetValue()) {
				matches++
			}
		}
		if matches < 2+len(labels) {
			continue
		}
		switch {
		case child.Histogram != nil:
			found = append(found, fmt.Sprintf("%v/%d", child.Histogram.GetSampleSum(), child.Histogram.GetSampleCount()))
		case child.Counter != nil:
			found = append(found, fmt.Sprint(child.Counter.GetValue()))
		default:
			found = append(found, fmt.Sprint(child.Gauge.GetValue()))
		}
	}
	return strings.Join(found, " ")
}

// engineProof names an event that moves a family, what the family says then,
// and one that leaves it alone, and what it says then.
type engineProof struct {
	name   string
	moving string
	move   func(*Metrics)
	want   string
	still  string
	stay   func(*Metrics)
	base   string
	labels []string
}

func engineProofs() []engineProof {
	finished := func(change func(*FinishedRequest)) func(*Metrics) {
		return func(m *Metrics) {
			f := finishedRequest(Stop)
			change(&f)
			m.Engine(1, 0).Finished(f)
		}
	}
	whole := finished(func(*FinishedRequest) {})
	aborted := finished(func(f *FinishedRequest) { f.Reason = Abort })
	single := finished(func(f *FinishedRequest) { f.Generated, f.LastToken = 1, f.FirstToken })
	unborn := finished(func(f *FinishedRequest) {
		f.Scheduled, f.FirstToken, f.LastToken, f.Generated = time.Time{}, time.Time{}, time.Time{}, 0
	})
	inner := finished(func(f *FinishedRequest) { f.Choices, f.Longest = 0, 0 })
	unbounded := finished(func(f *FinishedRequest) { f.MaxTokens = 0 })
	event := func(f func(*EngineRecorder)) func(*Metrics) { return func(m *Metrics) { f(m.Engine(1, 0)) } }
	scheduled := event(func(e *EngineRecorder) { e.Scheduled(20, 16) })
	missed := event(func(e *EngineRecorder) { e.Scheduled(20, 0) })
	uncached := event(func(e *EngineRecorder) { e.Scheduled(0, 0) })
	first := event(func(e *EngineRecorder) { e.FirstOutput(20, 16, 30*time.Millisecond) })
	cold := event(func(e *EngineRecorder) { e.FirstOutput(20, 0, 30*time.Millisecond) })
	later := event(func(e *EngineRecorder) { e.Output(15 * time.Millisecond) })
	preempted := event((*EngineRecorder).Preempted)
	step := event(func(e *EngineRecorder) {
		e.Stepped(Step{Tokens: 2, Prompt: 4, Estimate: Estimate{Flops: 100, Read: 200, Write: 300}})
	})
	prefilling := event(func(e *EngineRecorder) { e.Stepped(Step{}) })
	evicted := event(func(e *EngineRecorder) {
		e.BlockEvicted(3*time.Second, time.Second, []time.Duration{time.Second, 500 * time.Millisecond})
	})
	unused := event(func(e *EngineRecorder) { e.BlockEvicted(3*time.Second, time.Second, nil) })
	busy := useEngine
	idle := func(m *Metrics) { m.ObserveEngine(1, 0, func() EngineState { return EngineState{Blocks: 8} }) }
	ended := func(reason FinishedReason) func(*Metrics) {
		return finished(func(f *FinishedRequest) { f.Reason = reason })
	}

	return []engineProof{
		{engineRunning, "running", busy, "2", "idle", idle, "0", nil},
		{engineWaiting, "both kinds", busy, "7", "idle", idle, "0", nil},
		{engineWaitingByReason, "capacity", busy, "3", "idle", idle, "0", []string{"reason=capacity"}},
		{engineWaitingByReason, "deferred", busy, "4", "idle", idle, "0", []string{"reason=deferred"}},
		{kvCacheUsage, "six of eight blocks", busy, "0.75", "idle", idle, "0", nil},
		{engineSleepState, "nothing", idle, "1", "busy", busy, "1", []string{"sleep_state=awake"}},
		{prefixQueries, "scheduled", scheduled, "20", "no cache", uncached, "0", nil},
		{prefixHits, "found", scheduled, "16", "not found", missed, "0", nil},
		{preemptions, "preempted", preempted, "1", "finished", whole, "0", nil},
		{promptTokens, "first output", first, "20", "later output", later, "0", nil},
		{promptTokensBySource, "computed", first, "4", "later output", later, "0", []string{"source=local_compute"}},
		{promptTokensBySource, "found", first, "16", "not found", cold, "0", []string{"source=local_cache_hit"}},
		{promptTokensCached, "found", first, "16", "not found", cold, "0", nil},
		{generationTokens, "step", step, "2", "step within a prompt", prefilling, "0", nil},
		{iterationTokens, "step", step, "6/1", "step within a prompt", prefilling, "0/0", nil},
		{engineSuccess, "stop", whole, "1", "length", ended(Length), "0", []string{"finished_reason=stop"}},
		{engineSuccess, "length", ended(Length), "1", "stop", whole, "0", []string{"finished_reason=length"}},
		{engineSuccess, "repetition", ended(Repetition), "1", "stop", whole, "0", []string{"finished_reason=repetition"}},
		{engineSuccess, "failed", ended(Error), "1", "stop", whole, "0", []string{"finished_reason=error"}},
		{engineSuccess, "a reason nobody knows is an error", ended("odd"), "1", "stop", whole, "0", []string{"finished_reason=error"}},
		{engineSuccess, "nothing", whole, "0", "aborted", aborted, "0", []string{"finished_reason=abort"}},
		{requestPromptTokens, "finished", whole, "20/1", "aborted", aborted, "0/0", nil},
		{requestGenerationTokens, "finished", whole, "5/1", "aborted", aborted, "0/0", nil},
		{requestLongestChoice, "last choice", whole, "9/1", "an earlier choice", inner, "0/0", nil},
		{requestChoices, "last choice", whole, "3/1", "an earlier choice", inner, "0/0", nil},
		{requestMaxTokens, "finished", whole, "40/1", "no bound", unbounded, "0/0", nil},
		{requestComputedTokens, "finished", whole, "4/1", "aborted", aborted, "0/0", nil},
		{timeToFirstToken, "first output", first, "0.03/1", "later output", later, "0/0", nil},
		{interTokenLatency, "later output", later, "0.015/1", "first output", first, "0/0", nil},
		{timePerOutputToken, "finished", whole, "2/1", "aborted", aborted, "0/0", nil},
		{timePerOutputToken, "a single token is 0", single, "0/1", "no token", unborn, "0/0", nil},
		{engineE2E, "finished", whole, "15/1", "aborted", aborted, "0/0", nil},
		{requestQueueTime, "finished", whole, "2/1", "never scheduled", unborn, "0/0", nil},
		{requestInferenceTime, "finished", whole, "11/1", "no token", unborn, "0/0", nil},
		{requestPrefillTime, "finished", whole, "3/1", "no token", unborn, "0/0", nil},
		{requestDecodeTime, "finished", whole, "8/1", "no token", unborn, "0/0", nil},
		{estimatedFlops, "step", step, "100", "finished", whole, "0", nil},
		{estimatedRead, "step", step, "200", "finished", whole, "0", nil},
		{estimatedWrite, "step", step, "300", "finished", whole, "0", nil},
		{blockLifetime, "evicted", evicted, "3/1", "step", step, "0/0", nil},
		{blockIdle, "evicted", evicted, "1/1", "step", step, "0/0", nil},
		{blockReuseGap, "evicted", evicted, "1.5/2", "never found", unused, "0/0", nil},
	}
}

func TestEngineFamiliesMoveByTheirEventsAlone(t *testing.T) {
	for _, c := range engineProofs() {
		t.Run(c.name+"/"+c.moving, func(t *testing.T) {
			m := newOn()
			m.Engine(0, 0).Finished(finishedRequest(Stop)) // another replica's
			c.move(m)
			if got := value(t, m, c.name, c.labels...); got != c.want {
				t.Errorf("moves at %s: %q, want %q", c.moving, got, c.want)
			}
			m = newOn()
			m.Engine(0, 0).Finished(finishedRequest(Stop))
			c.stay(m)
			if got := value(t, m, c.name, c.labels...); got != c.base {
				t.Errorf("stays still at %s: %q, want %q", c.still, got, c.base)
			}
		})
	}
}

func TestEveryEngineFamilyThatMovesHasAProof(t *testing.T) {
	for _, f := range engineFamilies() {
		if f.Constant == "" && !slices.ContainsFunc(engineProofs(), func(p engineProof) bool { return p.name == f.Name }) {
			t.Errorf("%s has none", f.Name)
		}
	}
}

// TestEngineFamiliesHaveVLLMsNamesTypesAndLabels holds the table against a
// golden list.
func TestEngineFamiliesHaveVLLMsNamesTypesAndLabels(t *testing.T) {
	const golden = "testdata/engine-families.txt"
	var b strings.Builder
	for _, f := range engineFamilies() {
		fmt.Fprintf(&b, "%s %s {%s}", f.Name, f.Kind, strings.Join(f.Labels, ","))
		for _, l := range f.Labels {
			if f.Values[l] != nil {
				fmt.Fprintf(&b, " %s=%s", l, strings.Join(f.Values[l], "/"))
			}
		}
		if f.Lengths {
			f.Buckets = LengthBuckets(65536)
		}
		if f.Buckets != nil {
			fmt.Fprintf(&b, " le=%s", strings.ReplaceAll(bucketText(f.Buckets), " ", ","))
		}
		b.WriteByte('\n')
	}
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the families are not those of %s (-update rewrites it):\n%s", golden, &b)
	}
}

func TestEngineFamiliesOfAnIdleServerAreAtZero(t *testing.T) {
	m := newOn()
	m.ObserveEngine(1, 0, func() EngineState { return EngineState{Blocks: 8} })
	for _, f := range engineFamilies() {
		if f.Name == engineSleepState || f.Name == cacheConfigInfo {
			continue
		}
		values := strings.Fields(value(t, m, f.Name))
		children := 1
		for _, set := range f.Values {
			children *= len(set)
		}
		if len(values) != children {
			t.Errorf("%s has %d children, want %d", f.Name, len(values), children)
		}
		for _, v := range values {
			if v != "0" && v != "0/0" {
				t.Errorf("%s is %s", f.Name, v)
			}
		}
	}
}

func TestOnlyReplicasOfThisProcessHaveEngineFamilies(t *testing.T) {
	m := New(Options{ModelName: "m", LogStats: true, Stages: threeStages})
	m.Engine(1, 0)
	for line := range strings.Lines(text(t, m)) {
		inner := strings.HasPrefix(line, "vllm:") && !strings.HasPrefix(line, "vllm:omni_")
		if inner && (!strings.Contains(line, `replica="0"`) || !strings.Contains(line, `stage="1"`)) {
			t.Error(line)
		}
	}
}

func TestEnginesAloneAreRecorded(t *testing.T) {
	m := New(Options{ModelName: "m", LogStats: true, EnginesAlone: true, KVCacheMetrics: true, LongestSequence: 100})
	useAll(m)
	if got := value(t, m, preemptions); got != "1" {
		t.Errorf("preemptions: %q", got)
	}
	for line := range strings.Lines(text(t, m)) {
		if strings.HasPrefix(line, "vllm:omni_") || strings.HasPrefix(line, "limelight_") && !strings.HasPrefix(line, buildInfo) {
			t.Error(line)
		}
	}
}

func TestReplicaThatLeftHasNoGauges(t *testing.T) {
	now := time.Unix(0, 0)
	m := New(Options{ModelName: "m", LogStats: true, Stages: threeStages, now: func() time.Time { return now }})
	useEngine(m)
	m.ReplicaLeft(1, 0)
	for _, name := range []string{engineRunning, engineWaiting, engineWaitingByReason, kvCacheUsage, engineSleepState, cacheConfigInfo} {
		if got := value(t, m, name); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := value(t, m, preemptions); got != "1" {
		t.Errorf("just after it left: %q preemptions", got)
	}
	now = now.Add(retention)
	if got := value(t, m, preemptions); got != "" || m.Engine(1, 0) != nil {
		t.Errorf("long after it left: %q preemptions", got)
	}
}

func TestCacheConfigurationReplacesTheOneBefore(t *testing.T) {
	m := newOn()
	m.ConfigureCache(1, 0, CacheConfig{BlockSize: 16, Blocks: 8, Dtype: "float32", PrefixCaching: true, PrefixHash: "sha256"})
	m.ConfigureCache(1, 0, CacheConfig{BlockSize: 32, Blocks: 9, BlocksOverride: 9, MemoryBytes: 1 << 20, Dtype: "float32", PrefixHash: "sha256"})
	want := `vllm:cache_config_info{block_size="32",cache_dtype="float32",enable_prefix_caching="False",kv_cache_memory_bytes="1048576",num_gpu_blocks="9",num_gpu_blocks_override="9",prefix_caching_hash_algo="sha256",replica="0",stage="1"} 1` + "\n"
	var got string
	for line := range strings.Lines(text(t, m)) {
		if strings.HasPrefix(line, cacheConfigInfo) {
			got += line
		}
	}
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLengthBuckets(t *testing.T) {
	for _, c := range []struct {
		longest, n int
		last       float64
	}{{-3, 1, 1}, {0, 1, 1}, {1, 1, 1}, {4, 2, 2}, {100, 7, 100}, {32768, 14, 20000}, {65536, 15, 50000}} {
		bounds := LengthBuckets(c.longest)
		if len(bounds) != c.n || bounds[len(bounds)-1] != c.last {
			t.Errorf("%d: %v", c.longest, bounds)
		}
	}
	if got := fmt.Sprint(LengthBuckets(100)); got != "[1 2 5 10 20 50 100]" {
		t.Error(got)
	}
}
