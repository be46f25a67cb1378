package merge

import "hash/maphash"

// seed makes hashes that no page can foresee.
var seed = maphash.MakeSeed()

func hash(text []byte) uint64 { return maphash.Bytes(seed, text) }

// seriesSet finds series that stand twice on a page, by their hashes: a page of
// 10 million series would lose one for another's sake once in 400,000 pages.
// The zero value is an empty set.
type seriesSet struct {
	slots []uint64 // an open hash table, half full at most; 0 is free
	held  int
}

// reset empties the set and keeps its memory.
func (s *seriesSet) reset() {
	clear(s.slots)
	s.held = 0
}

// add is false if the set holds h already.
func (s *seriesSet) add(h uint64) bool {
	if h == 0 {
		h = 1
	}
	if 2*s.held >= len(s.slots) {
		s.grow()
	}
	if !s.put(h) {
		return false
	}
	s.held++
	return true
}

func (s *seriesSet) put(h uint64) bool {
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case 0:
			s.slots[i] = h
			return true
		case h:
			return false
		}
	}
}

func (s *seriesSet) grow() {
	old := s.slots
	s.slots = make([]uint64, max(256, 2*len(old)))
	for _, h := range old {
		if h != 0 {
			s.put(h)
		}
	}
}
