package dashboard

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
	"github.com/limelight-omni/limelight/test/browser"
)

// watched is a server whose hop from 1/0 to 2/1 is slow, and which spoils the
// sound of requests that ask for it.
type watched struct {
	t   *testing.T
	url string
}

// serve serves the built-in model, and looks at it often. The slow hop takes
// lag.
func serve(t *testing.T, o server.Options, lag time.Duration) *watched {
	t.Helper()
	browser.Need(t)
	quiet := slog.New(slog.DiscardHandler)
	p, err := pipeline.New(pipeline.Options{
		LogStats: true, Log: quiet, Replicas: map[string]int{"thinker": 1, "talker": 2, "code2wav": 2},
		FirstChunk: 2, Chunk: 4, // a chunk of 320 ms, which the slow hop does not keep up with
		Connector: func(k int, c connector.Connector) connector.Connector {
			if k != pipeline.Talker {
				return c
			}
			return meddler{c, lag}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Orchestrator, o.Model, o.Metrics, o.Log = p.Orchestrator, p.Frontend, p.Metrics, quiet
	if o.LookEvery == 0 {
		o.LookEvery = 250 * time.Millisecond
	}
	s := server.New(o)
	web := httptest.NewServer(s.Handler())
	ctx, stop := context.WithCancel(context.Background())
	var looking sync.WaitGroup
	looking.Go(func() { s.Watch(ctx) })
	t.Cleanup(func() {
		stop()
		looking.Wait()
		web.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return &watched{t, web.URL}
}

// streams keeps n streamed chats going until ctx ends.
func (w *watched) streams(ctx context.Context, n, tokens int) *sync.WaitGroup {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				_, _ = w.chat(ctx, fmt.Sprintf("stream-%d-%d", i, k), tokens)
			}
		})
	}
	return &all
}

// chat streams a reply with sound to its end, or until ctx ends.
func (w *watched) chat(ctx context.Context, id string, tokens int) (string, error) {
	body := fmt.Sprintf(`{"stream":true,"modalities":["text","audio"],"messages":[{"role":"user","content":"hello there"}],
		"sampling_params_list":[{"ignore_eos":true,"max_tokens":12},{"ignore_eos":true,"max_tokens":%d},{}]}`, tokens)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Request-Id", id)
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return string(text), err
}

// leave begins a stream and goes away at its first byte.
func (w *watched) leave(id string) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/v1/audio/speech", strings.NewReader(`{"stream":true,"response_format":"pcm","input":"`+strings.Repeat("we can hear it and it is long. ", 30)+`"}`))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", id)
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := r.Body.Read(make([]byte, 1)); err != nil {
		w.t.Error(err)
	}
}

// meddler is the connector to code2wav.
type meddler struct {
	connector.Connector
	lag time.Duration
}

// Open implements connector.Connector.
func (m meddler) Open(edge connector.Edge, id string) (connector.Link, error) {
	link, err := m.Connector.Open(edge, id)
	switch {
	case err != nil:
		return nil, err
	case strings.HasPrefix(id, "spoil-"):
		return &spoilt{Link: link}, nil
	case edge.FromReplica == 0 && edge.ToReplica == 1:
		return lagging{link, m.lag}, nil
	}
	return link, nil
}

// lagging delivers late.
type lagging struct {
	connector.Link
	lag time.Duration
}

func (l lagging) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	p, hop, err := l.Link.Recv(ctx)
	if err != nil {
		return p, hop, err
	}
	late := time.NewTimer(l.lag)
	defer late.Stop()
	select {
	case <-late.C:
	case <-ctx.Done():
		return nil, hop, context.Cause(ctx)
	}
	hop.InFlight += l.lag
	hop.Ready = hop.Ready.Add(l.lag)
	return p, hop, nil
}

// spoilt puts a code that no codebook has into its second payload.
type spoilt struct {
	connector.Link
	taken int
}

func (l *spoilt) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	p, hop, err := l.Link.Recv(ctx)
	if f, ok := p.(*engine.Frames); ok {
		if l.taken++; l.taken == 2 {
			codes := slices.Clone(f.Codes)
			codes[0] = 1 << 30
			p = &engine.Frames{Codes: codes, Groups: f.Groups}
		}
	}
	return p, hop, err
}
