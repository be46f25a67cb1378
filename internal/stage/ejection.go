package stage

import "time"

// Ejection takes replicas out of service that fail at one request after the
// other. The zero value ejects none.
type Ejection struct {
	// Failures in a row eject a replica; 0 turns ejection off.
	Failures int
	// Base is how long the first ejection lasts. Each further one without a
	// success in between lasts twice as long, up to Max.
	Base, Max time.Duration
	// Observe is told of each ejection, without a lock held; may be nil.
	Observe func(replica int, until time.Duration, err error)

	now   func() time.Time
	after func(time.Duration, func())
}

// failures are what a replica has failed at lately.
type failures struct {
	inARow  int
	ejected int // times, since the last success
	until   time.Time
}

// SetEjection sets when failing replicas are taken out. It must be set before
// the pool is used.
func (p *Pool) SetEjection(e Ejection) {
	if e.now == nil {
		e.now = time.Now
	}
	if e.after == nil {
		e.after = func(d time.Duration, f func()) { time.AfterFunc(d, f) }
	}
	p.ejection = e
}

// inService says whether a replica gets new requests. The last one that is up
// gets them even when it was ejected: a stage that may work is better than none.
func (p *Pool) inService(r *Replica) bool {
	if r.out() {
		return false
	}
	if !p.ejected(r) {
		return true
	}
	for _, other := range p.replicas {
		if !other.out() && !p.ejected(other) {
			return false
		}
	}
	return true
}

func (p *Pool) ejected(r *Replica) bool {
	return p.ejection.Failures > 0 && !r.failures.until.IsZero() && p.ejection.now().Before(r.failures.until)
}

// Failed reports that the replica failed at the request, by a fault of its own.
func (b *Binding) Failed(err error) {
	p := b.pool
	e := &p.ejection
	if e.Failures <= 0 {
		return
	}
	p.mu.Lock()
	f := &b.Replica.failures
	f.inARow++
	if f.inARow < e.Failures || p.ejected(b.Replica) {
		p.mu.Unlock()
		return
	}
	last := min(e.Base<<min(f.ejected, 16), e.Max)
	f.ejected++
	f.until = e.now().Add(last)
	f.inARow = e.Failures - 1 // one more failure after it is enough
	p.mu.Unlock()
	if e.Observe != nil {
		e.Observe(b.Replica.ID, last, err)
	}
	if p.freed != nil {
		e.after(last, p.freed) // its places are free again for those that wait
	}
}

// Succeeded reports that the replica did a whole request.
func (b *Binding) Succeeded() {
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	b.Replica.failures = failures{}
}
