package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// CacheConfig is the configuration of a replica's KV cache.
type CacheConfig struct {
	// BlockSize is the number of positions in a block, Blocks how many there are.
	BlockSize, Blocks int
	// BlocksOverride is the configured number of blocks; 0 if the memory was
	// configured, or nothing.
	BlocksOverride int
	// MemoryBytes is the memory of all blocks.
	MemoryBytes int64
	// Dtype is the type of keys and values, "float32" for instance.
	Dtype string
	// PrefixCaching says that blocks are found again by their content, whose hash
	// is PrefixHash, "sha256" for instance.
	PrefixCaching bool
	PrefixHash    string
}

// cacheConfigLabels are vLLM's names, as far as this engine has what they name.
var cacheConfigLabels = []string{
	"block_size", "cache_dtype", "enable_prefix_caching", "kv_cache_memory_bytes", "num_gpu_blocks", "num_gpu_blocks_override", "prefix_caching_hash_algo",
}

// values are the labels' values, written as Python writes them: dashboards for
// vLLM compare with "True".
func (c CacheConfig) values() []string {
	caching, override := "False", "None"
	if c.PrefixCaching {
		caching = "True"
	}
	if c.BlocksOverride > 0 {
		override = decimal(c.BlocksOverride)
	}
	return []string{
		decimal(c.BlockSize), c.Dtype, caching, strconv.FormatInt(c.MemoryBytes, 10), decimal(c.Blocks), override, c.PrefixHash,
	}
}

// ConfigureCache shows the configuration of a replica's KV cache, in place of
// the one that it had before.
func (m *Metrics) ConfigureCache(stage, id int, c CacheConfig) {
	if m == nil || m.engines == nil {
		return
	}
	info := m.engines.info
	info.DeletePartialMatch(prometheus.Labels{"stage": decimal(stage), "replica": decimal(id)})
	info.WithLabelValues(append([]string{decimal(stage), decimal(id)}, c.values()...)...).Set(1)
}
