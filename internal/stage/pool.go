// Package stage holds the replicas of one stage: who has how much to do, who
// is well, and which replica a request is bound to. It knows nothing of HTTP
// or of the pipeline around the stage.
package stage

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/limelight-omni/limelight/internal/engine"
)

// ErrNoReplica is returned when a stage has no live replica.
var ErrNoReplica = errors.New("stage has no live replica")

// Replica is one engine of a stage.
type Replica struct {
	// ID is unique within the stage and never given to another engine.
	ID     int
	Engine engine.Engine

	// The pool's mu guards the rest.
	load     int  // requests bound and not released
	down     bool // it gets nothing new
	failures failures
	leaving  bool        // it gets nothing new ever again
	gone     func(error) // called when it has left; may be nil
}

// Pool is a stage: its replicas and the choice among them. It must not be copied.
type Pool struct {
	// ID is the stage's position in the pipeline.
	ID int
	// Name is for configuration, logs and pages.
	Name string

	places   int
	freed    func()
	policy   Policy
	ejection Ejection

	departures sync.WaitGroup // replicas that are closing

	mu       sync.Mutex // guards the fields below and the replicas' state
	replicas []*Replica // in the order of their ids; replaced, never changed
	next     int        // the id of the next one that is added
	turn     int        // where the search for the least loaded starts, so that ties go round
	closed   bool
}

// NewPool makes a stage of the given engines, with ids 0, 1, ... in their
// order. Places is the number of unfinished requests that TryBind gives one
// replica at most. Freed, if not nil, is called without a lock held, as OnFreed
// says.
func NewPool(id int, name string, places int, freed func(), engines ...engine.Engine) *Pool {
	p := &Pool{ID: id, Name: name, places: max(1, places), freed: freed, next: len(engines)}
	for i, e := range engines {
		p.replicas = append(p.replicas, &Replica{ID: i, Engine: e})
	}
	return p
}

// OnFreed sets what is called when a place becomes free, and when a replica goes
// down, after which those that wait may have none left. It must be set before the
// pool is used.
func (p *Pool) OnFreed(f func()) { p.freed = f }

// TryBind binds a request to a replica that has a free place, as the policy
// chooses. It is false when none has.
func (p *Pool) TryBind(affinity uint64) (*Binding, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.choose(affinity, func(r *Replica) bool { return r.load < p.places })
	if r == nil {
		return nil, false
	}
	r.load++
	return &Binding{Replica: r, pool: p}, true
}

// BindExcept binds a request to a replica other than those tried, as the policy
// chooses, whether or not it has a free place: a request that is under way waits
// inside the engine.
func (p *Pool) BindExcept(affinity uint64, tried ...int) (*Binding, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.choose(affinity, func(r *Replica) bool { return !slices.Contains(tried, r.ID) })
	if r == nil {
		return nil, p.noReplica()
	}
	r.load++
	return &Binding{Replica: r, pool: p}, nil
}

// Bind binds a request to a replica, as BindExcept does to any.
func (p *Pool) Bind(affinity uint64) (*Binding, error) { return p.BindExcept(affinity) }

// SetUp says whether a replica is well. One that is down keeps the requests
// bound to it, whose fate is its engine's to tell, and gets no new one. All
// replicas are up at first. It is true if that changed something; of a replica
// that has left nothing does.
func (p *Pool) SetUp(replica int, up bool) bool {
	p.mu.Lock()
	r := p.replica(replica)
	if r == nil {
		p.mu.Unlock()
		return false
	}
	changed := r.down == up
	r.down = !up
	p.mu.Unlock()
	if changed && p.freed != nil {
		p.freed() // its places are free for those that wait, or gone
	}
	return changed
}

// Available returns an error that wraps ErrNoReplica while no replica is up.
func (p *Pool) Available() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.replicas {
		if !r.out() {
			return nil
		}
	}
	return p.noReplica()
}

func (p *Pool) noReplica() error { return fmt.Errorf("stage %s: %w", p.Name, ErrNoReplica) }

// Replicas returns the replicas. The slice must not be changed.
func (p *Pool) Replicas() []*Replica {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.replicas
}

// Load returns the number of requests bound to each replica, in id order.
func (p *Pool) Load() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	load := make([]int, len(p.replicas))
	for i, r := range p.replicas {
		load[i] = r.load
	}
	return load
}

// Places is the number of requests that a replica works for at one time.
func (p *Pool) Places() int { return p.places }

// Close closes the stage's engines. No replica is added afterwards.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	defer p.departures.Wait()
	var errs []error
	for _, r := range p.Replicas() {
		if err := r.Engine.Close(); err != nil {
			errs = append(errs, fmt.Errorf("stage %s: replica %d: %w", p.Name, r.ID, err))
		}
	}
	return errors.Join(errs...)
}

// Binding ties one request to one replica until it is released.
type Binding struct {
	Replica *Replica

	pool *Pool
	once sync.Once
}

// Release gives the place back. It may be called more than once.
func (b *Binding) Release() {
	b.once.Do(func() {
		b.pool.mu.Lock()
		b.Replica.load--
		b.pool.depart(b.Replica)
		b.pool.mu.Unlock()
		if b.pool.freed != nil {
			b.pool.freed()
		}
	})
}
