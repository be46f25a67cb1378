package stage

// State says what a replica can take at an instant.
type State string

// The states; a replica is in exactly one.
const (
	// Ready: it has a free place.
	Ready State = "ready"
	// Full: each of its places is taken.
	Full State = "full"
	// Down: it gets nothing new, and may come back.
	Down State = "down"
	// Draining: it gets nothing new, and leaves when its requests have ended.
	Draining State = "draining"
)

// Member is a replica at an instant.
type Member struct {
	ID    int
	State State
	// Requests is the number of requests bound to it.
	Requests int
}

// Members returns all replicas, in the order of their ids, at one instant.
func (p *Pool) Members() []Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	members := make([]Member, len(p.replicas))
	for i, r := range p.replicas {
		members[i] = Member{ID: r.ID, Requests: r.load}
		switch {
		case r.leaving:
			members[i].State = Draining
		case !p.inService(r):
			members[i].State = Down
		case r.load >= p.places:
			members[i].State = Full
		default:
			members[i].State = Ready
		}
	}
	return members
}
