package dashboard

import (
	"math"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/objective"
)

var testGoals = objective.Default().Objectives

// of is a histogram of values with bounds at 0.1, 1 and 30.
func of(values ...float64) histogram {
	h := histogram{bounds: []float64{0.1, 1, 30}, counts: make([]float64, 4)}
	for _, v := range values {
		h.count++
		h.sum += v
		for i, b := range append(h.bounds[:3:3], math.Inf(1)) {
			if v <= b {
				h.counts[i]++
			}
		}
	}
	return h
}

// well is a pipeline of a talker and two replicas of code2wav that do well: ten
// requests of a second each.
func well() *measure {
	m := (&tracks{}).measure(false, 10)
	m.omni, m.engines, m.attributed = true, true, true
	m.running, m.waiting = 4, 0
	m.ends["stop"] = 10
	for range 10 {
		m.e2e.merge(of(1))
	}
	m.parts["admission"] = 1
	talker := m.replica(place{"0", "0"})
	talker.state, talker.queue, talker.work = "ready", 1, 2
	for _, id := range []string{"0", "1"} {
		r := m.replica(place{"1", id})
		r.state, r.speaks = "ready", true
		for range 5 {
			r.ttfp.merge(of(0.5))
			r.rtf.merge(of(0.5))
			r.underrun.merge(of(0))
			r.duration.merge(of(2))
		}
		r.hop, r.queue, r.work = 0.1, 0.5, 2.4
		e := m.edge(edge{place{"0", "0"}, place{"1", id}})
		e.size, e.fl = of(20, 20), of(0.05, 0.05)
	}
	return m
}

func TestHeadlineSaysWhatIsWrongAndWhy(t *testing.T) {
	stages := names{"0": "talker", "1": "code2wav"}
	sound := func(m *measure) *replicaMeasure { return m.replica(place{"1", "1"}) }
	for name, c := range map[string]struct {
		change    func(*measure)
		level     Level
		text, why string
	}{
		"well": {func(*measure) {}, Fine, "All is well: every objective is met.", "1 requests a second, 4 running, 0 waiting."},
		"idle": {func(m *measure) { m.running = 0; clear(m.ends) }, Idle, "Nothing to do: no request came in the last minute.", "The charts below have what came before."},
		"no replica": {func(m *measure) { m.replica(place{"0", "0"}).state = "down" }, Bad,
			"No replica of talker is up: requests are refused.", "The stage has 1 replica; see why in its process's log."},
		"one of two is down": {func(m *measure) { sound(m).state = "down" }, Tight,
			"One is missing: replica 1/1 (code2wav) is down.", "The stage's other replicas carry on."},
		"gaps by the hop": {func(m *measure) { sound(m).underrun, sound(m).hop = of(0.5, 0.5, 0, 0), 20 }, Bad,
			"Listeners of replica 1/1 (code2wav) hear gaps: 50 % of them.", "Most of their time goes into the hop 0/0 → 1/1 (74.3 %)."},
		"gaps by the queue": {func(m *measure) { sound(m).underrun, sound(m).queue = of(0.5), 30 }, Bad,
			"Listeners of replica 1/1 (code2wav) hear gaps: 100 % of them.", "Most of their time goes into the queue of code2wav (82.2 %)."},
		"gaps by clients": {func(m *measure) { r := sound(m); r.underrun, r.underruns, r.slowClients = of(0.5), 1, 1 }, Bad,
			"Listeners of replica 1/1 (code2wav) hear gaps: 100 % of them.", "Their clients take the sound too slowly: it was there in time."},
		"gaps, on a page without parts": {func(m *measure) {
			m.attributed, m.parts = false, nil
			for _, r := range m.replicas {
				r.hop, r.queue, r.work = 0, 0, 0
			}
			sound(m).underrun = of(0.5)
			m.edge(edge{place{"0", "0"}, place{"1", "1"}}).fl = of(3, 2)
		}, Bad, "Listeners of replica 1/1 (code2wav) hear gaps: 100 % of them.", "The hop 0/0 → 1/1 is slow: 2.5 s for one crossing."},
		"failures": {func(m *measure) {
			m.ends["error"] = 10
			m.failures[failure{"1", "lost"}], m.failures[failure{"0", "timeout"}] = 7, 3
		}, Bad, "50 % of requests fail.", "7 at code2wav: its process, or the way to it, was lost."},
		"refusals": {func(m *measure) { m.refused["queue_full"], m.refused["bad_request"] = 30, 99 }, Bad,
			"75 % of requests are refused for want of room.", "In the last minute: 30 queue full."},
		"aborts are nobody's fault": {func(m *measure) { m.ends["abort"] = 90 }, Fine, "All is well: every objective is met.", "10 requests a second, 4 running, 0 waiting."},
		"late": {func(m *measure) { sound(m).ttfp, m.parts["admission"] = of(2, 2, 2, 2, 2), 40 }, Bad,
			"First sound comes late: 50 % of listeners wait more than 1 s.", "Most of their time goes into the queue in front of the pipeline (87 %)."},
		"slow": {func(m *measure) { sound(m).rtf = of(0.5, 1.5) }, Bad,
			"Sound is made slower than it plays for 14.3 % of requests, most at replica 1/1 (code2wav).", "The largest part of their time goes into the work of code2wav (34.3 %), then the work of talker (28.6 %)."},
		"two things": {func(m *measure) { m.ends["error"] = 10; sound(m).rtf = of(2) }, Bad,
			"50 % of requests fail.", "The page does not say which stage failed. Besides: Sound is made slower than it plays for 16.7 % of requests, most at replica 1/1 (code2wav)."},
		"silent": {func(m *measure) { sound(m).silent = 2 }, Bad,
			"Nothing can be heard of 2 of 5 answers of replica 1/1 (code2wav).", "Their peak is below -60 dBFS."},
		"skipped": {func(m *measure) { sound(m).skipped = 5 }, Tight,
			"50 % of answers of replica 1/1 (code2wav) have no sound.", "They were to have some: vllm:omni_audio_skipped_requests_total says why."},
		"queue": {func(m *measure) { m.waiting = 9 }, Tight, "Requests queue up: 9 wait while 4 run.",
			"The first stage has no place free: more replicas of it, or more --max-num-seqs, take more at a time."},
		"memory": {func(m *measure) { r := m.replica(place{"0", "0"}); r.kv, r.preempted = 0.99, 3 }, Tight,
			"The KV cache of replica 0/0 (talker) is full: 3 preemptions.", "What is preempted is computed again: more --kv-cache-memory-bytes, or another replica."},
	} {
		m := well()
		c.change(m)
		got := m.headline(testGoals, stages)
		if named := strings.Contains(c.text, "replica 1/1"); named && c.level == Bad && got.About != "1/1" && sound(m).silent == 0 {
			t.Errorf("%s: it is about %q", name, got.About)
		}
		if got.About = ""; got != (Headline{Level: c.level, Text: c.text, Why: c.why}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestLevelsFollowTheBudget(t *testing.T) {
	for good, want := range map[float64]Level{1: Fine, 0.99: Fine, 0.98: Tight, 0.94: Tight, 0.93: Bad, 0: Bad, math.NaN(): Idle} {
		if got := judge(good, 0.99); got != want {
			t.Errorf("%v good of 99 %%: %s", good, got)
		}
	}
	if worse(Fine, Tight) != Tight || worse(Bad, Idle) != Bad || worse(Idle, Fine) != Fine {
		t.Error("levels are not in order")
	}
}

func TestHopIsColouredByItsShareOfRequestsTime(t *testing.T) {
	m := well()
	for id, share := range map[string]float64{"0": 0.05, "1": 0.15} { // five requests of a second each
		r := m.replica(place{"1", id})
		r.hops, r.hop = 5, 5*share
	}
	_, hops := m.picture(testGoals, names{})
	if len(hops) != 2 || hops[0].Level != Fine || hops[1].Level != Tight || *hops[1].Share != 0.15 {
		t.Errorf("%+v", hops)
	}
	m.replica(place{"1", "1"}).hop = 1.5
	if _, hops = m.picture(testGoals, names{}); hops[1].Level != Bad || hops[1].Why != "30 % of requests' time goes into it" {
		t.Errorf("%+v", hops[1])
	}
	m.attributed = false
	m.edge(edge{place{"0", "0"}, place{"1", "0"}}).fl = of(0.4, 0.4)
	if _, hops = m.picture(testGoals, names{}); hops[0].Level != Bad || hops[0].Why != "400 ms for one crossing" || hops[1].Level != Fine || hops[1].Share != nil {
		t.Errorf("%+v", hops)
	}
}

func TestReplicaTellsWhyItIsNotFine(t *testing.T) {
	m := well()
	r := m.replica(place{"1", "1"})
	r.underrun, r.retries, r.state = of(0.5, 0), 2, "down"
	stages, _ := m.picture(testGoals, names{"1": "code2wav"})
	got := stages[1].Replicas[1]
	want := "it is down and gets nothing new; Continuity: 50 %, objective 99.5 % without a gap over 100 ms; 2 requests moved on to another replica"
	if got.Level != Bad || got.Why != want || *got.Continuity != 0.5 || stages[1].Replicas[0].Level != Fine {
		t.Errorf("%s: %s", got.Level, got.Why)
	}
}
