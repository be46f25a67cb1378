package engine

import "testing"

func TestLastChoiceToEndLearnsTheLongest(t *testing.T) {
	g := NewGroup(3)
	for i, c := range []struct {
		tokens, longest int
		last            bool
	}{{5, 5, false}, {9, 9, false}, {2, 9, true}} {
		if longest, last := g.Ended(c.tokens); longest != c.longest || last != c.last {
			t.Errorf("end %d: %d, %v", i, longest, last)
		}
	}
	var alone *Group
	if longest, last := alone.Ended(7); longest != 7 || !last || alone.N() != 1 || g.N() != 3 {
		t.Errorf("a request without a group: %d, %v, of %d", longest, last, alone.N())
	}
}
