package ar

// blockPool gives out the blocks of the KV cache. A sequence gets all the
// blocks that it can come to need at once, so that none runs dry half way.
type blockPool struct {
	size    int // positions in a block
	unused  []int32
	backing int // blocks in all
}

func newBlockPool(blocks, size int) *blockPool {
	p := &blockPool{size: size, unused: make([]int32, blocks), backing: blocks}
	for i := range p.unused {
		p.unused[i] = int32(blocks - 1 - i) // the lowest ids are given first: memory is touched densely
	}
	return p
}

// take returns a block table for n positions, or false if too few are unused.
func (p *blockPool) take(positions int) ([]int32, bool) {
	n := ceilDiv(positions, p.size)
	if n > len(p.unused) {
		return nil, false
	}
	table := make([]int32, n)
	for i := range table {
		last := len(p.unused) - 1
		table[i] = p.unused[last]
		p.unused = p.unused[:last]
	}
	return table, true
}

// free takes a block table back.
func (p *blockPool) free(table []int32) {
	for i := len(table) - 1; i >= 0; i-- {
		p.unused = append(p.unused, table[i])
	}
}

// capacity is the number of positions that all blocks hold together.
func (p *blockPool) capacity() int { return p.backing * p.size }
