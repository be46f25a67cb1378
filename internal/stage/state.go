package stage

// State says what a replica can take at an instant.
type State string

// The states; a replica is in exactly one.
const (
	// Ready: it has a free place.
	Ready State = "ready"
	// Full: each of its places is taken.
	Full State = "full"
)

// States returns the state of each replica, in id order, at one instant.
func (p *Pool) States() []State {
	p.mu.Lock()
	defer p.mu.Unlock()
	states := make([]State, len(p.replicas))
	for i, r := range p.replicas {
		states[i] = Ready
		if r.load >= p.places {
			states[i] = Full
		}
	}
	return states
}
