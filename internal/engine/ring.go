package engine

// ring is a first-in-first-out buffer of fixed capacity. Its memory grows as far
// as it is used: mostly a few slots. Slots are cleared as they are popped, so that
// a drained ring keeps nothing alive.
type ring[T any] struct {
	buf      []T
	capacity int
	head     int
	n        int
}

func newRing[T any](capacity int) ring[T] {
	if capacity < 1 {
		panic("BUG: ring without capacity")
	}
	return ring[T]{capacity: capacity}
}

func (r *ring[T]) empty() bool { return r.n == 0 }
func (r *ring[T]) full() bool  { return r.n == r.capacity }

func (r *ring[T]) push(v T) {
	if r.n == len(r.buf) {
		r.grow()
	}
	r.buf[(r.head+r.n)%len(r.buf)] = v
	r.n++
}

func (r *ring[T]) grow() {
	grown := make([]T, min(max(2, 2*len(r.buf)), r.capacity))
	copy(grown[copy(grown, r.buf[r.head:]):], r.buf[:r.head])
	r.buf, r.head = grown, 0
}

func (r *ring[T]) pop() T {
	var zero T
	v := r.buf[r.head]
	r.buf[r.head] = zero
	r.head = (r.head + 1) % len(r.buf)
	r.n--
	return v
}

func (r *ring[T]) clear() {
	clear(r.buf)
	r.head, r.n = 0, 0
}
