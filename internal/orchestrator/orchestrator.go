// Package orchestrator runs requests through a pipeline of stages. It admits
// them into one bounded queue, dispatches each when its first stage has a free
// place, binds one replica per stage as work first reaches that stage, moves
// outputs along as they appear, and ends every request exactly once.
package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
)

// DefaultMaxQueue bounds the requests that wait for a place.
const DefaultMaxQueue = 1024

// Errors of Submit.
var (
	// ErrQueueFull means that the queue holds as many requests as it may.
	ErrQueueFull = errors.New("request queue is full")
	// ErrDraining means that the server is shutting down.
	ErrDraining = errors.New("server is shutting down")
	// ErrNoReplica means that a stage that the request needs has no replica that
	// is up.
	ErrNoReplica = stage.ErrNoReplica
)

// Modality is a kind of output that clients ask for; kinds may be joined by |.
type Modality uint8

// NoOutput marks a stage whose outputs no client sees.
const NoOutput Modality = 0

// The modalities.
const (
	Text Modality = 1 << iota
	Audio
	// Transcript is what was said in a client's recordings.
	Transcript
)

// Stage is a pool in its place of the pipeline.
type Stage struct {
	*stage.Pool
	// Output is what the stage produces for clients.
	Output Modality
	// Retries is how many further replicas are tried when one fails at a request
	// before it gave anything for it. It needs engines whose payloads may be sent
	// again to another replica.
	Retries int
}

// Options configure an Orchestrator.
type Options struct {
	// Stages in the order of the pipeline.
	Stages []Stage
	// Connectors holds, at k, the connector of the hop from stage k to k+1.
	Connectors []connector.Connector
	// MaxQueue bounds the waiting requests; 0 means DefaultMaxQueue.
	MaxQueue int
	// StageTimeout ends a request as an error whose stages give no output for so
	// long although the client is not behind; 0 waits for ever.
	StageTimeout time.Duration
	// RequestTimeout ends a request as an error whose answer is not made so long
	// after its arrival; 0 gives it all the time.
	RequestTimeout time.Duration
	// Gather hands work over to the next stage only when it is complete: one hop
	// an edge. The default is to hand over what there is as it appears.
	Gather bool
	// Metrics receives the events; nil records nothing.
	Metrics *metrics.Metrics
	// NewEngine starts a further replica of a stage at run time.
	NewEngine func(stage, replica int) engine.Engine
	// Log is told of replicas that left; nil is slog.Default.
	Log *slog.Logger
	// now is the clock; tests set it.
	now func() time.Time
}

// Orchestrator owns the requests of one pipeline.
type Orchestrator struct {
	stages      []Stage
	connectors  []connector.Connector
	metrics     *metrics.Metrics
	requests    *metrics.RequestRecorder
	work        []*metrics.StageRecorder // by stage
	attribution *metrics.AttributionRecorder
	now         func() time.Time
	newEngine   func(stage, replica int) engine.Engine
	log         *slog.Logger

	stageTimeout   time.Duration
	requestTimeout time.Duration
	gather         bool

	flights sync.WaitGroup // every goroutine that works for a request

	mu       sync.Mutex // guards the fields below
	queue    *queue
	running  map[*flight]struct{}
	outages  []*time.Timer // by stage; nil but while requests wait for one without a replica
	draining bool
	idle     chan struct{} // closed when draining and no request is left
}

// New makes an orchestrator over ready stages. It panics when the number of
// connectors does not fit the stages.
func New(o Options) *Orchestrator {
	if len(o.Stages) == 0 || len(o.Connectors) != len(o.Stages)-1 {
		panic(fmt.Sprintf("BUG: %d stages with %d connectors", len(o.Stages), len(o.Connectors)))
	}
	if o.MaxQueue <= 0 {
		o.MaxQueue = DefaultMaxQueue
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	orch := &Orchestrator{
		stages:      o.Stages,
		connectors:  o.Connectors,
		metrics:     o.Metrics,
		requests:    o.Metrics.Requests(),
		attribution: o.Metrics.Attribution(),
		now:         o.now,
		newEngine:   o.NewEngine,
		log:         o.Log,

		stageTimeout:   o.StageTimeout,
		requestTimeout: o.RequestTimeout,
		gather:         o.Gather,

		queue:   newQueue(len(o.Stages), o.MaxQueue),
		running: make(map[*flight]struct{}),
		outages: make([]*time.Timer, len(o.Stages)),
		idle:    make(chan struct{}),
	}
	for k, s := range orch.stages {
		orch.work = append(orch.work, o.Metrics.Stage(k))
		s.OnFreed(orch.dispatch)
	}
	orch.metrics.ObserveRequests(orch.requestsByStage)
	orch.metrics.ObserveReplicas(orch.replicas)
	return orch
}

// Request is a request as the pipeline sees it.
type Request struct {
	// ID is the external request id.
	ID string
	// Arrived is when the server's handler was entered.
	Arrived time.Time
	// Entry is the stage that the request starts at.
	Entry int
	// Final is the last stage that works for the request.
	Final int
	// Text says that the client wants the text, Audio that it wants the sound of
	// a stage that gives both. A stage that gives nothing but sound is final only
	// for those who want it.
	Text, Audio bool
	// Streamed says that outputs reach the client as they appear; the audio
	// families that speak of a player (first packet, underrun, continuity) are
	// observed only then.
	Streamed bool
	// Tokens is the prompt of the entry stage.
	Tokens []int32
	// Relay is the client's request for stages that hand it on; nil if there are
	// none.
	Relay *engine.Relay
	// Affinity is the same for requests that had better meet the same replica;
	// it counts where a stage's policy says so.
	Affinity uint64
	// Voice names the speaker; empty is the model's default.
	Voice string
	// Sampling holds one stage's parameters at each index.
	Sampling []engine.Sampling
	// N is the number of choices that the client asked for; 0 means 1. Only a
	// request whose entry stage is its final one has several.
	N int
	// MorePrompts are further prompts of the entry stage. Each has N choices of
	// its own, as if it were alone: the first ones are those of Tokens.
	MorePrompts [][]int32
}

// FinalStage returns the last stage that a request for the wanted outputs needs:
// the highest one that produces any of them. It is false when no stage does.
func (o *Orchestrator) FinalStage(want Modality) (int, bool) {
	for k := len(o.stages) - 1; k >= 0; k-- {
		if o.stages[k].Output&want != 0 {
			return k, true
		}
	}
	return 0, false
}

// Submit admits a request. The caller reads the reply and must close it.
func (o *Orchestrator) Submit(req Request) (*Reply, error) {
	for _, s := range o.stages[req.Entry : req.Final+1] {
		if err := s.Available(); err != nil {
			return nil, err
		}
	}
	f := newFlight(o, req)
	o.mu.Lock()
	switch {
	case o.draining:
		o.mu.Unlock()
		return nil, ErrDraining
	case !o.queue.push(f):
		o.mu.Unlock()
		return nil, ErrQueueFull
	}
	o.requests.Admitted()
	o.mu.Unlock()
	f.watchDeadline()
	o.dispatch()
	return &Reply{f: f}, nil
}

// dispatch starts waiting requests, oldest first, while their entry stage has
// a free place. A request that waits for one stage does not hold up another
// that starts elsewhere.
func (o *Orchestrator) dispatch() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for k := range o.stages {
		for o.queue.waiting(k) > 0 {
			binding, ok := o.stages[k].TryBind(o.queue.first(k).req.Affinity)
			if !ok {
				break
			}
			f := o.queue.pop(k)
			o.running[f] = struct{}{}
			f.dispatched = o.now()
			o.flights.Go(func() { f.run(binding) })
		}
		o.watchOutage(k)
	}
}

// leave takes a request that ended out of the queue or the running set. It is
// false when the request had left before.
func (o *Orchestrator) leave(f *flight) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ran := o.running[f]
	if !ran && !o.queue.remove(f) {
		return false
	}
	delete(o.running, f)
	if o.draining && len(o.running)+o.queue.len() == 0 {
		close(o.idle)
	}
	return true
}

// Requests returns the number of requests dispatched and not ended, and of
// those in the queue, at one instant.
func (o *Orchestrator) Requests() (running, waiting int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.running), o.queue.len()
}

// requestsByStage is Requests with those in the queue by the stage that they
// begin at.
func (o *Orchestrator) requestsByStage() (running int, waiting []int) {
	waiting = make([]int, len(o.stages))
	o.mu.Lock()
	defer o.mu.Unlock()
	for k := range waiting {
		waiting[k] = o.queue.waiting(k)
	}
	return len(o.running), waiting
}

// Stages returns the pipeline's stages; the slice must not be changed.
func (o *Orchestrator) Stages() []Stage { return o.stages }

// Draining says whether Drain was called.
func (o *Orchestrator) Draining() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.draining
}

// Drain refuses new requests and waits until the admitted ones have ended, or
// for ctx. What is left then is ended as an abort when its reply is closed.
func (o *Orchestrator) Drain(ctx context.Context) error {
	o.mu.Lock()
	if !o.draining {
		o.draining = true
		if len(o.running)+o.queue.len() == 0 {
			close(o.idle)
		}
	}
	o.mu.Unlock()
	select {
	case <-o.idle:
		return nil
	case <-ctx.Done():
		running, waiting := o.Requests()
		return fmt.Errorf("%d requests running and %d waiting: %w", running, waiting, context.Cause(ctx))
	}
}

// Close closes the stages and the connectors. Requests that are still running
// fail. It returns when nothing works for a request any more.
func (o *Orchestrator) Close() error {
	var errs []error
	for _, s := range o.stages {
		errs = append(errs, s.Close())
	}
	for _, c := range o.connectors {
		errs = append(errs, c.Close())
	}
	o.flights.Wait()
	return errors.Join(errs...)
}
