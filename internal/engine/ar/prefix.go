package ar

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// blockHash stands for the content of a full block and of all before it: the
// hash of the hash before it and of its own input rows. Two blocks of one hash
// hold the same keys and values to the last bit, since these depend on nothing
// else.
type blockHash [sha256.Size]byte

// chain extends a sequence's hashes to its first n blocks, whose rows must be
// known. Room is working memory; it is returned, possibly grown.
func chain(hashes []blockHash, n, size int, p program, room []byte) ([]blockHash, []byte) {
	for k := len(hashes); k < n; k++ {
		room = room[:0]
		if k > 0 {
			room = append(room, hashes[k-1][:]...)
		}
		room = p.content(room, k*size, (k+1)*size)
		hashes = append(hashes, sha256.Sum256(room))
	}
	return hashes, room
}

// prefixIndex finds blocks by what they hold. It is a hash table inside the
// pool's fixed number of blocks, so that nothing is allocated however its
// content comes and goes. A nil index holds nothing.
type prefixIndex struct {
	heads   []int32 // by the low bits of a hash: the first block of a chain
	entries []prefixEntry
}

// prefixEntry is what the index has of one block.
type prefixEntry struct {
	hash   blockHash
	next   int32 // in the chain
	inside bool
}

func newPrefixIndex(blocks int) *prefixIndex {
	x := &prefixIndex{heads: make([]int32, 1<<bits.Len(uint(blocks))), entries: make([]prefixEntry, blocks)}
	for i := range x.heads {
		x.heads[i] = none
	}
	return x
}

func (x *prefixIndex) head(h *blockHash) *int32 {
	return &x.heads[binary.LittleEndian.Uint32(h[:])&uint32(len(x.heads)-1)]
}

// find returns the block that holds what h stands for, or none.
func (x *prefixIndex) find(h *blockHash) int32 {
	if x == nil {
		return none
	}
	b := *x.head(h)
	for b != none && x.entries[b].hash != *h {
		b = x.entries[b].next
	}
	return b
}

// remember makes a block be found by what it holds, unless another one is
// already: two sequences that were computed side by side may hold the same.
func (x *prefixIndex) remember(b int32, h *blockHash) {
	if x.find(h) != none {
		return
	}
	head := x.head(h)
	x.entries[b] = prefixEntry{hash: *h, next: *head, inside: true}
	*head = b
}

// holds says whether the block is found by what it holds.
func (x *prefixIndex) holds(b int32) bool { return x != nil && x.entries[b].inside }

// forget makes the block be found no more.
func (x *prefixIndex) forget(b int32) {
	if !x.holds(b) {
		return
	}
	at := x.head(&x.entries[b].hash)
	for *at != b {
		at = &x.entries[*at].next
	}
	*at = x.entries[b].next
	x.entries[b].inside = false
}
