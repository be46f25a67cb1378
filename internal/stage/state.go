package stage

// State says what a replica can take at an instant.
type State string

// The states; a replica is in exactly one.
const (
	// Ready: it has a free place.
	Ready State = "ready"
	// Full: each of its places is taken.
	Full State = "full"
	// Down: it gets nothing new.
	Down State = "down"
)

// States returns the state of each replica, in id order, at one instant.
func (p *Pool) States() []State {
	p.mu.Lock()
	defer p.mu.Unlock()
	states := make([]State, len(p.replicas))
	for i, r := range p.replicas {
		switch {
		case !p.inService(r):
			states[i] = Down
		case r.load >= p.places:
			states[i] = Full
		default:
			states[i] = Ready
		}
	}
	return states
}
