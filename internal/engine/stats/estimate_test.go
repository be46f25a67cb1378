package stats

import (
	"testing"

	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/metrics"
)

// Works of the worked check: a prefill of 2048 positions and a decode that comes
// to 8192.
var (
	prefill2048 = ar.Work{Requests: 1, Rows: 2048, Context: 2048, Products: 2048 * 2048}
	decode8192  = ar.Work{Requests: 1, Rows: 1, Context: 8192, Products: 8192}
)

func TestEstimates(t *testing.T) {
	dense := Shape{
		Layers: 2, Hidden: 4, Heads: 2, KVHeads: 1, HeadDim: 3, Intermediate: 5, Vocab: 7,
		ActivationBytes: 2, WeightBytes: 2, CacheBytes: 2,
	}
	// Three layers, one of them without experts.
	mixed := Shape{
		Layers: 3, Hidden: 4, Heads: 2, KVHeads: 1, HeadDim: 3, Intermediate: 5, Vocab: 7,
		ExpertLayers: 2, Experts: 8, ExpertsPerToken: 2, ExpertWidth: 6, SharedWidth: 9,
		ActivationBytes: 4, WeightBytes: 2, CacheBytes: 4,
	}
	qwen := Shape{ // Qwen3-0.6B in bfloat16
		Layers: 28, Hidden: 1024, Heads: 16, KVHeads: 8, HeadDim: 128, Intermediate: 3072, Vocab: 151936,
		ActivationBytes: 2, WeightBytes: 2, CacheBytes: 2,
	}
	for _, c := range []struct {
		name            string
		shape           Shape
		prefill, decode ar.Work
		want            metrics.Estimate
	}{
		{"nothing", dense, ar.Work{}, ar.Work{}, metrics.Estimate{}},
		// Attention 202309920 operations: per layer 2*2049*4*4*3 + 4*2*(2048*2048+8192)*3
		// + 2*2049*4*2*3; MLP 6*4*5*2049*2; head 2*2*4*7.
		{"dense, worked check", dense, prefill2048, decode8192, metrics.Estimate{Flops: 202309920 + 491760 + 112, Read: 377184 + 155964 + 72, Write: 180312 + 155724 + 28}},
		// 4098 pairs of rows and experts use all 8 of them.
		{"experts, worked check", mixed, prefill2048, decode8192, metrics.Estimate{
			Flops: 303464880 + 245880 + 1180224 + 885168 + 112,
			Read:  1131120 + 155844 + 723552 + 508584 + 88,
			Write: 540936 + 155724 + 721248 + 508152 + 56,
		}},
		// 3 rows use 6 experts. Nothing is prefilled, so that term is not read.
		{"experts, decodes alone", mixed, ar.Work{}, ar.Work{Requests: 3, Rows: 3, Context: 30, Products: 30}, metrics.Estimate{
			Flops: 3456 + 360 + 1728 + 1296 + 168,
			Read:  3168 + 348 + 2784 + 1176 + 104,
			Write: 792 + 228 + 1056 + 744 + 84,
		}},
		{"Qwen3-0.6B, worked check", qwen, prefill2048, decode8192, metrics.Estimate{Flops: 2769341120512, Read: 4128845824, Write: 1998071296}},
	} {
		if got := c.shape.Estimate(c.prefill, c.decode); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestShapeIsTheModels(t *testing.T) {
	m := qwen3omni.Tiny()
	c := m.Config.Talker
	s := ShapeOf(m.Talker.Decoder(), m.Talker.Vocab())
	want := Shape{
		Layers: c.Layers, Hidden: c.Hidden, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, Intermediate: c.Intermediate,
		ExpertLayers: c.Layers, Experts: c.Experts, ExpertsPerToken: c.ExpertsPerToken, ExpertWidth: c.MoEIntermediate, SharedWidth: c.SharedIntermediate,
		Vocab: c.Vocab, ActivationBytes: 4, WeightBytes: 4, CacheBytes: 4,
	}
	if s != want || s.SharedWidth == 0 || s.Experts == 0 {
		t.Errorf("%+v, want %+v", s, want)
	}
}
