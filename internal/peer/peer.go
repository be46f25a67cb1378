// Package peer joins two Limelight processes: one runs the requests, the other
// runs stages for it. All requests share one bidirectional gRPC stream; each
// has credits of its own, so that a slow one stalls nobody else. A stage's
// replica at a peer is an engine like any other, whose payloads reach it over
// a measured hop. docs/connector.md describes what happens when.
package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/limelight-omni/limelight/internal/engine"
)

// Options say which peer to use and for what.
type Options struct {
	// Address is the peer's host and port.
	Address string
	// Stages are the names of the stages to use there.
	Stages []string
	// Model is the name and Fingerprint the identity of the model that this side
	// serves. A peer with another fingerprint is refused.
	Model, Fingerprint string
	// TLS secures the connection; nil is plain text.
	TLS *tls.Config
	// Log is told when the peer is lost and when it is back; nil is slog.Default.
	Log *slog.Logger

	now func() time.Time // tests set it
}

// Waits between attempts to reach a peer: the first, doubled up to the longest.
const (
	firstRetry   = 50 * time.Millisecond
	longestRetry = time.Second
)

// Peer is a process that runs stages for this one. It is reached again by
// itself after it was lost.
type Peer struct {
	o    Options
	log  *slog.Logger
	now  func() time.Time
	grpc *grpc.ClientConn

	gone  chan struct{} // closed when the loop has returned
	close func() error

	mu      sync.Mutex // guards the fields below
	session *session   // nil while the peer is lost
	err     error      // why there is no session

	telling  sync.Mutex // guards the fields below, and keeps what is told in order
	up       bool       // new requests may go there
	onChange func(up bool)
}

// Connect reaches a peer and learns what it runs. It goes on trying until ctx
// ends; a peer that does not fit is an error at once.
func Connect(ctx context.Context, o Options) (*Peer, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.now == nil {
		o.now = time.Now
	}
	secured := insecure.NewCredentials()
	if o.TLS != nil {
		secured = credentials.NewTLS(o.TLS)
	}
	conn, err := grpc.NewClient(o.Address,
		grpc.WithTransportCredentials(secured),
		grpc.WithKeepaliveParams(clientKeepalive),
		grpc.WithStaticStreamWindowSize(window),
		grpc.WithStaticConnWindowSize(window),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstRetry, Multiplier: 2, Jitter: 0.2, MaxDelay: longestRetry},
			MinConnectTimeout: 5 * time.Second,
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("peer %s: %w", o.Address, err)
	}
	p := &Peer{
		o: o, log: o.Log.With("peer", o.Address), now: o.now, grpc: conn,
		gone: make(chan struct{}), err: errors.New("not reached yet"),
	}
	running, cancel := context.WithCancel(context.Background())
	p.close = sync.OnceValue(func() error {
		cancel()
		<-p.gone
		return conn.Close()
	})
	first := make(chan error, 1)
	go p.loop(running, first)
	select {
	case err = <-first:
	case <-ctx.Done():
		err = fmt.Errorf("not reached: %w: %w", context.Cause(ctx), p.why())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("peer %s: %w", o.Address, err), p.Close())
	}
	return p, nil
}

// loop keeps a session with the peer until ctx ends. First is told when the
// first one is ready, or that there can be none.
func (p *Peer) loop(ctx context.Context, first chan<- error) {
	defer close(p.gone)
	wait := firstRetry
	for ctx.Err() == nil {
		s, err := p.greet(ctx)
		switch {
		case err == nil:
			err = s.run(func() {
				wait = firstRetry
				p.reached(s)
				tell(first, nil)
			})
			p.lose(ctx, s, err)
		case isRefusal(err):
			tell(first, err)
			fallthrough
		default:
			p.unreached(ctx, err)
		}
		retry := time.NewTimer(wait)
		select {
		case <-retry.C:
		case <-ctx.Done():
			retry.Stop()
		}
		wait = min(2*wait, longestRetry)
	}
}

// tell leaves the first value in a channel of capacity one.
func tell(ch chan<- error, err error) {
	select {
	case ch <- err:
	default:
	}
}

// reached makes a session the one that new requests use.
func (p *Peer) reached(s *session) {
	p.mu.Lock()
	p.session, p.err = s, nil
	p.mu.Unlock()
	p.log.Info("peer is reached", "stages", stageList(s.welcome.Stages), "round_trip", time.Duration(s.skew.best().delay()))
	p.change(true)
}

// lose drops a session: new requests avoid the peer, those that it worked for
// fail.
func (p *Peer) lose(ctx context.Context, s *session, err error) {
	p.mu.Lock()
	known := p.session == s
	p.mu.Unlock()
	if known && err != errDraining && ctx.Err() == nil {
		p.log.Warn("peer is lost: its requests fail, new ones avoid it until it is back", "error", err)
	}
	p.unreached(ctx, err)
	p.change(false)
	s.fail(p.lost(err))
}

// unreached keeps why there is no session, and says so when the reason is new.
func (p *Peer) unreached(ctx context.Context, err error) {
	p.mu.Lock()
	news := p.session == nil && (p.err == nil || p.err.Error() != err.Error())
	p.session, p.err = nil, err
	p.mu.Unlock()
	if news && ctx.Err() == nil {
		p.log.Warn("peer cannot be used", "error", err)
	}
}

// draining is called when the peer shuts down: it finishes what it has.
func (p *Peer) draining() {
	p.log.Info("peer is shutting down: it finishes its requests, new ones avoid it")
	p.change(false)
}

// change tells whether new requests may go to the peer.
func (p *Peer) change(up bool) {
	p.telling.Lock()
	defer p.telling.Unlock()
	if p.up != up && p.onChange != nil {
		p.onChange(up)
	}
	p.up = up
}

// OnChange sets what is told when the peer is lost or shuts down, and when it is
// back; it is told the present state first. It must be set once, before the
// first request, and must not call the peer's OnChange or Close.
func (p *Peer) OnChange(f func(up bool)) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.onChange = f
	f(p.up)
}

// why is the reason why there is no session.
func (p *Peer) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Replicas is the number of replicas of a stage that the peer runs now, 0 while
// it is lost.
func (p *Peer) Replicas(stage string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == nil {
		return 0
	}
	return p.session.replicas(stage)
}

// Engine returns one replica of one stage at the peer.
func (p *Peer) Engine(stage string, replica int) engine.Engine {
	return &remote{peer: p, stage: stage, replica: replica}
}

// Close drops the connection. The peer aborts what it had from this side. It
// may be called more than once.
func (p *Peer) Close() error {
	return p.close()
}

// lost is the error of a request that cannot go on there.
func (p *Peer) lost(why error) error {
	return fmt.Errorf("peer %s is lost: %w", p.o.Address, lostError{why})
}

// lostError says of the reason why a peer is lost that the engine is.
type lostError struct{ error }

func (lostError) Is(target error) bool { return target == engine.ErrLost }

// remote is an engine at a peer.
type remote struct {
	peer    *Peer
	stage   string
	replica int
	closed  atomic.Bool
}

// Start implements engine.Engine.
func (e *remote) Start(req engine.Request) (engine.Stream, error) {
	if e.closed.Load() {
		return nil, engine.ErrClosed
	}
	p := e.peer
	p.mu.Lock()
	s, err := p.session, p.err
	p.mu.Unlock()
	if s == nil {
		return nil, p.lost(err)
	}
	st, err := s.start(e, req)
	if err != nil {
		return nil, err
	}
	return st, nil
}

// Close implements engine.Engine: the peer drops the requests that it has from
// this side, and keeps its engine.
func (e *remote) Close() error {
	e.closed.Store(true)
	e.peer.mu.Lock()
	s := e.peer.session
	e.peer.mu.Unlock()
	if s == nil {
		return nil
	}
	for _, st := range s.of(e) {
		st.drop(engine.ErrClosed)
		<-st.over
	}
	return nil
}

var _ engine.Engine = (*remote)(nil)
