package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// HostOptions say what a process runs for others.
type HostOptions struct {
	// Model is the name and Fingerprint the identity of the model that the
	// engines run.
	Model, Fingerprint string
	// Stages are what is offered. The host closes the engines.
	Stages []HostStage
	// TLS secures connections; nil is plain text. Its ClientAuth and ClientCAs
	// decide whether callers have to prove who they are.
	TLS *tls.Config
	// Log is told who connects and who is lost; nil is slog.Default.
	Log *slog.Logger

	now   func() time.Time // tests set these
	depth int
}

// HostStage is one stage's replicas.
type HostStage struct {
	Name    string
	Engines []engine.Engine
	// Page writes the metrics page of one replica, in the Prometheus text format;
	// nil if there are none. It may be called from several goroutines.
	Page func(w io.Writer, replica int) error
}

// Host runs stages for other processes. Any number of them may connect.
type Host struct {
	o      HostOptions
	log    *slog.Logger
	now    func() time.Time
	depth  int
	grpc   *grpc.Server
	health *health.Server

	requests atomic.Int64 // that the engines work for

	mu       sync.Mutex // guards the fields below
	callers  map[*caller]struct{}
	draining bool
	idle     chan struct{} // closed when draining and no caller is left
}

// NewHost makes a host over running engines; Serve starts it.
func NewHost(o HostOptions) *Host {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.depth == 0 {
		o.depth = defaultDepth
	}
	h := &Host{
		o: o, log: o.Log, now: o.now, depth: o.depth,
		health: health.NewServer(), callers: map[*caller]struct{}{}, idle: make(chan struct{}),
	}
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(wire.Codec{}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime / 2, PermitWithoutStream: true}),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(window),
		grpc.WaitForHandlers(true), // Close returns when nothing works for a caller any more
	}
	if o.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(o.TLS)))
	}
	h.grpc = grpc.NewServer(options...)
	h.grpc.RegisterService(&grpc.ServiceDesc{
		ServiceName: serviceName,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: connectDesc.StreamName, ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error { return h.connect(stream) },
		}},
	}, h)
	h.health.SetServingStatus(serviceName, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(h.grpc, h.health)
	return h
}

// Serve answers on the listener until Shutdown or Close.
func (h *Host) Serve(l net.Listener) error {
	if err := h.grpc.Serve(l); !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// Shutdown takes no new caller and tells those that are there, which send
// nothing new and leave when their last request has ended. It waits for that,
// or for ctx. Close must follow.
func (h *Host) Shutdown(ctx context.Context) error {
	h.health.Shutdown()
	h.mu.Lock()
	if !h.draining {
		h.draining = true
		if len(h.callers) == 0 {
			close(h.idle)
		}
	}
	for c := range h.callers {
		c.conn.put(wire.KindDrain, nil, false)
	}
	h.mu.Unlock()
	select {
	case <-h.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d requests running: %w", h.Requests(), context.Cause(ctx))
	}
}

// Close drops every connection, aborts what it was for, and closes the engines.
func (h *Host) Close() error {
	h.grpc.Stop()
	var errs []error
	for _, s := range h.o.Stages {
		for i, e := range s.Engines {
			if err := e.Close(); err != nil {
				errs = append(errs, fmt.Errorf("stage %s: replica %d: %w", s.Name, i, err))
			}
		}
	}
	return errors.Join(errs...)
}

// Requests is the number of requests that the host works for.
func (h *Host) Requests() int { return int(h.requests.Load()) }

// enter lists a caller and says hello to it. It is false when the host shuts
// down: a new process may be about to take its place.
func (h *Host) enter(c *caller, welcome wire.Welcome) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return false
	}
	h.callers[c] = struct{}{}
	c.conn.put(wire.KindWelcome, wire.EncodeJSON(welcome), false)
	return true
}

func (h *Host) leave(c *caller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if delete(h.callers, c); h.draining && len(h.callers) == 0 {
		close(h.idle)
	}
}

// stage finds the stage of a replica.
func (h *Host) stage(stage string, replica int) (HostStage, error) {
	for _, s := range h.o.Stages {
		if s.Name != stage {
			continue
		}
		if replica < 0 || replica >= len(s.Engines) {
			return HostStage{}, fmt.Errorf("stage %s has no replica %d here, only %d", stage, replica, len(s.Engines))
		}
		return s, nil
	}
	return HostStage{}, fmt.Errorf("stage %s does not run here", stage)
}

// page is the metrics page of a replica.
func (h *Host) page(of wire.PageOf) ([]byte, error) {
	s, err := h.stage(of.Stage, of.Replica)
	if err != nil {
		return nil, err
	}
	if s.Page == nil {
		return nil, fmt.Errorf("stage %s has no metrics here", of.Stage)
	}
	var page bytes.Buffer
	if err := s.Page(&page, of.Replica); err != nil {
		return nil, err
	}
	return page.Bytes(), nil
}

// connect is one caller's connection.
func (h *Host) connect(raw grpc.ServerStream) error {
	c := &caller{
		host: h, conn: newConn(raw, h.now), log: h.log, streams: map[uint64]*served{}, pages: make(chan struct{}, maxPages),
		ctx: raw.Context(),
	}
	if p, ok := peer.FromContext(c.ctx); ok {
		c.log = h.log.With("caller", p.Addr.String())
	}
	return c.serve()
}

// offer lists what the host runs.
func (h *Host) offer() wire.Welcome {
	w := wire.Welcome{Version: wire.Version, Model: h.o.Model, Fingerprint: h.o.Fingerprint, Depth: h.depth}
	for _, s := range h.o.Stages {
		w.Stages = append(w.Stages, wire.StageOffer{Name: s.Name, Replicas: len(s.Engines), Pages: s.Page != nil})
	}
	return w
}
