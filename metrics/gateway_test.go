package metrics

import (
	"strings"
	"testing"
	"time"
)

func TestGatewayRecordsWhatItSeesOfARequest(t *testing.T) {
	m := newOn()
	begin := time.Unix(1000, 0)
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	q := m.Gateway(0, 1).Begin(begin)
	for _, s := range []float64{0.5, 0.75, 1.5} {
		q.Output(at(s))
	}
	q.Ended(Length, TokenUsage{Prompt: 7, Generated: 5}, at(2))

	families := parse(t, text(t, m))
	sum := func(name string) (sum float64, count uint64) {
		for _, child := range families[name].GetMetric() {
			for _, l := range child.GetLabel() {
				if l.GetName() == "replica" && l.GetValue() == "1" {
					sum += child.GetHistogram().GetSampleSum()
					count += child.GetHistogram().GetSampleCount()
				}
			}
		}
		return sum, count
	}
	for name, want := range map[string]struct {
		sum   float64
		count uint64
	}{
		timeToFirstToken:   {0.5, 1},
		interTokenLatency:  {1, 2},
		timePerOutputToken: {0.25, 1}, // a second for four gaps between tokens
		engineE2E:          {2, 1},
	} {
		if s, n := sum(name); s != want.sum || n != want.count {
			t.Errorf("%s: sum %v of %d, want %v of %d", name, s, n, want.sum, want.count)
		}
	}
	for name, want := range map[string]float64{promptTokens: 7, generationTokens: 5} {
		if got := samples(t, m, name, "stage=0", "replica=1"); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if got := samples(t, m, engineSuccess, "replica=1", "finished_reason=length"); got != 1 {
		t.Errorf("%v ends", got)
	}
}

func TestGatewayFamiliesMoveAndStayStill(t *testing.T) {
	now := time.Now()
	ended := func(reason FinishedReason, outputs int, u TokenUsage) func(*Metrics) {
		return func(m *Metrics) {
			q := m.Gateway(0, 1).Begin(now)
			for range outputs {
				q.Output(now)
			}
			q.Ended(reason, u, now)
		}
	}
	usage := TokenUsage{Prompt: 3, Generated: 2}
	for _, c := range []struct {
		name       string
		move, stay func(*Metrics)
		want       float64
		labels     string
	}{
		{timeToFirstToken, ended(Abort, 1, usage), ended(Stop, 0, usage), 1, ""},
		{interTokenLatency, ended(Abort, 2, usage), ended(Stop, 1, usage), 1, ""},
		{timePerOutputToken, ended(Stop, 1, usage), ended(Stop, 1, TokenUsage{}), 1, ""},
		{timePerOutputToken, ended(Stop, 1, TokenUsage{Generated: 1}), ended(Stop, 0, usage), 1, ""},
		{engineE2E, ended(Error, 0, TokenUsage{}), ended(Abort, 1, usage), 1, ""},
		{engineSuccess, ended(Repetition, 1, usage), ended(Abort, 1, usage), 1, ""},
		{engineSuccess, ended("odd", 1, usage), ended(Stop, 1, usage), 1, "finished_reason=error"},
		{promptTokens, ended(Stop, 1, usage), ended(Stop, 1, TokenUsage{}), 3, ""},
		{generationTokens, ended(Stop, 1, usage), ended(Abort, 1, usage), 2, ""},
	} {
		labels := []string{"stage=0", "replica=1"}
		if c.labels != "" {
			labels = append(labels, c.labels)
		}
		moved, still := newOn(), newOn()
		c.move(moved)
		c.stay(still)
		if got := samples(t, moved, c.name, labels...); got != c.want {
			t.Errorf("%s moves by %v, want %v", c.name, got, c.want)
		}
		if got := samples(t, still, c.name, labels...); got != 0 {
			t.Errorf("%s does not stay still: %v", c.name, got)
		}
	}
}

func TestPageSaysThatTheGatewayMeasured(t *testing.T) {
	now := time.Unix(0, 0)
	m := New(Options{ModelName: "m", LogStats: true, Stages: threeStages, now: func() time.Time { return now }})
	if page := text(t, m); strings.Contains(page, metricsSourceInfo+"{") {
		t.Error("a source without a replica elsewhere")
	}
	m.Gateway(0, 1)
	m.Gateway(0, 2)
	page := text(t, m)
	for _, want := range []string{
		`limelight_engine_metrics_source_info{model_name="m",replica="1",source="gateway",stage="0"} 1`,
		`vllm:request_success_total{finished_reason="stop",model_name="m",replica="1",stage="0"} 0`,
		`vllm:time_to_first_token_seconds_count{model_name="m",replica="2",stage="0"} 0`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, never := range []string{"vllm:kv_cache_usage_perc{", "vllm:prompt_tokens_total{", "vllm:num_requests_running{"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %s, which nobody told", never)
		}
	}
	late := m.Gateway(0, 1).Begin(now)
	m.ReplicaLeft(0, 1)
	if page := text(t, m); !strings.Contains(page, `replica="1",source="gateway"`) {
		t.Error("the series of a replica that just left are there, and nothing says whose they are")
	}
	now = now.Add(retention)
	if page := text(t, m); strings.Contains(page, `replica="1",stage="0"`) || m.Gateway(0, 1) != nil {
		t.Error("series of a replica that left long ago")
	}
	late.Ended(Stop, TokenUsage{1, 2}, now)
	if page := text(t, m); strings.Contains(page, `replica="1",stage="0"`) {
		t.Error("a request that outlasted its replica's series made new ones")
	}
}

func TestWhatTheGatewayRecordedLeavesWhenTheEngineTellsItself(t *testing.T) {
	m := newOn()
	now := time.Now()
	under, done := m.Gateway(0, 1).Begin(now), m.Gateway(0, 1).Begin(now)
	done.Output(now)
	done.Ended(Stop, TokenUsage{1, 2}, now)
	m.Audio(0, 1)
	m.EndGateway(0, 1)
	m.EndGateway(0, 2) // there is none
	under.Ended(Stop, TokenUsage{1, 2}, now)
	page := text(t, m)
	for line := range strings.Lines(page) {
		if strings.Contains(line, `replica="1",stage="0"`) && strings.HasPrefix(line, "vllm:") && !strings.HasPrefix(line, DefaultOmniPrefix) {
			t.Errorf("still there: %s", line)
		}
	}
	if strings.Contains(page, `source="gateway"`) || !strings.Contains(page, `vllm:omni_audio_rtf_count{model_name="m",replica="1",stage="0"}`) ||
		!strings.Contains(page, `vllm:request_success_total{finished_reason="stop",model_name="m",replica="0",stage="0"}`) {
		t.Error("too little has left the page, or too much")
	}
}

func TestGatewayRecordingAllocatesNothing(t *testing.T) {
	on := newOn()
	for name, g := range map[string]*GatewayRecorder{"on": on.Gateway(0, 1), "off": New(Options{ModelName: "m"}).Gateway(0, 1)} {
		now := time.Now()
		if n := testing.AllocsPerRun(100, func() {
			q := g.Begin(now)
			q.Output(now)
			q.Output(now)
			q.Ended(Stop, TokenUsage{1, 2}, now)
			on.Gateway(0, 1)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	var m *Metrics
	if m.Gateway(0, 0) != nil {
		t.Error("a nil Metrics gave a recorder")
	}
}
