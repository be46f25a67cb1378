package selfcheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
	"github.com/limelight-omni/limelight/metrics/check"
)

// host is a running server on a port of its own, and a client of it. Its
// replicas have one place, its links two, and its chunks are small, so that few
// requests fill it.
type host struct {
	pipeline *pipeline.Pipeline
	server   *server.Server
	served   chan error
	url      string
	client   *http.Client
	gate     *gate        // of the crowd
	second   *gate        // of the second chunk of a reply with a gap
	sent     atomic.Int64 // requests of counted routes
}

func start(log *slog.Logger) (*host, error) {
	h := &host{served: make(chan error, 1), client: &http.Client{Transport: &http.Transport{}}, gate: newGate(), second: newGate()}
	p, err := pipeline.New(pipeline.Options{
		LogStats: true, EnableMFU: true, KVCacheMetrics: true, Exemplars: true, Version: server.Version(), Log: log,
		MaxNumSeqs: 1, StageSeqs: map[string]int{"thinker": 2}, LinkDepths: []int{2, 2}, FirstChunk: 4, Chunk: 4,
		Engines: map[string]pipeline.EngineConfig{"thinker": {BlockSize: 4, Blocks: 36, BlockSampling: 1}},
		Connector: func(k int, c connector.Connector) connector.Connector {
			return meddler{c, k, h.gate, h.second}
		},
		Engine: func(k, _ int, e engine.Engine) engine.Engine {
			if k != pipeline.Code2Wav {
				return e
			}
			return muter{e}
		},
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), p.Close())
	}
	h.pipeline, h.url = p, "http://"+listener.Addr().String()
	h.server = server.New(server.Options{Orchestrator: p.Orchestrator, Model: p.Frontend, Metrics: p.Metrics, Log: log})
	go func() { h.served <- h.server.Serve(listener) }()
	return h, nil
}

func (h *host) stop(ctx context.Context) error {
	h.gate.open()
	h.second.open()
	err := h.server.Shutdown(ctx)
	h.client.CloseIdleConnections()
	return errors.Join(err, <-h.served, h.pipeline.Close())
}

// post sends a request with an id. The caller closes the response's body.
func (h *host) post(ctx context.Context, path, id, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Request-Id", id)
	h.sent.Add(1)
	return h.client.Do(r)
}

// exchange posts a body, reads the whole answer, and asks for its status.
func (h *host) exchange(ctx context.Context, path, id, body string, status int) error {
	r, err := h.post(ctx, path, id, body)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != status {
		return fmt.Errorf("status %d, want %d: %s", r.StatusCode, status, data)
	}
	return nil
}

// await reads the page until it is as wanted.
func (h *host) await(ctx context.Context, wanted func(*check.Page) bool) (*check.Page, error) {
	const pause = 5 * time.Millisecond
	for {
		p, err := check.Load(ctx, h.client, h.url)
		if err != nil || wanted(p) {
			return p, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// settled returns the page once all that was sent has ended and is in the
// books, those of the engines too, which notice last that a client left. A page
// is no snapshot: so it is read once more when there is nothing left to move it.
func (h *host) settled(ctx context.Context) (*check.Page, error) {
	_, err := h.await(ctx, func(p *check.Page) bool {
		left := 0.0
		for _, gauge := range []string{
			"vllm:omni_num_requests_running", "vllm:omni_num_requests_waiting", "vllm:num_requests_running", "vllm:num_requests_waiting",
		} {
			left += p.Sum(gauge, "")
		}
		return left == 0 && p.Sum("http_requests_total", "") == float64(h.sent.Load())
	})
	if err != nil {
		return nil, err
	}
	return check.Load(ctx, h.client, h.url)
}
