package qwen3omni

import (
	"fmt"
	"testing"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// BenchmarkTinyTalkerFrame makes one frame for each sequence of a batch: a pass
// of the talker, its scores, and the residual codes.
func BenchmarkTinyTalkerFrame(b *testing.B) {
	for _, batch := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			tk := Tiny().Talker
			d, p := tk.Decoder(), tk.Predictor()
			s, ps := d.NewScratch(), p.NewScratch()
			kv := d.NewKVCache(batch, 64)
			x := make([]float32, batch*d.Hidden())
			segs := make([]Segment, batch)
			for i := range segs {
				segs[i] = Segment{Rows: 1, Blocks: []int32{int32(i)}}
			}
			logits := make([]float32, batch*tk.Vocab())
			embeds, sums := make([]float32, len(x)), make([]float32, len(x))
			codes := make([]int32, batch*(p.Groups()-1))
			choose := func(_, _ int, logits []float32) int32 { return int32(tensor.ArgMax(logits)) }
			b.ReportAllocs()
			for at := 0; b.Loop(); at = (at + 1) % 64 {
				for i := range segs {
					segs[i].Start = at
				}
				d.Forward(s, x, segs, kv)
				tk.Logits(logits, x, batch)
				p.Predict(ps, x, embeds, choose, codes, sums)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/frame")
		})
	}
}

func BenchmarkTinyThinkerToken(b *testing.B) {
	th := Tiny().Thinker
	d := th.Decoder()
	s, kv := d.NewScratch(), d.NewKVCache(1, 64)
	x, logits := make([]float32, d.Hidden()), make([]float32, th.Vocab())
	segs := []Segment{{Rows: 1, Blocks: []int32{0}}}
	b.ReportAllocs()
	for at := 0; b.Loop(); at = (at + 1) % 64 {
		segs[0].Start = at
		d.Forward(s, x, segs, kv)
		th.Logits(logits, x, 1)
	}
}

func BenchmarkTiny(b *testing.B) {
	for b.Loop() {
		Tiny()
	}
}
