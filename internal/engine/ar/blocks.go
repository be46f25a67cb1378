package ar

// none is no block.
const none = -1

// blockPool gives out the blocks of the KV cache and counts who holds each. A
// block that nobody holds is free, and may still hold what a later sequence can
// use: it is given out again only when no other is left, the one unused for
// longest first. A blockPool belongs to one goroutine.
type blockPool struct {
	size   int // positions in a block
	blocks []block
	free   int // blocks that nobody holds
	// The free blocks are a list, the next one to be given out first.
	first, last int32
	prefixes    *prefixIndex // nil without prefix caching
	lives       *blockLives  // nil without sampling
}

// block is what the pool knows of a block.
type block struct {
	holders    int32
	prev, next int32 // in the list of free blocks
}

// newBlockPool makes a pool of free blocks that hold nothing. Both prefixes and
// lives may be nil.
func newBlockPool(blocks, size int, prefixes *prefixIndex, lives *blockLives) *blockPool {
	p := &blockPool{size: size, blocks: make([]block, blocks), first: none, last: none, prefixes: prefixes, lives: lives}
	for i := range p.blocks {
		p.append(int32(i)) // the lowest ids are given first: memory is touched densely
	}
	return p
}

// need is the number of blocks that a table of n blocks lacks to hold so many
// positions.
func (p *blockPool) need(n, positions int) int { return max(0, ceilDiv(positions, p.size)-n) }

// take gives out a free block, of which there must be one, to one holder. What
// it held for later sequences is gone.
func (p *blockPool) take() int32 {
	b := p.first
	p.unlink(b)
	p.blocks[b].holders = 1
	p.prefixes.forget(b)
	p.lives.began(b)
	return b
}

// hold adds a holder to a block that was found by its content.
func (p *blockPool) hold(b int32) {
	if p.blocks[b].holders == 0 {
		p.unlink(b)
	}
	p.blocks[b].holders++
	p.lives.found(b)
}

// drop takes a holder from each block of a table. The last blocks of the table
// come to be given out before its first ones, which more sequences can use.
func (p *blockPool) drop(table []int32) {
	for i := len(table) - 1; i >= 0; i-- {
		b := table[i]
		if p.blocks[b].holders--; p.blocks[b].holders > 0 {
			continue
		}
		if p.prefixes.holds(b) {
			p.append(b)
		} else {
			p.prepend(b)
		}
	}
}

// ----- the list of free blocks -----

func (p *blockPool) append(b int32) {
	p.blocks[b].prev, p.blocks[b].next = p.last, none
	if p.last == none {
		p.first = b
	} else {
		p.blocks[p.last].next = b
	}
	p.last = b
	p.free++
}

func (p *blockPool) prepend(b int32) {
	p.blocks[b].prev, p.blocks[b].next = none, p.first
	if p.first == none {
		p.last = b
	} else {
		p.blocks[p.first].prev = b
	}
	p.first = b
	p.free++
}

func (p *blockPool) unlink(b int32) {
	prev, next := p.blocks[b].prev, p.blocks[b].next
	if prev == none {
		p.first = next
	} else {
		p.blocks[prev].next = next
	}
	if next == none {
		p.last = prev
	} else {
		p.blocks[next].prev = prev
	}
	p.free--
}
