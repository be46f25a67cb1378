package engine

import "testing"

func TestRingKeepsItsOrderWhileItGrows(t *testing.T) {
	for start := range 5 {
		r := newRing[int](5)
		for range start { // so that the oldest one does not stand in front
			r.push(0)
			r.pop()
		}
		for i := range 5 {
			if r.full() {
				t.Fatalf("full with %d of 5", i)
			}
			r.push(i)
			if i == 1 { // one leaves, another one comes: it goes around
				r.push(r.pop())
				r.push(r.pop())
			}
		}
		if !r.full() {
			t.Error("not full with 5 of 5")
		}
		for i := range 5 {
			if got := r.pop(); got != i {
				t.Errorf("number %d is %d", i, got)
			}
		}
		if !r.empty() {
			t.Error("not empty")
		}
	}
}
