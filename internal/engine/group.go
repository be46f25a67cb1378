package engine

import "sync"

// Group is what the choices of one client request have in common. Each of them
// is a request of its own inside a stage; the group knows which one ends last.
type Group struct {
	n int

	mu      sync.Mutex // guards the fields below
	ended   int
	longest int
}

// NewGroup makes the group of n choices.
func NewGroup(n int) *Group { return &Group{n: n} }

// N is the number of choices; a request without a group is the only one.
func (g *Group) N() int {
	if g == nil {
		return 1
	}
	return g.n
}

// Ended takes in that one choice ended naturally with so many generated tokens.
// It returns the largest number so far, and whether this was the last choice.
func (g *Group) Ended(tokens int) (longest int, last bool) {
	if g == nil {
		return tokens, true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended++
	g.longest = max(g.longest, tokens)
	return g.longest, g.ended == g.n
}
