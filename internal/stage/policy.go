package stage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Policy says how a pool chooses among the replicas that may have a request.
type Policy string

// The policies.
const (
	// LeastInFlight takes the one with the fewest requests; ties go round.
	LeastInFlight Policy = "least-in-flight"
	// RoundRobin takes one after the other.
	RoundRobin Policy = "round-robin"
	// PowerOfTwo takes the less loaded one of two drawn by chance: nearly as even
	// as the first, without a herd where several servers share the replicas.
	PowerOfTwo Policy = "power-of-two"
	// ConsistentHash takes the same one for the same affinity, a conversation's
	// prefix for instance, while that one is not loaded far above the others.
	ConsistentHash Policy = "consistent-hash"
)

var policies = []Policy{LeastInFlight, RoundRobin, PowerOfTwo, ConsistentHash}

// ParsePolicy reads a policy's name; empty is LeastInFlight.
func ParsePolicy(name string) (Policy, error) {
	if name == "" {
		return LeastInFlight, nil
	}
	if p := Policy(name); slices.Contains(policies, p) {
		return p, nil
	}
	names := make([]string, len(policies))
	for i, p := range policies {
		names[i] = string(p)
	}
	return "", fmt.Errorf("policy %q: the policies are %s", name, strings.Join(names, ", "))
}

// SetPolicy sets how replicas are chosen. It must be set before the pool is used.
func (p *Pool) SetPolicy(policy Policy) { p.policy = policy }

// overload is how far above the mean a replica may be loaded before a
// consistent hash passes it over (Mirrokni et al., 2018, have c = 1.25).
const overload = 1.25

// choose picks a replica among those that are in service and that may have the
// request; nil if there is none. The pool's mu is held.
func (p *Pool) choose(affinity uint64, may func(*Replica) bool) *Replica {
	fits := func(r *Replica) bool { return p.inService(r) && may(r) }
	var chosen *Replica
	switch p.policy {
	case RoundRobin:
		chosen = p.best(fits, func(a, b *Replica) bool { return false })
	case PowerOfTwo:
		chosen = p.ofTwo(fits)
	case ConsistentHash:
		if affinity != 0 {
			if chosen = p.hashed(affinity, fits); chosen != nil {
				break
			}
		}
		fallthrough
	default:
		chosen = p.best(fits, func(a, b *Replica) bool { return a.load < b.load })
	}
	if chosen != nil {
		p.turn = slices.Index(p.replicas, chosen) + 1
	}
	return chosen
}

// best is the first replica that fits and that no other one is better than,
// counted from the one after the last choice.
func (p *Pool) best(fits func(*Replica) bool, better func(a, b *Replica) bool) *Replica {
	var best *Replica
	n := len(p.replicas)
	for i := range n {
		r := p.replicas[(p.turn+i)%n]
		if fits(r) && (best == nil || better(r, best)) {
			best = r
		}
	}
	return best
}

// ofTwo is the less loaded one of two different replicas drawn by chance.
func (p *Pool) ofTwo(fits func(*Replica) bool) *Replica {
	var one, two *Replica
	seen := 0
	for _, r := range p.replicas { // a sample of two, each pair as likely as any other
		if !fits(r) {
			continue
		}
		seen++
		switch {
		case one == nil:
			one = r
		case two == nil:
			two = r
		default:
			switch rand.IntN(seen) {
			case 0:
				one = r
			case 1:
				two = r
			}
		}
	}
	switch {
	case two == nil:
		return one
	case two.load < one.load || two.load == one.load && rand.IntN(2) == 0:
		return two
	}
	return one
}

// hashed is the replica that the affinity weighs highest (rendezvous hashing:
// a replica that comes or goes moves only its own share), passing over those
// that have far more to do than the mean.
func (p *Pool) hashed(affinity uint64, fits func(*Replica) bool) *Replica {
	sum, n := 1, 0 // the request itself counts
	for _, r := range p.replicas {
		if fits(r) {
			sum += r.load
			n++
		}
	}
	var best *Replica
	var highest uint64
	for _, r := range p.replicas {
		if !fits(r) || float64(r.load+1) > overload*float64(sum)/float64(n)+1 {
			continue
		}
		if w := mix(affinity ^ mix(uint64(r.ID)+1)); best == nil || w > highest {
			best, highest = r, w
		}
	}
	return best
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
