package orchestrator

import (
	"context"
	"errors"
	"sync"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/stage"
)

// maxReplay bounds the payloads that can be sent again: any engine's intake
// takes so many at once. After more of them the replica is the request's last.
const maxReplay = 8

// retryable is a failure that another replica may not have.
type retryable interface{ Retryable() bool }

func isRetryable(err error) bool {
	var r retryable
	return errors.As(err, &r) && r.Retryable()
}

// start opens a stream of stage k on the replica it was bound to. On a stage
// that retries, a replica that fails before it gave anything is replaced by
// another one, and nobody behind the stream notices.
func (f *flight) start(k int, binding *stage.Binding, req engine.Request) (engine.Stream, error) {
	stream, err := binding.Replica.Engine.Start(req)
	if f.o.stages[k].Retries <= 0 || f.req.N > 1 || len(f.req.MorePrompts) > 0 {
		return stream, err
	}
	t := &trial{f: f, k: k, req: req, binding: binding, changed: make(chan struct{}), tried: []int{binding.Replica.ID}}
	if err != nil {
		binding.Failed(err)
		if stream, err = t.another(f.stageContext(k), err); err != nil {
			return nil, err
		}
	}
	t.stream = stream
	return t, nil
}

// trial is a stream that moves to another replica while its stage has given
// nothing for the request. It implements engine.Stream.
type trial struct {
	f   *flight
	k   int
	req engine.Request

	mu      sync.Mutex // guards the fields below
	binding *stage.Binding
	stream  engine.Stream
	changed chan struct{}    // closed when stream was replaced, or will not be any more
	settled bool             // the stream is the last one
	sent    []engine.Payload // to be sent again to another replica
	closed  bool             // no payload follows
	aborted bool
	tried   []int
}

// now is the stream of the moment.
func (t *trial) now() (engine.Stream, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stream, t.changed
}

// Send implements engine.Stream.
func (t *trial) Send(ctx context.Context, p engine.Payload) error {
	t.mu.Lock()
	stream, changed, settled := t.stream, t.changed, t.settled
	if !settled && len(t.sent) == maxReplay {
		t.settleLocked()
		settled = true
	}
	if !settled {
		t.sent = append(t.sent, p)
	}
	t.mu.Unlock()
	err := stream.Send(ctx, p)
	if settled || !errors.Is(err, engine.ErrAborted) {
		return err
	}
	select { // the replica has failed; whoever receives finds another one, or none
	case <-changed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if again, _ := t.now(); again == stream {
		return err
	}
	return nil // it was sent again with the others
}

// CloseSend implements engine.Stream.
func (t *trial) CloseSend() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.stream.CloseSend()
}

// Recv implements engine.Stream.
func (t *trial) Recv(ctx context.Context) (engine.Output, error) {
	for {
		stream, _ := t.now()
		out, err := stream.Recv(ctx)
		if err == nil {
			t.settle()
			t.reportEnd(out)
			return out, nil
		}
		if isRetryable(err) {
			t.bound().Failed(err)
		}
		if !t.replace(ctx, err) {
			t.settle()
			return out, err
		}
	}
}

func (t *trial) bound() *stage.Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.binding
}

// reportEnd tells the pool of a request that its replica has done.
func (t *trial) reportEnd(out engine.Output) {
	if out.Finish != "" {
		t.bound().Succeeded()
	}
}

// settle makes the stream of the moment the last one.
func (t *trial) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settleLocked()
}

func (t *trial) settleLocked() {
	if !t.settled {
		t.settled, t.sent = true, nil
		close(t.changed)
	}
}

// replace moves on to another replica. It is false when the failure stands.
func (t *trial) replace(ctx context.Context, err error) bool {
	t.mu.Lock()
	stop := t.settled || t.aborted || len(t.tried) > t.f.o.stages[t.k].Retries
	old := t.stream
	t.mu.Unlock()
	if stop || ctx.Err() != nil || !isRetryable(err) {
		return false
	}
	old.Abort()
	<-old.Done()
	stream, err := t.another(ctx, err)
	if err != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.aborted {
		stream.Abort()
	}
	t.stream = stream
	for _, p := range t.sent {
		if stream.Send(ctx, p) != nil {
			break // it has failed, too; its Recv says so
		}
	}
	if t.closed {
		stream.CloseSend()
	}
	close(t.changed)
	t.changed = make(chan struct{})
	return true
}

// another opens the stream on a replica that was not tried. It returns the
// failure that it was called for when there is none.
func (t *trial) another(ctx context.Context, failure error) (engine.Stream, error) {
	for len(t.tried) <= t.f.o.stages[t.k].Retries && ctx.Err() == nil {
		binding, err := t.f.o.stages[t.k].BindExcept(t.f.req.Affinity, t.tried...)
		if err != nil {
			break
		}
		t.f.o.metrics.Attempts(t.k, t.tried[len(t.tried)-1]).Retried()
		t.mu.Lock()
		t.tried = append(t.tried, binding.Replica.ID)
		old := t.binding
		t.binding = binding
		t.mu.Unlock()
		t.f.rebind(t.k, binding)
		old.Release()
		stream, err := binding.Replica.Engine.Start(t.req)
		if err == nil {
			return stream, nil
		}
		binding.Failed(err)
		failure = err
	}
	return nil, failure
}

// Abort implements engine.Stream.
func (t *trial) Abort() {
	t.mu.Lock()
	t.aborted = true
	stream := t.stream
	t.mu.Unlock()
	stream.Abort()
}

// Done implements engine.Stream. It is asked for once nobody receives any more.
func (t *trial) Done() <-chan struct{} {
	stream, _ := t.now()
	return stream.Done()
}

// rebind writes down that stage k works for the request on another replica.
func (f *flight) rebind(k int, binding *stage.Binding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.legs[k].binding = binding
	f.legs[k].recorder = f.o.metrics.Replica(k, binding.Replica.ID)
	f.retries++
}

var _ engine.Stream = (*trial)(nil)
