package server

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/stage"
)

// faults are the ways in which a server fails. Some happen before it said
// anything, and cost no request; the others end the requests it had.
var faults = map[string]struct {
	saved bool
	serve func(w http.ResponseWriter, r *http.Request, begin func())
}{
	"reset before a header": {true, func(http.ResponseWriter, *http.Request, func()) { panic(http.ErrAbortHandler) }},
	"overloaded":            {true, func(w http.ResponseWriter, _ *http.Request, _ func()) { w.WriteHeader(http.StatusServiceUnavailable) }},
	"stalled before a header": {true, func(_ http.ResponseWriter, r *http.Request, _ func()) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}},
	"reset in mid-stream": {false, func(_ http.ResponseWriter, _ *http.Request, begin func()) {
		begin()
		panic(http.ErrAbortHandler)
	}},
	"truncated": {false, func(w http.ResponseWriter, _ *http.Request, begin func()) { begin() }},
	"stalled in mid-stream": {false, func(_ http.ResponseWriter, r *http.Request, begin func()) {
		begin()
		<-r.Context().Done()
	}},
}

// trade is what a kind of server is asked and how it answers: it begins, and
// goes on to the end. A server that is asked for one thing has given nothing
// before it has given all, so that little of its failures is lost.
type trade struct {
	kind              remote.Kind
	path, ctype, body string
	begin, rest       func(w http.ResponseWriter)
	whole             func(answer string) bool // what a client got
	atOnce            bool
	samples           float64 // of a whole answer
}

const halfSound = 100 // samples

func pcm(w http.ResponseWriter) {
	w.Write(audio.AppendS16LE(nil, make([]float32, halfSound)))
	w.(http.Flusher).Flush()
}

func says(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		sends(w, `{"modality":"text","choices":[{"index":0,"delta":{"content":"%s"}}]}`, text)
	}
}

func done(w http.ResponseWriter) {
	sends(w, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
	sends(w, "[DONE]")
}

func has(part string) func(string) bool {
	return func(answer string) bool { return strings.Contains(answer, part) }
}

var trades = []trade{{
	kind: remote.Chat, path: "/v1/chat/completions", body: `{"stream":true,` + hello + `}`,
	begin: says("half"), whole: has("whole"),
	rest: func(w http.ResponseWriter) { says("whole")(w); done(w) },
}, {
	kind: remote.Omni, path: "/v1/chat/completions", body: `{"stream":true,"modalities":["text","audio"],` + hello + `}`,
	begin: says("half"), whole: has("whole"), samples: halfSound,
	rest: func(w http.ResponseWriter) {
		wav := append(audio.AppendWAVHeader(nil, 24000, 1, 2*halfSound), audio.AppendS16LE(nil, make([]float32, halfSound))...)
		sends(w, `{"modality":"audio","choices":[{"index":0,"delta":{"content":"%s"}}]}`, base64.StdEncoding.EncodeToString(wav))
		says("whole")(w)
		done(w)
	},
}, {
	kind: remote.Speech, path: "/v1/audio/speech", body: `{"stream":true,"input":"hello","response_format":"pcm"}`, samples: 2 * halfSound,
	begin: func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "audio/pcm")
		w.Header().Set("Content-Length", fmt.Sprint(4*halfSound))
		pcm(w)
	},
	rest: pcm, whole: func(answer string) bool { return len(answer) == 4*halfSound },
}, {
	kind: remote.Transcription, path: "/v1/audio/transcriptions", ctype: "multipart/form-data; boundary=b", atOnce: true,
	body:  "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--b--\r\n",
	begin: func(w http.ResponseWriter) { fmt.Fprint(w, `{"text":"half `); w.(http.Flusher).Flush() },
	rest:  func(w http.ResponseWriter) { fmt.Fprint(w, `and whole"}`) }, whole: has("half and whole"),
}}

// failing is a relay to three servers, of which the second one has a fault.
type failing struct {
	trade
	*host
	saved bool // the fault costs no request

	mu             sync.Mutex
	served, broken int
}

// Sixty-four requests to three servers of each kind, one of which fails in each
// way: what can be saved is, everything else ends once, and the page adds up.
func TestServersThatFailUnderLoad(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Only what stalls meets a bound: a busy machine is slow by itself.
			answer, silence := time.Minute, time.Minute
			switch name {
			case "stalled before a header":
				answer = 3 * time.Second
			case "stalled in mid-stream":
				silence = 4 * time.Second
			}
			var relays []*failing
			for _, of := range trades {
				good := func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body)
					of.begin(w)
					of.rest(w)
				}
				bad := fake(t, func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body)
					fault.serve(w, r, func() { of.begin(w) })
				})
				relays = append(relays, &failing{trade: of, saved: fault.saved || of.atOnce && name != "stalled in mid-stream", host: relayTo(t, pipeline.RelayOptions{
					Backends: backends(of.kind, fake(t, good), bad, fake(t, good)), ServedName: "x", HealthInterval: -1, Retries: 1, Policy: string(stage.RoundRobin),
					AnswerTimeout: answer, StageTimeout: silence, Ejection: stage.Ejection{Failures: math.MaxInt},
				})})
			}
			var all sync.WaitGroup
			for _, f := range relays {
				for range 64 {
					all.Go(f.ask)
				}
			}
			all.Wait()
			for _, f := range relays {
				t.Run(string(f.kind), f.audit)
			}
		})
	}
}

// ask sends a request and judges what comes.
func (f *failing) ask() {
	r, err := f.client.Post(f.url+f.path, cmp.Or(f.ctype, "application/json"), strings.NewReader(f.body))
	if err != nil {
		f.t.Error(err)
		return
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && r.StatusCode == 200 && f.whole(string(data)) {
		f.served++
	} else {
		f.broken++
	}
}

// audit holds the page against what the clients had.
func (f *failing) audit(t *testing.T) {
	if f.saved && f.broken != 0 || !f.saved && (f.broken == 0 || f.broken > 32) {
		t.Errorf("%d served, %d broken", f.served, f.broken)
	}
	page := settled(t, f.host)
	wants(t, page, map[string]float64{
		`vllm:omni_requests_success_total{finished_reason="stop"}`:  float64(f.served),
		`vllm:omni_requests_success_total{finished_reason="error"}`: float64(f.broken),
		"limelight_requests_admitted_total":                         64,
		"vllm:omni_num_requests_running":                            0,
		"vllm:omni_num_requests_waiting":                            0,
	})
	retries, frames := ofReplicas(page, "limelight_stage_retries_total", 0), ofReplicas(page, "vllm:omni_audio_frames_total", 0)
	if retries[0] != 0 || retries[2] != 0 || f.saved != (retries[1] > 0) {
		t.Errorf("requests that another server took over: %v", retries)
	}
	if got := frames[0] + frames[1] + frames[2]; got != f.samples*float64(f.served) {
		t.Errorf("%v samples of %d whole answers", got, f.served)
	}
}

// Bodies are read whole before a byte goes out, so that no server answers into
// the middle of one.
func TestNoStreamIsCutOfManyPostedAtOnce(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	url := fake(t, func(w http.ResponseWriter, r *http.Request) {
		for i := range 8 { // without a look at the body, as a server that streams at once
			sends(w, `{"choices":[{"index":0,"delta":{"content":"%d"}}]}`, i)
		}
		sends(w, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
		sends(w, "[DONE]")
	})
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, url), ServedName: "x", Retries: -1})
	body := fmt.Sprintf(`{"stream":true,"messages":[{"role":"user","content":%q}]}`, long)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 20 {
				r, err := h.post(t.Context(), "/v1/chat/completions", "", body)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := readStream(t, r.Body, nil)
				r.Body.Close()
				if err != nil || got.text != "01234567" || !strings.HasSuffix(got.order, "D") {
					t.Errorf("%q, %s, %v", got.text, got.order, err)
				}
			}
		})
	}
	all.Wait()
}
