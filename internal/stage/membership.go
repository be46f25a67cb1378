package stage

import (
	"errors"
	"fmt"
	"slices"

	"github.com/limelight-omni/limelight/internal/engine"
)

// Errors of Add and Remove.
var (
	// ErrUnknownReplica means that the stage has no replica of that id.
	ErrUnknownReplica = errors.New("stage has no such replica")
	// ErrLastReplica means that the stage could serve nobody without the replica.
	ErrLastReplica = errors.New("it is the stage's last replica")
	// ErrTooManyReplicas means that the stage has as many replicas as it may.
	ErrTooManyReplicas = errors.New("stage has too many replicas")
)

// MaxReplicas bounds the replicas that a stage may come to have.
const MaxReplicas = 1024

// Add starts a further replica. Start makes the engine, which is the replica's
// whose id it is given; no other one gets that id.
func (p *Pool) Add(start func(id int) engine.Engine) (*Replica, error) {
	p.mu.Lock()
	switch {
	case p.closed:
		p.mu.Unlock()
		return nil, fmt.Errorf("stage %s: %w", p.Name, engine.ErrClosed)
	case len(p.replicas) >= MaxReplicas:
		p.mu.Unlock()
		return nil, fmt.Errorf("stage %s: %w: %d", p.Name, ErrTooManyReplicas, len(p.replicas))
	}
	id := p.next
	p.next++
	p.mu.Unlock()

	r := &Replica{ID: id, Engine: start(id)}
	p.mu.Lock()
	closed := p.closed
	if !closed {
		// The slice may be in a reader's hands.
		p.replicas = append(slices.Clone(p.replicas), r)
		slices.SortFunc(p.replicas, func(a, b *Replica) int { return a.ID - b.ID })
	}
	p.mu.Unlock()
	if closed {
		return nil, errors.Join(fmt.Errorf("stage %s: %w", p.Name, engine.ErrClosed), r.Engine.Close())
	}
	if p.freed != nil {
		p.freed()
	}
	return r, nil
}

// Remove lets a replica go: it gets no new request from now on, and when the
// last one bound to it is released its engine is closed. Gone, if not nil, is
// called then with the engine's error. To remove a replica that is going already
// changes nothing. The last replica that is up cannot be removed.
func (p *Pool) Remove(id int, gone func(error)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.replica(id)
	switch {
	case r == nil:
		return fmt.Errorf("stage %s: replica %d: %w", p.Name, id, ErrUnknownReplica)
	case r.leaving:
		return nil
	}
	others, up := 0, 0
	for _, o := range p.replicas {
		if o == r || o.leaving {
			continue
		}
		others++
		if !o.down {
			up++
		}
	}
	if others == 0 || up == 0 && !r.down {
		return fmt.Errorf("stage %s: replica %d: %w", p.Name, id, ErrLastReplica)
	}
	r.leaving, r.gone = true, gone
	p.depart(r)
	return nil
}

// depart closes the engine of a replica that leaves once nothing is bound to it.
// The caller holds mu.
func (p *Pool) depart(r *Replica) {
	if !r.leaving || r.load > 0 || p.closed {
		return
	}
	p.replicas = slices.DeleteFunc(slices.Clone(p.replicas), func(o *Replica) bool { return o == r })
	p.departures.Go(func() {
		err := r.Engine.Close()
		if r.gone != nil {
			r.gone(err)
		}
	})
}

// out says that the replica gets nothing new, whatever comes.
func (r *Replica) out() bool { return r.down || r.leaving }

// replica finds one by its id; nil if there is none. The caller holds mu.
func (p *Pool) replica(id int) *Replica {
	i := slices.IndexFunc(p.replicas, func(r *Replica) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return p.replicas[i]
}
