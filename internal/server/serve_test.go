package server

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a running server of the built-in model.
type host struct {
	t        *testing.T
	url      string
	client   *http.Client
	pipeline *pipeline.Pipeline
	server   *Server
	relay    *pipeline.Relay
	handlers handlers
}

func serve(t *testing.T, o pipeline.Options) *host {
	t.Helper()
	o.LogStats = true
	o.Log = slog.New(slog.DiscardHandler)
	p, err := pipeline.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Orchestrator: p.Orchestrator, Model: p.Frontend, Metrics: p.Metrics, Log: o.Log})
	h := &host{t: t, pipeline: p, server: s}
	h.handlers.left.L = &h.handlers.mu
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.handlers.enter()
		defer h.handlers.leave()
		s.Handler().ServeHTTP(w, r)
	}))
	h.url, h.client = web.URL, web.Client()
	t.Cleanup(func() {
		if err := p.Orchestrator.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		web.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// post sends a body and returns the response, which the caller closes.
func (h *host) post(ctx context.Context, path, id, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", h.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if id != "" {
		r.Header.Set("X-Request-Id", id)
	}
	return h.client.Do(r)
}

// exchange posts a body and reads the whole answer.
func (h *host) exchange(path, body string) (*http.Response, []byte) {
	h.t.Helper()
	r, err := h.post(h.t.Context(), path, "", body)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return r, data
}

func (h *host) get(path string) (*http.Response, string) {
	h.t.Helper()
	r, err := h.client.Get(h.url + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return r, string(data)
}

// idle waits until every request that came so far has been handled: those of
// clients that left have ended in the books then.
func (h *host) idle() { h.handlers.wait() }

// handlers counts the requests that are being handled. A WaitGroup won't do: a
// test that learns of a request by other ways than a lock, such as a file, may
// wait while the first request enters.
type handlers struct {
	mu   sync.Mutex
	left sync.Cond
	n    int
}

func (h *handlers) enter() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
}

func (h *handlers) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n--
	h.left.Broadcast()
}

func (h *handlers) wait() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.n > 0 {
		h.left.Wait()
	}
}

// modelName finds that label, with a comma beside it or braces around it.
var modelName = regexp.MustCompile(`\{model_name="[^"]*"\}|model_name="[^"]*",|,model_name="[^"]*"`)

// page scrapes /metrics: values by series, without model_name.
func (h *host) page() map[string]float64 {
	h.t.Helper()
	_, text := h.get("/metrics")
	page := map[string]float64{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			h.t.Fatal(err)
		}
		page[modelName.ReplaceAllString(line[:at], "")] = v
	}
	return page
}

// chunk is one event of a chat stream.
type chunk struct {
	Modality string
	Choices  []struct {
		Delta struct {
			Role    string
			Content string
		}
		FinishReason *string `json:"finish_reason"`
	}
	Usage *usage
	Error *struct {
		Message string
		Stage   *int `json:"error_stage_id"`
	}
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

// heard is what a client got from a chat stream.
type heard struct {
	text     string
	pcm      []byte
	finishes []string
	order    string // one letter an event: t, a, u, e, D
	usage    usage
}

// readStream reads a chat stream to its end, or until stop says so.
func readStream(t *testing.T, body io.Reader, stop func(heard) bool) (heard, error) {
	t.Helper()
	var h heard
	lines := bufio.NewReader(body)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return h, nil
		}
		if err != nil {
			return h, err
		}
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			h.order += "D"
			continue
		}
		var c chunk
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Errorf("event %q: %v", data, err)
			return h, nil
		}
		h.take(t, c)
		if stop != nil && stop(h) {
			return h, nil
		}
	}
}

func (h *heard) take(t *testing.T, c chunk) {
	t.Helper()
	switch {
	case c.Error != nil:
		h.order += "e"
	case len(c.Choices) == 0:
		h.order += "u"
		h.usage = *c.Usage
	case c.Modality == "text":
		h.order += "t"
		h.text += c.Choices[0].Delta.Content
	case c.Modality == "audio":
		h.order += "a"
		wav, err := base64.StdEncoding.DecodeString(c.Choices[0].Delta.Content)
		if err != nil {
			t.Error(err)
		}
		if len(wav) > 0 {
			format, pcm, err := audio.ParseWAV(wav)
			if err != nil || format != (audio.Format{Rate: 24000, Channels: 1, BitsPerSample: 16}) {
				t.Errorf("audio delta: %+v, %v", format, err)
			}
			h.pcm = append(h.pcm, pcm...)
		}
	}
	if len(c.Choices) > 0 && c.Choices[0].FinishReason != nil {
		h.finishes = append(h.finishes, *c.Choices[0].FinishReason)
	}
}

// corrupter spoils codec frames on the hop to code2wav: the n-th payload of a
// request whose id ends in "-corrupt-n".
type corrupter struct{ connector.Connector }

func corrupting(k int, c connector.Connector) connector.Connector {
	if k != pipeline.Talker {
		return c
	}
	return corrupter{c}
}

func (c corrupter) Open(edge connector.Edge, id string) (connector.Link, error) {
	link, err := c.Connector.Open(edge, id)
	if _, n, ok := strings.Cut(id, "-corrupt-"); ok && err == nil {
		at, convErr := strconv.Atoi(n)
		return &corruptLink{Link: link, at: at}, convErr
	}
	return link, err
}

type corruptLink struct {
	connector.Link
	at int
}

func (l *corruptLink) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	p, hop, err := l.Link.Recv(ctx)
	if f, ok := p.(*engine.Frames); ok {
		if l.at--; l.at == 0 {
			p = &engine.Frames{Codes: append([]int32{1 << 20}, f.Codes[1:]...), Groups: f.Groups}
		}
	}
	return p, hop, err
}
