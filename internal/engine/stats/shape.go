package stats

import "github.com/limelight-omni/limelight/internal/model/qwen3omni"

// Shape is what the estimates need to know of a decoder and its head.
type Shape struct {
	Layers, Hidden, Heads, KVHeads, HeadDim int
	// Intermediate is the inner width of the MLP of a layer without experts.
	Intermediate int
	// ExpertLayers of the layers have Experts of the inner width ExpertWidth, of
	// which each row uses ExpertsPerToken, and one expert of the width SharedWidth
	// that all rows use; 0 for none.
	ExpertLayers, Experts, ExpertsPerToken, ExpertWidth, SharedWidth int
	// Vocab is the number of the head's rows.
	Vocab int
	// Sizes of one element, in bytes.
	ActivationBytes, WeightBytes, CacheBytes int
}

// ShapeOf describes a stage's decoder and its head over so many ids.
func ShapeOf(d *qwen3omni.Decoder, vocab int) Shape {
	const float32Bytes = 4 // activations, keys and values
	c := d.Config()
	return Shape{
		Layers: c.Layers, Hidden: c.Hidden, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim,
		Intermediate: c.Intermediate,
		ExpertLayers: c.ExpertLayers(), Experts: c.Experts, ExpertsPerToken: c.ExpertsPerToken,
		ExpertWidth: c.MoEIntermediate, SharedWidth: c.SharedIntermediate,
		Vocab:           vocab,
		ActivationBytes: float32Bytes, WeightBytes: d.WeightBytes(), CacheBytes: float32Bytes,
	}
}
