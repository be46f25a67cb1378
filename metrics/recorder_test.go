package metrics

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// moves names each family's proof: the outcome that moves it and the one that
// does not.
func TestFamiliesMoveAndStayStill(t *testing.T) {
	const ms = time.Millisecond
	running := func(n, waiting int) func(*Metrics) {
		return func(m *Metrics) { m.ObserveRequests(func() (int, []int) { return n, []int{0, waiting} }) }
	}
	ended := func(r FinishedReason) func(*Metrics) {
		return func(m *Metrics) { m.Requests().Ended(r, 500*ms, "r") }
	}
	audio := func(f func(*AudioRecorder)) func(*Metrics) {
		return func(m *Metrics) { f(m.Audio(2, 0)) }
	}
	finished := audio(func(a *AudioRecorder) { a.Finished(24000, 24000, 500*ms) })
	skipped := audio(func(a *AudioRecorder) { a.Skipped(NoAudioData) })
	hop := func(m *Metrics) { m.Transfer(0, 0, 1, 0).Hop(4096, ms, ms, ms) }
	request := func(m *Metrics) { m.HTTP().Route("/v1/models").Observe("GET", 200, 5, 7, ms) }
	nothing := func(*Metrics) {}
	refused := func(r RefusalReason) func(*Metrics) { return func(m *Metrics) { m.Refusals().Refused(r) } }
	failed := func(c FailureCause) func(*Metrics) { return func(m *Metrics) { m.Stage(1).Failed(c) } }
	wasted := func(stage int, r FinishedReason, tokens int, audio float64) func(*Metrics) {
		return func(m *Metrics) { m.Stage(stage).Wasted(r, tokens, audio) }
	}
	expire := func(p ExpiredPart) func(*Metrics) { return func(m *Metrics) { m.Requests().Expired(p) } }
	spent := func(m *Metrics) { m.Attribution().Spent(RequestTimes{Write: ms}) }
	work := func(entry bool) func(*Metrics) {
		return func(m *Metrics) { m.Replica(1, 0).Spent(StageTimes{Work: ms}, entry) }
	}
	retried := func(stage, id int) func(*Metrics) { return func(m *Metrics) { m.Attempts(stage, id).Retried() } }
	ejected := func(stage, id int) func(*Metrics) { return func(m *Metrics) { m.Attempts(stage, id).Ejected() } }
	states := func(s ReplicaState) func(*Metrics) {
		return func(m *Metrics) { m.ObserveReplicas(replicas(s)) }
	}
	configured := func(m *Metrics) { m.ConfigureCache(1, 0, CacheConfig{BlockSize: 16}) }
	const goodPage = "vllm:x 1\n"
	scraped := func(page string) func(*Metrics) { return func(m *Metrics) { elsewhere(t, m, page) } }
	conflicting := func(kind string) func(*Metrics) {
		return func(m *Metrics) {
			elsewhere(t, m, "# TYPE limelight_build_info "+kind+"\nlimelight_build_info 1\n")
			text(t, m) // a conflict shows on the page after the one that it was on
		}
	}
	for _, c := range []struct {
		name          string
		moving, still string
		move, stay    func(*Metrics)
		want, base    float64
		labels        []string
	}{
		{numRequestsRunning, "dispatched", "waiting", running(2, 0), running(0, 5), 2, 0, nil},
		{numRequestsWaiting, "admitted", "dispatched", running(0, 5), running(2, 0), 5, 0, nil},
		{requestsSuccess, "stop", "refused", ended(Stop), nothing, 1, 0, []string{"finished_reason=stop"}},
		{requestsSuccess, "length", "stop", ended(Length), ended(Stop), 1, 0, []string{"finished_reason=length"}},
		{requestsSuccess, "aborted", "stop", ended(Abort), ended(Stop), 1, 0, []string{"finished_reason=abort"}},
		{requestsSuccess, "failed", "stop", ended(Error), ended(Stop), 1, 0, []string{"finished_reason=error"}},
		{requestsSuccess, "repetition", "stop", ended(Repetition), ended(Stop), 1, 0, []string{"finished_reason=repetition"}},
		{requestsSuccess, "a reason nobody knows is an error", "stop", ended("odd"), ended(Stop), 1, 0, []string{"finished_reason=error"}},
		{e2eRequestLatency, "stop", "aborted", ended(Stop), ended(Abort), 1, 0, nil},
		{e2eRequestLatency, "length", "failed", ended(Length), ended(Error), 1, 0, nil},
		{audioTTFP, "streamed", "not streamed", audio(func(a *AudioRecorder) { a.FirstPacket(ms, "r") }), finished, 1, 0, nil},
		{audioDuration, "natural end", "silent", finished, skipped, 1, 0, nil},
		{audioRTF, "natural end", "silent", finished, skipped, 1, 0, nil},
		{audioFrames, "natural end", "silent", finished, skipped, 24000, 0, nil},
		{audioFrames, "natural end", "no rate: nothing rather than half", finished, audio(func(a *AudioRecorder) { a.Finished(10, 0, ms) }), 24000, 0, nil},
		{audioUnderrun, "streamed", "not streamed", audio(func(a *AudioRecorder) { a.Played(0, LateProduction) }), finished, 1, 0, nil},
		{audioContinuityOK, "at the threshold", "above it", audio(func(a *AudioRecorder) { a.Played(100*ms, LateProduction) }), audio(func(a *AudioRecorder) { a.Played(101*ms, LateProduction) }), 1, 0, []string{"threshold_ms=100"}},
		{audioSkipped, "no audio", "sound", skipped, finished, 1, 0, []string{"reason=no_audio_data"}},
		{audioSkipped, "malformed", "no audio", audio(func(a *AudioRecorder) { a.Skipped(MalformedCodec) }), skipped, 1, 0, []string{"reason=malformed_codec"}},
		{transferSize, "hop", "text only", hop, ended(Stop), 1, 0, []string{"from_stage=0", "to_stage=1"}},
		{transferTx, "hop", "text only", hop, ended(Stop), 1, 0, []string{"from_replica=0", "to_replica=0"}},
		{transferRx, "hop", "text only", hop, ended(Stop), 1, 0, nil},
		{transferInFlight, "hop", "text only", hop, ended(Stop), 1, 0, nil},
		{buildInfo, "always", "no event", nothing, useAll, 1, 1, []string{"version=devel"}},
		{requestsAdmitted, "admitted", "refused", func(m *Metrics) { m.Requests().Admitted() }, refused(QueueFull), 1, 0, nil},
		{requestsRefused, "queue full", "admitted", refused(QueueFull), func(m *Metrics) { m.Requests().Admitted() }, 1, 0, []string{"reason=queue_full"}},
		{requestsRefused, "unauthorized", "not found", refused(Unauthorized), refused(NotFound), 1, 0, []string{"reason=unauthorized"}},
		{requestsRefused, "a reason nobody knows is a bad request", "draining", refused("odd"), refused(Draining), 1, 0, []string{"reason=bad_request"}},
		{stageFailures, "timeout", "aborted", failed(CauseTimeout), ended(Abort), 1, 0, []string{"stage=1", "cause=timeout"}},
		{stageFailures, "a cause nobody knows is the engine", "rejected", failed("odd"), failed(CauseRejected), 1, 0, []string{"stage=1", "cause=engine"}},
		{requestsExpired, "waiting", "failed", expire(ExpiredAdmission), failed(CauseDeadline), 1, 0, []string{"part=admission"}},
		{requestsExpired, "a part nobody knows is the stages", "reply", expire("odd"), expire(ExpiredReply), 1, 0, []string{"part=stages"}},
		{wastedTokens, "aborted", "natural end", wasted(1, Abort, 7, 0), wasted(1, Stop, 7, 0), 7, 0, []string{"stage=1", "finished_reason=abort"}},
		{wastedTokens, "failed", "a stage without tokens", wasted(0, Error, 7, 0), wasted(2, Error, 7, 0), 7, 0, []string{"finished_reason=error"}},
		{wastedAudioSeconds, "aborted", "natural end", wasted(2, Abort, 0, 0.5), wasted(2, Length, 0, 0.5), 0.5, 0, []string{"stage=2", "finished_reason=abort"}},
		{wastedAudioSeconds, "failed", "a stage without sound", wasted(2, Error, 0, 0.5), wasted(1, Error, 0, 0.5), 0.5, 0, []string{"finished_reason=error"}},
		{replicaState, "a place taken", "places left", states(ReplicaFull), states(ReplicaReady), 1, 0, []string{"stage=1", "replica=0", "state=full"}},
		{replicaState, "places left", "a place taken", states(ReplicaReady), states(ReplicaFull), 1, 0, []string{"stage=1", "state=ready"}},
		{replicaRequests, "a request bound", "nothing bound", states(ReplicaFull), states(ReplicaReady), 4, 0, []string{"stage=1", "replica=0"}},
		{replicaPlaces, "up", "down", states(ReplicaReady), states(ReplicaDown), 4, 0, []string{"stage=1", "replica=0"}},
		{stageWaiting, "waits for the stage", "dispatched", running(0, 5), running(2, 0), 5, 0, []string{"stage=1"}},
		{cacheConfigInfo, "configured", "not configured", configured, nothing, 1, 0, []string{"stage=1", "block_size=16"}},
		{metricsSourceInfo, "a target", "none", scraped(goodPage), nothing, 1, 0, []string{"stage=0", "replica=1", "source=engine"}},
		{pageBytes, "a page", "none came", scraped(goodPage), scraped(""), 9, 0, []string{"stage=0", "replica=1"}},
		{pageSeries, "a page", "none came", scraped(goodPage), scraped(""), 1, 0, []string{"replica=1"}},
		{pageMalformed, "a line without a value", "a good page", scraped(goodPage + "vllm:y\n"), scraped(goodPage), 1, 0, []string{"replica=1"}},
		{pageMalformed, "a series twice", "a good page", scraped(goodPage + goodPage), scraped(goodPage), 1, 0, []string{"replica=1"}},
		{pageConflicts, "another type", "the same", conflicting("counter"), conflicting("gauge"), 1, 0, []string{"replica=1"}},
		{scrapeDuration, "a page", "no target", scraped(goodPage), nothing, 1, 0, []string{"replica=1"}},
		{scrapeDuration, "none came", "no target", scraped(""), nothing, 1, 0, []string{"replica=1"}},
		{scrapeFailures, "no answer", "a page", scraped(""), scraped(goodPage), 1, 0, []string{"replica=1", "reason=connect"}},
		{scrapeFailures, "a web page", "a page", scraped("<html>\n"), scraped(goodPage), 1, 0, []string{"reason=not_text"}},
		{requestPart, "natural end, a part of 0 too", "refused", spent, refused(QueueFull), 1, 0, []string{"part=encode"}},
		{requestPart, "natural end", "the stage's share", spent, work(false), 4, 0, nil},
		{stagePart, "natural end", "another replica's", work(false), func(m *Metrics) { m.Replica(2, 1).Spent(StageTimes{}, false) }, 1, 0, []string{"stage=1", "replica=0", "part=work"}},
		{stagePart, "natural end", "where it began", work(false), work(true), 1, 0, []string{"part=hop"}},
		{requestResidual, "natural end", "the stage's share", spent, work(false), 1, 0, nil},
		{stageFirstOutput, "first output", "natural end", func(m *Metrics) { m.Replica(1, 0).FirstOutput(ms) }, work(false), 1, 0, []string{"stage=1", "replica=0"}},
		{stageRetries, "an attempt after the first", "an ejection", retried(2, 1), ejected(2, 1), 1, 0, []string{"stage=2", "replica=1"}},
		{stageRetries, "a server", "a replica in process", retried(2, 1), retried(1, 0), 1, 0, nil},
		{replicaEjections, "an ejection", "an attempt after the first", ejected(2, 1), retried(2, 1), 1, 0, []string{"stage=2", "replica=1"}},
		{replicaEjections, "an ejection", "another replica's", ejected(2, 1), ejected(2, 0), 1, 0, []string{"replica=1"}},
		{chunkInterval, "a second chunk", "the first one", audio(func(a *AudioRecorder) { a.ChunkInterval(ms) }), audio(func(a *AudioRecorder) { a.FirstPacket(ms, "r") }), 1, 0, []string{"stage=2"}},
		{audioUnderruns, "a gap", "no gap", audio(func(a *AudioRecorder) { a.Played(ms, SlowClient) }), audio(func(a *AudioRecorder) { a.Played(0, SlowClient) }), 1, 0, []string{"cause=slow_client"}},
		{audioUnderruns, "a cause nobody knows is late production", "slow client", audio(func(a *AudioRecorder) { a.Played(ms, "odd") }), audio(func(a *AudioRecorder) { a.Played(ms, SlowClient) }), 1, 0, []string{"cause=late_production"}},
		{audioSilent, "silence", "sound", audio(func(a *AudioRecorder) { a.Silent() }), finished, 1, 0, []string{"stage=2", "replica=0"}},
		{httpRequests, "2xx", "nothing", request, nothing, 1, 0, []string{"status=2xx", "method=GET", "handler=/v1/models"}},
		{httpRequests, "client gone is 4xx", "2xx", func(m *Metrics) { m.HTTP().Route("/x").Observe("POST", 0, 0, 0, ms) }, request, 1, 0, []string{"status=4xx"}},
		{httpRequestSize, "request", "nothing", request, nothing, 1, 0, nil},
		{httpResponseSize, "request", "nothing", request, nothing, 1, 0, nil},
		{httpDurationFine, "request", "nothing", request, nothing, 1, 0, nil},
		{httpDuration, "request", "nothing", request, nothing, 1, 0, nil},
	} {
		for _, try := range []struct {
			outcome string
			do      func(*Metrics)
			want    float64
		}{{"moves at: " + c.moving, c.move, c.want}, {"still at: " + c.still, c.stay, c.base}} {
			t.Run(c.name+"/"+try.outcome, func(t *testing.T) {
				m := newOn()
				try.do(m)
				if got := samples(t, m, c.name, c.labels...); got != try.want {
					t.Errorf("%v, want %v", got, try.want)
				}
			})
		}
	}
}

func TestEveryFamilyHasAProof(t *testing.T) {
	m := newOn()
	useAll(m)
	elsewhere(t, m, "vllm:x 1\n")
	page := parse(t, text(t, m))
	for _, f := range Families() {
		if !f.Foreign && len(page[f.Name].GetMetric()) == 0 {
			t.Errorf("%s has no sample after every kind of event", f.Name)
		}
		if f.Moves == "" || f.Still == "" || f.Help == "" || f.Present == "" || f.Unit == "" {
			t.Errorf("%s is not fully declared", f.Name)
		}
		if moves := len(f.At) > 0; !f.Foreign && f.Kind != Gauge && moves == (f.Constant != "") {
			t.Errorf("%s: outcomes %v move it, and it is constant, since %q", f.Name, f.At, f.Constant)
		}
	}
}

func TestRTFIsWallTimeOverDuration(t *testing.T) {
	m := newOn()
	m.Audio(2, 0).Finished(48000, 24000, 3*time.Second)
	for _, child := range parse(t, text(t, m))[audioRTF].GetMetric() {
		if h := child.GetHistogram(); h.GetSampleCount() > 0 && h.GetSampleSum() != 1.5 {
			t.Errorf("rtf %v, want 3 s over 2 s", h.GetSampleSum())
		}
	}
}

func TestFurtherContinuityThresholdsAreChildrenOfTheirOwn(t *testing.T) {
	m := New(Options{ModelName: "m", LogStats: true, Stages: threeStages, ContinuityThresholds: []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, time.Second}})
	m.Audio(2, 0).Played(200*time.Millisecond, LateProduction)
	m.Audio(2, 0).Played(70*time.Millisecond, LateProduction)
	for threshold, want := range map[string]float64{"50": 0, "100": 1, "1000": 2} {
		if got := samples(t, m, audioContinuityOK, "replica=0", "threshold_ms="+threshold); got != want {
			t.Errorf("%s ms: %v, want %v", threshold, got, want)
		}
	}
	if n := len(parse(t, text(t, m))[audioContinuityOK].GetMetric()); n != 2*3 {
		t.Errorf("%d children, want three thresholds at two replicas", n)
	}
}

func TestNegativeTimesOfAHopAreZero(t *testing.T) {
	m := newOn()
	m.Transfer(0, 0, 1, 0).Hop(1, -time.Second, -time.Second, -time.Second)
	for _, name := range []string{transferTx, transferRx, transferInFlight} {
		if sum := parse(t, text(t, m))[name].GetMetric()[0].GetHistogram().GetSampleSum(); sum != 0 {
			t.Errorf("%s: %v", name, sum)
		}
	}
}

func TestMethodsThatClientsInventShareOneChild(t *testing.T) {
	m := newOn()
	route := m.HTTP().Route(NoHandler)
	for i := range 1000 {
		route.Observe(fmt.Sprintf("M%d", i), 404, 0, 0, 0)
	}
	if n := len(parse(t, text(t, m))[httpRequests].GetMetric()); n != 1 {
		t.Errorf("%d children", n)
	}
	if n := samples(t, m, httpRequests, "method=other", "handler=none", "status=4xx"); n != 1000 {
		t.Errorf("%v requests", n)
	}
}

func TestNilRecordersAreSilent(t *testing.T) {
	var m *Metrics
	useAll(m)
	if m.Requests() != nil || m.Refusals() != nil || m.Stage(1) != nil || m.Audio(0, 0) != nil || m.Engine(0, 0) != nil || m.Attribution() != nil || m.Replica(0, 0) != nil || m.Attempts(2, 0) != nil || m.Attempts(2, 0) != nil || m.Transfer(0, 0, 1, 0) != nil {
		t.Error("a nil Metrics gave a recorder")
	}
}

func TestRecordingAllocatesNothing(t *testing.T) {
	on, native, off := newOn(), withNative(Options{}), New(Options{ModelName: "m", Stages: threeStages})
	useAll(on)
	useAll(native)
	for _, m := range []*Metrics{on, native, off} {
		refusals, work, parts, replica := m.Refusals(), m.Stage(1), m.Attribution(), m.Replica(1, 0)
		requests, audio, hops, route := m.Requests(), m.Audio(2, 1), m.Transfer(1, 0, 2, 1), m.HTTP().Route("/v1/models")
		route.Observe("GET", 200, 0, 0, 0)
		inner := m.Engine(1, 0)
		finished, gaps := FinishedRequest{Reason: Stop, Generated: 3, Choices: 1, MaxTokens: 4, Scheduled: time.Now(), FirstToken: time.Now()}, []time.Duration{1, 2}
		for name, f := range map[string]func(){
			"Ended":          func() { requests.Ended(Stop, time.Second, "r") },
			"Admitted":       func() { requests.Admitted() },
			"Refused":        func() { refusals.Refused(QueueFull) },
			"Failed":         func() { work.Failed(CauseHop) },
			"Wasted":         func() { work.Wasted(Abort, 1, 1) },
			"FirstPacket":    func() { audio.FirstPacket(time.Second, "r") },
			"Finished":       func() { audio.Finished(1, 24000, time.Second) },
			"Played":         func() { audio.Played(0, LateProduction) },
			"Skipped":        func() { audio.Skipped(NoAudioData) },
			"Hop":            func() { hops.Hop(1, 1, 1, 1) },
			"Audio":          func() { m.Audio(2, 1) },
			"Transfer":       func() { m.Transfer(1, 0, 2, 1) },
			"Engine":         func() { m.Engine(1, 0) },
			"Scheduled":      func() { inner.Scheduled(20, 16) },
			"FirstOutput":    func() { inner.FirstOutput(20, 16, time.Second) },
			"Output":         func() { inner.Output(12 * time.Millisecond) },
			"Preempted":      func() { inner.Preempted() },
			"Stepped":        func() { inner.Stepped(Step{1, 2, Estimate{3, 4, 5}}) },
			"EngineFinished": func() { inner.Finished(finished) },
			"BlockEvicted":   func() { inner.BlockEvicted(1, 2, gaps) },
			"Observe":        func() { route.Observe("GET", 200, 0, 0, 0) },
			"Spent":          func() { parts.Spent(RequestTimes{}); replica.Spent(StageTimes{}, false) },
			"Interval":       func() { audio.ChunkInterval(time.Second) },
			"Silent":         func() { audio.Silent() },
			"Replica":        func() { m.Replica(1, 0) },
			"Retried":        func() { m.Attempts(2, 1).Retried() },
			"FirstOfStage":   func() { replica.FirstOutput(time.Second) },
		} {
			if n := testing.AllocsPerRun(100, f); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
	}
}

func TestModelNameIsEscaped(t *testing.T) {
	m := New(Options{ModelName: "a\"b\\c\n", LogStats: true})
	if page := text(t, m); !strings.Contains(page, `{model_name="a\"b\\c\n"}`) {
		t.Error(page)
	}
}
