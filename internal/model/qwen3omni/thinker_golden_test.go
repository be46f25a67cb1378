package qwen3omni

import (
	"fmt"
	"slices"
	"testing"

	"github.com/limelight-omni/limelight/internal/tensor"
)

func TestThinkerMatchesTheReference(t *testing.T) {
	m := loadSetA(t)
	for _, prompt := range []string{"p0", "p1"} {
		t.Run(prompt, func(t *testing.T) {
			g := openGolden(t)
			name := "thinker." + prompt + "."
			ids := g.ids(name + "input_ids")
			th, d := m.Thinker, m.Thinker.Decoder()
			layers := m.Config.Thinker.Layers

			x := make([]float32, len(ids)*d.Hidden())
			th.Embed(x, ids)
			g.near(name+"hidden.0", x, hiddenTolerance)

			s := d.NewScratch()
			s.observer.hidden = func(layer int, x []float32) {
				if layer == layers-1 {
					g.near(name+"last_layer_prenorm", x, hiddenTolerance)
				} else {
					g.near(fmt.Sprintf("%shidden.%d", name, layer+1), x, hiddenTolerance)
				}
				if layer+1 == m.Config.Talker.AcceptHidden {
					g.near(name+"accept_hidden", x, hiddenTolerance)
				}
			}
			s.observer.router = func(layer int, logits []float32) {
				if layer < 2 {
					g.near(fmt.Sprintf("%srouter.%d.logits", name, layer), logits, hiddenTolerance)
				}
			}
			s.observer.experts = func(layer int, chosen []int32, weights []float32) {
				if layer < 2 {
					g.same(fmt.Sprintf("%srouter.%d.topk_idx", name, layer), chosen)
					g.near(fmt.Sprintf("%srouter.%d.topk_weight", name, layer), weights, hiddenTolerance)
				}
			}
			kv := d.NewKVCache(4, 16)
			blocks := []int32{2, 0, 3, 1}
			d.Forward(s, x, []Segment{{Rows: len(ids), Blocks: blocks}}, kv)
			g.near(fmt.Sprintf("%shidden.%d", name, layers), x, hiddenTolerance)
			logits := make([]float32, len(ids)*th.Vocab())
			th.Logits(logits, x, len(ids))
			g.near(name+"logits", logits, hiddenTolerance)

			// Greedy generation, one row at a time.
			s.observer = observer{}
			want := g.ids(name + "gen_ids")
			row := logits[(len(ids)-1)*th.Vocab():]
			var generated []int32
			var all []float32
			for {
				all = append(all, row...)
				id := int32(tensor.ArgMax(row))
				generated = append(generated, id)
				if len(generated) == len(want) {
					break
				}
				x = x[:d.Hidden()]
				th.Embed(x, []int32{id})
				d.Forward(s, x, []Segment{{Rows: 1, Start: len(ids) + len(generated) - 1, Blocks: blocks}}, kv)
				row = row[:th.Vocab()]
				th.Logits(row, x, 1)
			}
			g.same(name+"gen_ids", generated)
			g.near(name+"gen_logits", all, hiddenTolerance)
		})
	}
}

// generate is a plain greedy loop: it returns the prompt with n more tokens and
// the embeddings and the states at the accept layer of all but the last.
func generate(m *Model, prompt []int32, n int) (ids []int32, embeds, accepted []float32) {
	th, d := m.Thinker, m.Thinker.Decoder()
	s := d.NewScratch()
	s.observer.hidden = func(layer int, x []float32) {
		if layer+1 == m.Config.Talker.AcceptHidden {
			accepted = append(accepted, x...)
		}
	}
	kv := d.NewKVCache(1, len(prompt)+n)
	logits := make([]float32, th.Vocab())
	ids = slices.Clone(prompt)
	for done := 0; len(ids) < len(prompt)+n; {
		x := make([]float32, (len(ids)-done)*d.Hidden())
		th.Embed(x, ids[done:])
		embeds = append(embeds, x...)
		d.Forward(s, x, []Segment{{Rows: len(ids) - done, Start: done, Blocks: []int32{0}}}, kv)
		done = len(ids)
		th.Logits(logits, x[len(x)-d.Hidden():], 1)
		ids = append(ids, int32(tensor.ArgMax(logits)))
	}
	return ids, embeds, accepted
}
