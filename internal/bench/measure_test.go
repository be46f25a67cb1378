package bench

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/audio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeClock moves only when a test says so.
type fakeClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func (c *fakeClock) until(_ <-chan struct{}, t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.t) {
		c.t = t
	}
}

// piece is what a server sends, so long after what came before.
type piece struct {
	after time.Duration
	data  string
}

// timed gives one piece a Read and moves the clock before it.
type timed struct {
	clock  *fakeClock
	pieces []piece
}

func (r *timed) Read(p []byte) (int, error) {
	if len(r.pieces) == 0 {
		return 0, io.EOF
	}
	next := r.pieces[0]
	r.pieces = r.pieces[1:]
	r.clock.advance(next.after)
	return copy(p, next.data), nil
}

const ms = time.Millisecond

func text(s string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}],\"modality\":\"text\"}\n\n", s)
}

// sound is an audio delta of so much sound at 1000 samples a second.
func sound(d time.Duration, level float32) string {
	samples := make([]float32, d/ms)
	for i := range samples {
		samples[i] = level
	}
	wav := base64.StdEncoding.EncodeToString(audio.AppendWAV(nil, 1000, samples))
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}],\"modality\":\"audio\"}\n\n", wav)
}

const end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n"

// trace plays a stream on a fake clock. The client was late by that much.
func trace(t *testing.T, late time.Duration, pieces ...piece) Trace {
	t.Helper()
	clock := &fakeClock{t: time.Unix(1000, 0)}
	o := &Options{Backend: ChatOmni, Stream: true, clock: clock}
	tr := &tracer{c: &client{o: o}, start: clock.now().Add(-late), t: Trace{Streamed: true, WantsAudio: true}}
	tr.t.Sent = tr.elapsed()
	err := tr.events(&timed{clock: clock, pieces: pieces})
	tr.t.End = tr.elapsed()
	tr.judge(err)
	return tr.t
}

func TestMeasuresAreTheHandComputedOnes(t *testing.T) {
	got := measure(trace(t, 50*ms,
		piece{100 * ms, text("a")}, // 150
		piece{20 * ms, text("b")},  // 170
		piece{30 * ms, sound(0, 0)},
		piece{50 * ms, sound(200*ms, 0.5)},   // 250: plays to 450
		piece{300 * ms, sound(100*ms, -0.5)}, // 550: 100 late; the player's clock is at 300, 200 have come
		piece{10 * ms, text("c")},            // 560
		piece{240 * ms, sound(200*ms, 0.25)}, // 800: its clock is at 550, 300 have come: 250 late
		piece{200 * ms, end},                 // 1000
	), 100*ms)
	want := map[string]float64{
		"e2el": 1000, "ttft": 150, "tpot": (560 - 150) / 2.0,
		"audio_ttfp": 250, "audio_duration": 0.5, "audio_rtf": 0.8 / 0.5, "audio_stream_rtf": 0.55 / 0.5, "audio_underrun": 0.25,
	}
	if diff := cmp.Diff(want, got.measures, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{20, 390}, got.gaps()); diff != "" {
		t.Errorf("inter-token latencies: %s", diff)
	}
	if got.Continuous || got.Outcome != OK || got.Sent != 50*ms || got.Peak < 0.49 || got.Output != 3 || got.Frames() != 500 {
		t.Errorf("%+v", got.Trace)
	}
}

func TestLagOfExactlyTheThresholdIsContinuous(t *testing.T) {
	late := measure(trace(t, 0, piece{0, sound(100*ms, 1)}, piece{200 * ms, sound(100*ms, 1)}, piece{0, end}), 100*ms)
	if v, _ := late.Measure("audio_underrun"); v != 0.1 || !late.Continuous {
		t.Errorf("%v, %v", v, late.Continuous)
	}
}

func TestRepliesThatDoNotSoundAreFailures(t *testing.T) {
	for name, c := range map[string]struct {
		pieces   []piece
		says     string
		complete bool
	}{
		"empty":    {[]piece{{0, text("a")}, {0, end}}, "empty audio", true},
		"silent":   {[]piece{{0, sound(100*ms, 0)}, {0, end}}, "silent audio", true},
		"cut off":  {[]piece{{0, sound(100*ms, 1)}}, "unexpected EOF", false},
		"an error": {[]piece{{0, sound(100*ms, 1)}, {0, "data: {\"error\":{\"message\":\"stage died\"}}\n\n"}}, "stage died", false},
	} {
		if got := trace(t, 0, c.pieces...); got.Outcome != Failed || !strings.Contains(got.Err, c.says) || got.Complete != c.complete {
			t.Errorf("%s: %s %q, complete %v", name, got.Outcome, got.Err, got.Complete)
		}
	}
}

func TestPercentilesInterpolateAsNumpy(t *testing.T) {
	s := newStatistics([]float64{4, 1, 3, 2})
	for p, want := range map[float64]float64{0: 1, 25: 1.75, 50: 2.5, 90: 3.7, 100: 4} {
		if got := s.Percentile(p); math.Abs(got-want) > 1e-12 {
			t.Errorf("p%v: %v, want %v", p, got, want)
		}
	}
	if s.Mean != 2.5 || math.Abs(s.Std-math.Sqrt(1.25)) > 1e-12 {
		t.Errorf("%+v", s)
	}
	if none := newStatistics(nil); none.Percentile(50) != 0 {
		t.Error("no values have a percentile")
	}
}

func TestTotalsAndGoodput(t *testing.T) {
	record := func(start, end time.Duration, ttfp float64, outcome Outcome) *Record {
		return &Record{Trace: Trace{Start: start, End: end, Outcome: outcome, Output: 10, Err: "why"}, measures: map[string]float64{"audio_ttfp": ttfp, "audio_underrun": 0}}
	}
	r := &Result{
		Options: Options{Goodput: map[string]float64{"audio_ttfp": 300, "ttft": 1}}, Duration: 4 * time.Second,
		Records: []*Record{
			record(0, 2*time.Second, 200, OK), record(time.Second, time.Second, 400, OK),
			record(2*time.Second, time.Second, 300, OK), record(0, 0, 0, Failed), record(0, 0, 0, Aborted),
		},
	}
	got := r.Totals()
	if got.OK != 3 || got.Failed != 1 || got.Aborted != 1 || got.Good != 2 || got.Goodput != 0.5 || got.Output != 30 || got.PeakConcurrency != 2 || got.Failures["why"] != 1 {
		t.Errorf("%+v", got)
	}
}

func TestOpenLoopKeepsItsRateAndItsRamp(t *testing.T) {
	for _, burstiness := range []float64{0.5, 1, 4} {
		s := newSchedule(&Options{RequestRate: 100, Burstiness: burstiness, Seed: 7})
		var last time.Duration
		const n = 20000
		for range n {
			last = s.next()
		}
		if rate := n / last.Seconds(); rate < 97 || rate > 103 {
			t.Errorf("burstiness %v: %v requests a second", burstiness, rate)
		}
	}
	s := newSchedule(&Options{RequestRate: 100, Burstiness: 1e9, RampUp: 10 * time.Second})
	for i := range 1000 {
		at := s.next().Seconds()
		want := math.Sqrt(0.2 * float64(i)) // rate*t*t/(2*ramp) starts by t
		if i >= 500 {
			want = 10 + float64(i-500)/100
		}
		if math.Abs(at-want) > 0.01 {
			t.Fatalf("start %d at %v, want %v", i, at, want)
		}
	}
}

func TestLatencyCountsFromTheIntendedStart(t *testing.T) {
	clock := &fakeClock{t: time.Unix(1000, 0)}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		clock.advance(300 * ms)
		fmt.Fprint(w, `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"completion_tokens":1}}`)
	}))
	defer web.Close()
	o := Options{BaseURL: web.URL, Backend: Chat, Prompts: []Prompt{{Text: "x"}}, Model: "m", clock: clock}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	c := newClient(&o)
	defer c.http.CloseIdleConnections()
	r := measure(c.do(t.Context(), o.Prompts[0], clock.now().Add(-500*ms), false), o.Continuity)
	if v, _ := r.Measure("e2el"); v != 800 || r.Sent != 500*ms {
		t.Errorf("e2el %v, sent %v late: %+v", v, r.Sent, r.Trace)
	}
}

func TestRunStartsEveryPromptOnceAndBoundsItsConcurrency(t *testing.T) {
	for name, o := range map[string]Options{
		"closed": {NumPrompts: 40, MaxConcurrency: 4},
		"burst":  {NumPrompts: 40},
		"open":   {NumPrompts: 40, MaxConcurrency: 4, RequestRate: 1000},
	} {
		var mu sync.Mutex
		under, most, seen := 0, 0, map[string]int{}
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			under++
			most = max(most, under)
			seen[string(body)]++
			under--
			mu.Unlock()
			fmt.Fprint(w, `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}`)
		}))
		o.BaseURL, o.Backend, o.Model, o.Prompts = web.URL, Chat, "m", Random(RandomOptions{N: 40, InputLen: 8, Seed: 1})
		o.clock = &fakeClock{t: time.Unix(1000, 0)}
		r, err := Run(t.Context(), o)
		web.Close()
		if err != nil || len(r.Records) != 40 || len(seen) != 40 || o.MaxConcurrency > 0 && most > o.MaxConcurrency {
			t.Errorf("%s: %d records, %d prompts, %d at once, %v", name, len(r.Records), len(seen), most, err)
		}
	}
}

func TestWrongOptionsAreNamed(t *testing.T) {
	good := func() Options { return Options{BaseURL: "http://x", Prompts: []Prompt{{Text: "x"}}} }
	for says, change := range map[string]func(*Options){
		"backend":      func(o *Options) { o.Backend = "grpc" },
		"base-url":     func(o *Options) { o.BaseURL = "" },
		"dataset":      func(o *Options) { o.Prompts = nil },
		"request-rate": func(o *Options) { o.RequestRate = -1 },
		"burstiness":   func(o *Options) { o.Burstiness = -1 },
		"duration":     func(o *Options) { o.Duration = time.Second },
		"goodput":      func(o *Options) { o.Goodput = map[string]float64{"speed": 1} },
	} {
		o := good()
		change(&o)
		if _, err := Run(context.Background(), o); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestDatasets(t *testing.T) {
	got, err := ShareGPT(strings.NewReader(`[{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"one"},{"from":"human","value":"two"}]},{"conversations":[]}]`))
	if diff := cmp.Diff([]Prompt{{Text: "one"}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	got, err = Custom(strings.NewReader("{\"prompt\":\"one\",\"output_tokens\":5}\n\n{\"messages\":[]}\n"))
	if diff := cmp.Diff([]Prompt{{Text: "one", OutputTokens: 5}, {Messages: []byte("[]")}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for line, says := range map[string]string{`{"promt":"x"}`: "line 1", `{}`: "line 1", ``: "holds no line"} {
		if _, err := Custom(strings.NewReader(line)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", line, err)
		}
	}
}
