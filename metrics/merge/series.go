package merge

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// seed and keys make hashes that no page can foresee.
var (
	seed = maphash.MakeSeed()
	keys = [3]uint64{maphash.Bytes(seed, []byte("0")), maphash.Bytes(seed, []byte("1")), maphash.Bytes(seed, []byte("2"))}
)

// hash is that of a name or a label's value. Most bounds of buckets have no
// more than eight bytes, for which a call would take longer than the hash. What
// lies behind text in its array may be read, and does not count.
func hash(text []byte) uint64 {
	if len(text) > 8 {
		return maphash.Bytes(seed, text)
	}
	var word uint64
	if cap(text) >= 8 {
		word = binary.LittleEndian.Uint64(text[:8]) & (1<<(8*len(text)) - 1)
	} else {
		for i, b := range text {
			word |= uint64(b) << (8 * i)
		}
	}
	return mix(word^keys[0], uint64(len(text))^keys[1])
}

// labelHash is that of a label, made of its name's and its value's. A label
// without a value is none.
func labelHash(name uint64, value []byte) uint64 {
	if len(value) == 0 {
		return 0
	}
	return mix(name, hash(value)+keys[2])
}

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

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
