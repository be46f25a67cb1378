package qwen3omni

// KVCache holds the keys and values of past positions in blocks of a fixed
// number of positions. A block belongs to whoever put its id in a block table;
// the cache does not keep track. A block's memory is allocated when it is first
// written, so a large pool costs nothing until it is used. A KVCache belongs to
// one goroutine.
type KVCache struct {
	blockSize int
	layers    int
	heads     int // key and value heads
	dim       int
	// blocks[b] is [layer][key or value][head][position in block][dim]: one
	// head's keys are a matrix, ready for Dots.
	blocks [][]float32
}

// NewKVCache makes a cache of that many blocks of blockSize positions each.
func (d *Decoder) NewKVCache(blocks, blockSize int) *KVCache {
	return &KVCache{
		blockSize: blockSize,
		layers:    len(d.layers),
		heads:     d.cfg.KVHeads,
		dim:       d.cfg.HeadDim,
		blocks:    make([][]float32, blocks),
	}
}

// KVBlockBytes is the memory that a block of blockSize positions takes once it
// is used.
func (d *Decoder) KVBlockBytes(blockSize int) int64 {
	return 4 * int64(d.NewKVCache(0, blockSize).blockFloats())
}

func (c *KVCache) blockFloats() int { return c.layers * 2 * c.heads * c.blockSize * c.dim }

// grow makes the cache have at least n blocks.
func (c *KVCache) grow(n int) {
	for len(c.blocks) < n {
		c.blocks = append(c.blocks, nil)
	}
}

// keys returns one head's keys in a block, [blockSize, dim].
func (c *KVCache) keys(block int32, layer, head int) []float32 {
	n := c.blockSize * c.dim
	at := (layer*2*c.heads + head) * n
	return c.blocks[block][at : at+n]
}

// values returns one head's values in a block, [blockSize, dim].
func (c *KVCache) values(block int32, layer, head int) []float32 {
	n := c.blockSize * c.dim
	at := ((layer*2+1)*c.heads + head) * n
	return c.blocks[block][at : at+n]
}

// reserve gives memory to the blocks of positions start to start+rows-1.
func (c *KVCache) reserve(table []int32, start, rows int) {
	if rows == 0 {
		return
	}
	for _, block := range table[start/c.blockSize : (start+rows-1)/c.blockSize+1] {
		if c.blocks[block] == nil {
			c.blocks[block] = make([]float32, c.blockFloats())
		}
	}
}

// store writes the key and the value of all heads, [heads, dim] each, of one
// position, which is reserved.
func (c *KVCache) store(layer, position int, table []int32, key, value []float32) {
	block, at := table[position/c.blockSize], position%c.blockSize
	for h := range c.heads {
		from, to := h*c.dim, (h+1)*c.dim
		copy(c.keys(block, layer, h)[at*c.dim:], key[from:to])
		copy(c.values(block, layer, h)[at*c.dim:], value[from:to])
	}
}
