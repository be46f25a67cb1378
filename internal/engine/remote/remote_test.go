package remote

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend is a server that answers as the test says.
func backend(t *testing.T, kind Kind, handle http.HandlerFunc) *Engine {
	t.Helper()
	web := httptest.NewServer(handle)
	t.Cleanup(web.Close)
	e, err := New(Config{Kind: kind, URL: web.URL + "/v1", Model: "theirs", APIKey: "secret", Voice: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func start(t *testing.T, e *Engine, req engine.Request, payloads ...engine.Payload) engine.Stream {
	t.Helper()
	s, err := e.Start(req)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range payloads {
		if err := s.Send(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	s.CloseSend()
	return s
}

// reply is what a stream gave.
type reply struct {
	text    string
	samples []float32
	rate    int
	pieces  []string
	last    engine.Output
	more    map[string]string
}

func collect(t *testing.T, s engine.Stream) (reply, error) {
	t.Helper()
	r := reply{more: map[string]string{}}
	for {
		out, err := s.Recv(t.Context())
		if err != nil {
			<-s.Done()
			return r, err
		}
		r.text += out.Text
		for name, raw := range out.More {
			r.more[name] += string(raw)
		}
		switch p := out.Payload.(type) {
		case *engine.Audio:
			r.samples, r.rate = append(r.samples, p.Samples...), p.Rate
		case *engine.Text:
			r.pieces = append(r.pieces, p.Text)
		}
		if out.Finish != "" {
			r.last = out
			<-s.Done()
			return r, nil
		}
	}
}

func event(w http.ResponseWriter, format string, args ...any) {
	fmt.Fprintf(w, "data: "+format+"\n\n", args...)
	w.(http.Flusher).Flush()
}

func TestChatIsForwardedAsTheClientWroteItAndItsStreamPassedOn(t *testing.T) {
	var got map[string]any
	var header http.Header
	e := backend(t, Chat, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || r.URL.Path != "/v1/chat/completions" {
			t.Error(r.URL.Path, err)
		}
		event(w, `{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`)
		event(w, `{"choices":[{"index":0,"delta":{"content":"Hel"}}]}`)
		event(w, `{"choices":[{"index":0,"delta":{"content":"lo","tool_calls":[{"index":0}],"refusal":null}}]}`)
		event(w, `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls","stop_reason":7}]}`)
		event(w, `{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`)
		event(w, "[DONE]")
	})
	body := `{"messages":[{"role":"user","content":"hi"}],"model":"ours","tools":[{"type":"function"}],"modalities":["text"],"mystery":{"a":[1,2]},"temperature":0.25,"stream":false}`
	r, err := collect(t, start(t, e, engine.Request{ID: "r1", Entry: true, Relay: &engine.Relay{Body: []byte(body)}}))
	if err != nil {
		t.Fatal(err)
	}
	if r.text != "Hello" || r.last.Finish != engine.FinishStop || r.last.Told != "tool_calls" || r.last.Usage != (engine.Usage{PromptTokens: 5, CompletionTokens: 2}) {
		t.Errorf("%+v", r)
	}
	if r.more["tool_calls"] != `[{"index":0}]` || r.more["stop_reason"] != "7" || len(r.more) != 2 {
		t.Errorf("%v", r.more)
	}
	if got["model"] != "theirs" || got["stream"] != true || got["temperature"] != 0.25 || fmt.Sprint(got["mystery"]) != "map[a:[1 2]]" || got["tools"] == nil || got["modalities"] != nil {
		t.Errorf("%v", got)
	}
	if header.Get("Authorization") != "Bearer secret" || header.Get("X-Request-Id") != "r1" {
		t.Errorf("%v", header)
	}
}

func TestChatHandsTextOverSentenceBySentence(t *testing.T) {
	e := backend(t, Chat, func(w http.ResponseWriter, r *http.Request) {
		for _, part := range []string{"This is the fir", "st sentence. And th", "is is 3.14 of the second! A tail"} {
			event(w, `{"choices":[{"index":0,"delta":{"content":%q}}]}`, part)
		}
		event(w, `{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}`)
		event(w, "[DONE]")
	})
	r, err := collect(t, start(t, e, engine.Request{Entry: true, Handover: true, Relay: &engine.Relay{Body: []byte(`{}`)}}))
	want := []string{"This is the first sentence.", "And this is 3.14 of the second!", "A tail"}
	if err != nil || !slices.Equal(r.pieces, want) || r.last.Finish != engine.FinishLength {
		t.Errorf("%q, %s, %v", r.pieces, r.last.Finish, err)
	}
}

func TestTranscriptsTakeThePlaceOfRecordings(t *testing.T) {
	var got struct {
		Messages []struct {
			Content any `json:"content"`
		} `json:"messages"`
	}
	e := backend(t, Chat, func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		event(w, `{"choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":"stop"}]}`)
	})
	body := `{"messages":[{"role":"system","content":"be brief"},{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAA=","format":"wav"}},{"type":"text","text":"please"}]}]}`
	if _, err := collect(t, start(t, e, engine.Request{Relay: &engine.Relay{Body: []byte(body)}}, &engine.Text{Text: "what time is it"})); err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(got.Messages); s != "[{be brief} {[map[text:what time is it type:text] map[text:please type:text]]}]" {
		t.Error(s)
	}
}

func wav(rate int, samples ...float32) string {
	return base64.StdEncoding.EncodeToString(audio.AppendWAV(nil, rate, samples))
}

func TestOmniGivesTextAndSoundInBothShapes(t *testing.T) {
	pcm := base64.StdEncoding.EncodeToString(audio.AppendS16LE(nil, []float32{0.5, -0.5}))
	for shape, events := range map[string][]string{
		"vllm-omni": {
			`{"choices":[{"index":0,"delta":{"content":"Hi"}}],"modality":"text"}`,
			`{"choices":[{"index":0,"delta":{"content":"` + wav(16000, 0.5) + `"}}],"modality":"audio"}`,
			`{"choices":[{"index":0,"delta":{"content":"` + wav(16000, -0.5) + `"},"finish_reason":"stop"}],"modality":"audio"}`,
		},
		"openai": {
			`{"choices":[{"index":0,"delta":{"audio":{"id":"a","transcript":"Hi"}}}]}`,
			`{"choices":[{"index":0,"delta":{"audio":{"data":"` + pcm + `"}}}]}`,
			`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
		},
	} {
		e := backend(t, Omni, func(w http.ResponseWriter, r *http.Request) {
			for _, one := range events {
				event(w, "%s", one)
			}
			event(w, "[DONE]")
		})
		r, err := collect(t, start(t, e, engine.Request{Entry: true, Relay: &engine.Relay{Body: []byte(`{"modalities":["text","audio"]}`)}}))
		rate := map[string]int{"vllm-omni": 16000, "openai": 24000}[shape]
		if err != nil || r.text != "Hi" || len(r.samples) != 2 || r.samples[0] < 0.49 || r.samples[1] > -0.49 || r.rate != rate {
			t.Errorf("%s: %+v, %v", shape, r, err)
		}
	}
}

func TestSpeechSpeaksEachPieceAndPassesSoundOnAsItComes(t *testing.T) {
	var inputs []string
	e := backend(t, Speech, func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Path != "/v1/audio/speech" {
			t.Error(r.URL.Path, err)
		}
		inputs = append(inputs, fmt.Sprint(body["input"], " ", body["voice"], " ", body["response_format"], " ", body["model"]))
		w.Header().Set("Content-Type", "audio/pcm;rate=22050")
		pcm := audio.AppendS16LE(nil, []float32{0.1, 0.2, 0.3})
		w.Write(pcm[:3]) // half a sample
		w.(http.Flusher).Flush()
		w.Write(pcm[3:])
	})
	r, err := collect(t, start(t, e, engine.Request{Relay: &engine.Relay{}}, &engine.Text{Text: "One."}, &engine.Text{Text: " "}, &engine.Text{Text: "Two."}))
	if err != nil || len(r.samples) != 6 || r.rate != 22050 || r.last.Usage.PromptTokens != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if want := []string{"One. anna pcm theirs", "Two. anna pcm theirs"}; !slices.Equal(inputs, want) {
		t.Errorf("%q", inputs)
	}
}

func TestSpeechRequestOfTheClientIsForwarded(t *testing.T) {
	e := backend(t, Speech, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		if got := string(data); got != `{"input":"hi","voice":"bob","instructions":"softly","response_format":"pcm","model":"theirs","stream":true}` {
			t.Error(got)
		}
		w.Write(audio.AppendWAV(nil, 8000, []float32{0.5}))
	})
	body := `{"input":"hi","voice":"bob","instructions":"softly","response_format":"mp3"}`
	r, err := collect(t, start(t, e, engine.Request{Entry: true, Relay: &engine.Relay{Body: []byte(body)}}))
	if err != nil || r.rate != 8000 || len(r.samples) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestNothingToSayAsksForNoSound(t *testing.T) {
	e := backend(t, Speech, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	r, err := collect(t, start(t, e, engine.Request{Relay: &engine.Relay{}}))
	if err != nil || r.last.Finish != engine.FinishStop || len(r.samples) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTranscriptionPostsEachRecording(t *testing.T) {
	e := backend(t, Transcription, func(w http.ResponseWriter, r *http.Request) {
		file, header, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		data, _ := io.ReadAll(file)
		fmt.Fprintf(w, `{"text":"%s %s %s %s"}`, header.Filename, data, r.FormValue("model"), r.FormValue("language"))
	})
	clips := []engine.Clip{{Data: []byte("aa"), Format: "wav"}, {Data: []byte("bb"), Format: "mp3", Fields: [][2]string{{"language", "de"}}}}
	r, err := collect(t, start(t, e, engine.Request{Entry: true, Handover: true, Relay: &engine.Relay{Clips: clips}}))
	want := []string{"clip.wav aa theirs ", "clip.mp3 bb theirs de"}
	if err != nil || !slices.Equal(r.pieces, want) || r.last.Finish != engine.FinishStop {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRefusalsAndFailuresAreToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		kind    Kind
		handle  http.HandlerFunc
		refused bool
		says    string
	}{
		"bad parameter": {Chat, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"message":"temperature is too high","type":"BadRequestError","param":"temperature","code":400}}`)
		}, true, "temperature is too high"},
		"overloaded":            {Chat, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, false, ""},
		"reset before a header": {Chat, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, "EOF"},
		"reset in mid-stream": {Chat, func(w http.ResponseWriter, _ *http.Request) {
			event(w, `{"choices":[{"index":0,"delta":{"content":"Hel"}}]}`)
			panic(http.ErrAbortHandler)
		}, false, "EOF"},
		"cut off between events": {Chat, func(w http.ResponseWriter, _ *http.Request) {
			event(w, `{"choices":[{"index":0,"delta":{"content":"Hel"}}]}`)
		}, false, "EOF"},
		"broken event": {Chat, func(w http.ResponseWriter, _ *http.Request) { event(w, "{") }, false, "chat chunk"},
		"error event": {Chat, func(w http.ResponseWriter, _ *http.Request) {
			event(w, `{"error":{"message":"engine died","code":500}}`)
		}, false, "engine died"},
		"a page instead of sound": {Speech, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello</html>") }, false, "text/html"},
		"sound of two channels": {Speech, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/wav")
			w.Write(append(audio.AppendWAVHeader(nil, 24000, 2, audio.StreamedSize), 1, 2, 3, 4))
		}, false, "2 channels"},
		"sound cut off": {Speech, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/pcm")
			w.Header().Set("Content-Length", "100")
			w.Write([]byte{1, 2})
		}, false, "EOF"},
		"no text": {Transcription, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }, false, "without a text"},
	} {
		t.Run(name, func(t *testing.T) {
			e := backend(t, c.kind, c.handle)
			req := engine.Request{Entry: true, Relay: &engine.Relay{Body: []byte(`{}`), Clips: []engine.Clip{{}}}}
			_, err := collect(t, start(t, e, req))
			var refusal *Refusal
			var failure *Failure
			if errors.As(err, &refusal) != c.refused || errors.As(err, &failure) == c.refused || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%T %v", err, err)
			}
			if refusal != nil && (refusal.Err.Status != 400 || refusal.Err.Param != "temperature") {
				t.Errorf("%+v", refusal.Err)
			}
		})
	}
}

func TestAbortReachesTheServerAtOnce(t *testing.T) {
	gone := make(chan struct{})
	e := backend(t, Chat, func(w http.ResponseWriter, r *http.Request) {
		event(w, `{"choices":[{"index":0,"delta":{"content":"Hel"}}]}`)
		<-r.Context().Done()
		close(gone)
	})
	s := start(t, e, engine.Request{Entry: true, Relay: &engine.Relay{Body: []byte(`{}`)}})
	if out, err := s.Recv(t.Context()); err != nil || out.Text != "Hel" {
		t.Fatal(out, err)
	}
	s.Abort()
	<-s.Done()
	<-gone
	if _, err := s.Recv(context.Background()); !errors.Is(err, engine.ErrAborted) {
		t.Error(err)
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	e := backend(t, Chat, func(w http.ResponseWriter, r *http.Request) {
		event(w, `{"choices":[{"index":0,"delta":{"content":"Hel"}}]}`)
		<-r.Context().Done()
	})
	s := start(t, e, engine.Request{Entry: true, Relay: &engine.Relay{Body: []byte(`{}`)}})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := collect(t, s); !errors.Is(err, engine.ErrClosed) {
		t.Error(err)
	}
	if _, err := e.Start(engine.Request{}); !errors.Is(err, engine.ErrClosed) {
		t.Error(err)
	}
}

func TestProbeSaysWhatIsWrong(t *testing.T) {
	for status, well := range map[int]bool{200: true, 401: true, 500: false, 503: false} {
		e := backend(t, Chat, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) })
		if err := e.Probe(t.Context()); (err == nil) != well {
			t.Errorf("status %d: %v", status, err)
		}
	}
	e := backend(t, Chat, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/models" {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	if err := e.Probe(t.Context()); err != nil {
		t.Errorf("a server with models and no /health: %v", err)
	}
}

func TestWrongBackendsAreRefused(t *testing.T) {
	for url, says := range map[string]string{"gpu1:8000": "must be a URL", "ftp://x": "must be a URL", "http://": "must be a URL"} {
		if _, err := New(Config{Kind: Chat, URL: url}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := New(Config{Kind: "video", URL: "http://x"}); err == nil || !strings.Contains(err.Error(), "the kinds are") {
		t.Error(err)
	}
}
