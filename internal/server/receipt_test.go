package server

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/stage"
)

// timings reads a Server-Timing header, and asks that its parts are its total.
func timings(t *testing.T, header string) (names []string) {
	t.Helper()
	var sum, total float64
	for metric := range strings.SplitSeq(header, ", ") {
		name, text, _ := strings.Cut(metric, ";dur=")
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || v < 0 {
			t.Errorf("metric %q of %q", metric, header)
		}
		if name == "total" {
			total = v
			continue
		}
		names = append(names, name)
		sum += v
	}
	if total <= 0 || math.Abs(sum-total) > 0.001*float64(len(names)) { // each is rounded
		t.Errorf("the parts add up to %v ms of %v: %s", sum, total, header)
	}
	return names
}

var (
	textParts   = []string{"receive", "admission", "thinker-queue", "thinker-work", "encode", "write", "residual"}
	speechParts = []string{"receive", "admission", "talker-queue", "talker-work", "code2wav-hop", "code2wav-queue", "code2wav-work", "encode", "write", "residual"}
	audioParts  = []string{
		"receive", "admission", "thinker-queue", "thinker-work", "talker-hop", "talker-queue", "talker-work",
		"code2wav-hop", "code2wav-queue", "code2wav-work", "encode", "write", "residual",
	}
)

func TestWholeRepliesCarryTheirReceipt(t *testing.T) {
	h := serve(t, pipeline.Options{})
	for _, c := range []struct {
		path, body string
		want       []string
	}{
		{"/v1/chat/completions", `{` + hello + `}`, textParts},
		{"/v1/chat/completions", `{"modalities":["text","audio"],"seed":3,` + hello + `}`, audioParts},
		{"/v1/chat/completions", `{"audio":{"format":"wav"},"seed":3,` + hello + `}`, audioParts},
		{"/v1/completions", `{"prompt":["the time","we"]}`, textParts},
		{"/v1/audio/speech", `{"input":"we can hear it"}`, speechParts},
	} {
		r, _ := h.exchange(c.path, c.body)
		if got := timings(t, r.Header.Get("Server-Timing")); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %v, want %v", c.path, c.body, got, c.want)
		}
	}
	for _, body := range []string{`{`, `{"stream":true,` + hello + `}`} {
		if r, _ := h.exchange("/v1/chat/completions", body); r.Header.Get("Server-Timing") != "" {
			t.Errorf("%s: a receipt before the work was done: %s", body, r.Header.Get("Server-Timing"))
		}
	}
}

func TestStreamsCarryTheirReceiptWhenAsked(t *testing.T) {
	h := serve(t, pipeline.Options{})
	for _, c := range []struct {
		path, body string
		want       []string
	}{
		{"/v1/chat/completions", `{"stream":true,` + hello + `}`, textParts},
		{"/v1/chat/completions", `{"stream":true,"modalities":["text","audio"],"seed":3,` + hello + `}`, audioParts},
		{"/v1/chat/completions", `{"stream":true,"audio":{},"seed":3,` + hello + `}`, audioParts},
		{"/v1/completions", `{"stream":true,"prompt":"the time"}`, textParts},
	} {
		for query, comments := range map[string]int{"": 0, "?debug=false": 0, "?debug=true": 1} {
			_, data := h.exchange(c.path+query, c.body)
			n := 0
			for line := range strings.Lines(string(data)) {
				if comment, ok := strings.CutPrefix(strings.TrimSpace(line), ": "); ok {
					n++
					if got := timings(t, comment); !slices.Equal(got, c.want) {
						t.Errorf("%s: %v, want %v", c.body, got, c.want)
					}
				}
			}
			if n != comments || !strings.HasSuffix(string(data), "data: [DONE]\n\n") {
				t.Errorf("%s%s %s: %d comments, want %d", c.path, query, c.body, n, comments)
			}
		}
	}
	for query, want := range map[string][]string{"": nil, "?debug=true": speechParts} {
		r, _ := h.exchange("/v1/audio/speech"+query, `{"stream":true,"response_format":"pcm","input":"we can hear it"}`)
		header := r.Trailer.Get("Server-Timing")
		if header == "" != (want == nil) || want != nil && !slices.Equal(timings(t, header), want) {
			t.Errorf("speech%s: trailer %q", query, header)
		}
	}
	if r, data := h.exchange("/v1/completions?debug=maybe", `{"prompt":"the time"}`); r.StatusCode != 400 || !strings.Contains(string(data), `"param":"debug"`) {
		t.Errorf("%d: %s", r.StatusCode, data)
	}
}

func TestReceiptOfAStreamIsBehindTheKey(t *testing.T) {
	s := configured(t, Options{Keys: []string{"right"}})
	for auth, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer right": 200} {
		r := httptest.NewRequest("POST", "/v1/chat/completions?debug=true", strings.NewReader(`{"stream":true,`+hello+`}`))
		r.Header.Set("Authorization", auth)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != want || strings.Contains(w.Body.String(), "residual;dur=") != (want == 200) {
			t.Errorf("with %q: %d: %s", auth, w.Code, w.Body)
		}
	}
}

func TestOfficialClientTakesNoNoticeOfAReceipt(t *testing.T) {
	h := serve(t, pipeline.Options{})
	client := h.official()
	read := func(options ...option.RequestOption) (events int) {
		each(t, client.Chat.Completions.NewStreaming(t.Context(), conversation(), options...), func(openai.ChatCompletionChunk) { events++ })
		return events
	}
	if plain, debug := read(), read(option.WithQuery("debug", "true")); plain == 0 || plain != debug {
		t.Errorf("%d events, with a receipt %d", plain, debug)
	}
}

func TestLogLineHasTheReceipt(t *testing.T) {
	line, _ := logged(t, "POST", "/v1/chat/completions", `{"stream":true,"modalities":["text","audio"],`+hello+`}`)
	receipt, _ := line["receipt"].(map[string]any)
	sum := 0.0
	for _, name := range audioParts {
		took, ok := receipt[strings.ReplaceAll(name, "-", "_")].(float64)
		if !ok {
			t.Errorf("%s is missing of %v", name, receipt)
		}
		sum += took
	}
	if e2e := line["e2e"].(float64); len(receipt) != len(audioParts) || math.Abs(sum-e2e) > 1e3*float64(len(receipt)) {
		t.Errorf("the parts add up to %v of %v: %v", time.Duration(sum), time.Duration(e2e), receipt)
	}
	if peak, rms := line["peak"].(float64), line["rms"].(float64); peak <= rms || rms <= 0 || line["silent"] != nil || line["level"] != "INFO" {
		t.Errorf("peak %v, rms %v, silent %v, %v", peak, rms, line["silent"], line["level"])
	}
}

// mutes is a code2wav that gives a sample of nothing for each code.
type mutes struct{ work chan struct{} }

func (m mutes) Start(engine.Request) (engine.Stream, error) {
	wake := make(chan struct{}, 1)
	x := engine.NewExchange(8, 8, func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	m.work <- struct{}{}
	go func() {
		defer func() { <-m.work }()
		for !x.Aborted() {
			p, ok, last := engine.Payload(nil), false, false
			if x.Room() {
				p, ok, last = x.Take()
			}
			switch {
			case ok:
				x.Put(engine.Output{Payload: &engine.Audio{Samples: make([]float32, len(p.(*engine.Frames).Codes)), Rate: 24000}})
			case last:
				x.Put(engine.Output{Finish: engine.FinishStop})
				x.End(nil)
				return
			default:
				<-wake
			}
		}
		x.End(engine.ErrAborted)
	}()
	return x, nil
}

func (m mutes) Close() error {
	for range cap(m.work) {
		m.work <- struct{}{} // every request has ended
	}
	return nil
}

func TestSilentSoundIsNoSuccess(t *testing.T) {
	p, err := pipeline.New(pipeline.Options{LogStats: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	stages := slices.Clone(p.Orchestrator.Stages())
	stages[2].Pool = stage.NewPool(2, "code2wav", 4, nil, mutes{make(chan struct{}, 4)})
	var log bytes.Buffer
	s := New(Options{
		Orchestrator: orchestrator.New(orchestrator.Options{
			Stages: stages, Connectors: []connector.Connector{connector.NewInProcess(0), connector.NewInProcess(0)}, Metrics: p.Metrics,
		}),
		Model: p.Frontend, Metrics: p.Metrics, Log: slog.New(slog.NewJSONHandler(&log, nil)),
	})
	t.Cleanup(func() {
		if err := s.orch.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	// Every reply has something to speak, and sound.
	const spoken = `"ignore_eos":true,"max_tokens":8,"sampling_params_list":[{},{"ignore_eos":true,"max_tokens":8},{}],` + hello
	const replica = `{model_name="limelight-tiny",replica="0",stage="2"}`
	for i, c := range []struct{ path, body string }{
		{"/v1/audio/speech", `{"input":"we can hear it","seed":3,"response_format":"wav"}`},
		{"/v1/audio/speech", `{"input":"we can hear it","seed":3,"response_format":"pcm","stream":true}`},
		{"/v1/chat/completions", `{"modalities":["text","audio"],` + spoken + `}`},
		{"/v1/chat/completions", `{"modalities":["text","audio"],"stream":true,` + spoken + `}`},
		{"/v1/chat/completions", `{"audio":{"format":"pcm16"},"stream":true,` + spoken + `}`},
		{"/v1/chat/completions", `{"audio":{"format":"wav"},` + spoken + `}`},
	} {
		log.Reset()
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("POST", c.path, strings.NewReader(c.body)))
		var line map[string]any
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d, %v: %s", w.Code, err, log.String())
		}
		if line["silent"] != true || line["level"] != "WARN" || line["peak"] != 0.0 || line["audio_frames"] == nil {
			t.Errorf("%s %s: %v", c.path, c.body, line)
		}
		page := httptest.NewRecorder()
		s.metrics.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
		text, _ := io.ReadAll(page.Body)
		if want := "limelight_audio_silent_requests_total" + replica + " " + strconv.Itoa(i+1) + "\n"; !strings.Contains(string(text), want) {
			t.Errorf("%s %s: the page lacks %s", c.path, c.body, want)
		}
	}
}
