package stats

import (
	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/metrics"
)

// Estimate is what a step costs by vLLM's formulas, on one device: the matrices
// of attention, MLPs and head, and the attention itself, which is counted without
// the half that causality saves. Embeddings, norms, the router, sampling and the
// talker's code predictor are not in it.
func (s *Shape) Estimate(prefill, decode ar.Work) metrics.Estimate {
	if prefill.Rows+decode.Rows == 0 {
		return metrics.Estimate{}
	}
	return s.attention(prefill, decode).Plus(s.dense(prefill, decode)).Plus(s.routed(prefill, decode)).
		Plus(s.shared(prefill, decode)).Plus(s.head(prefill, decode))
}

func (s *Shape) attention(prefill, decode ar.Work) metrics.Estimate {
	rows, products := float64(prefill.Rows+decode.Rows), float64(prefill.Products+decode.Products)
	layers, hidden, dim := float64(s.Layers), float64(s.Hidden), float64(s.HeadDim)
	heads, kv := float64(s.Heads), float64(s.KVHeads)
	a, w, k := float64(s.ActivationBytes), float64(s.WeightBytes), float64(s.CacheBytes)
	read := rows*hidden*a + hidden*(heads+2*kv)*dim*w // inputs and matrices of queries, keys and values
	if prefill.Rows > 0 {
		read += (float64(prefill.Rows)*heads + 2*float64(prefill.Context)*kv) * dim * a
	}
	if decode.Rows > 0 {
		read += float64(decode.Rows)*heads*dim*a + 2*float64(decode.Context)*kv*dim*k
	}
	read += rows*heads*dim*a + heads*dim*hidden*w // the output's input and matrix
	write := rows*(heads+2*kv)*dim*a + 2*rows*kv*dim*k + rows*hidden*a
	return metrics.Estimate{
		Flops: layers * (2*rows*hidden*(heads+2*kv)*dim + 4*heads*products*dim + 2*rows*hidden*heads*dim),
		Read:  layers * read,
		Write: layers * write,
	}
}

// dense are the MLPs of the layers without experts.
func (s *Shape) dense(prefill, decode ar.Work) metrics.Estimate {
	rows := float64(prefill.Rows + decode.Rows)
	return s.gated(float64(s.Layers-s.ExpertLayers), float64(s.Intermediate), rows, 1)
}

// routed are the experts that the rows choose. Their number is estimated: each
// row is thought to choose others, until all are in use.
func (s *Shape) routed(prefill, decode ar.Work) metrics.Estimate {
	chosen := float64((prefill.Rows + decode.Rows) * s.ExpertsPerToken)
	return s.gated(float64(s.ExpertLayers), float64(s.ExpertWidth), chosen, min(chosen, float64(s.Experts)))
}

// shared are the experts that all rows use.
func (s *Shape) shared(prefill, decode ar.Work) metrics.Estimate {
	if s.SharedWidth == 0 {
		return metrics.Estimate{}
	}
	rows := float64(prefill.Rows + decode.Rows)
	return s.gated(float64(s.ExpertLayers), float64(s.SharedWidth), rows, 1)
}

// gated are gated MLPs, down(silu(gate(x))*up(x)), of one inner width in so many
// layers: of each layer that many are read, and all together take rows inputs.
func (s *Shape) gated(layers, width, rows, mlps float64) metrics.Estimate {
	hidden, a, w := float64(s.Hidden), float64(s.ActivationBytes), float64(s.WeightBytes)
	return metrics.Estimate{
		Flops: layers * 6 * hidden * width * rows,
		Read:  layers * (rows*hidden*a + 3*hidden*width*mlps*w + 3*rows*width*a),
		Write: layers * (3*rows*width + rows*hidden) * a,
	}
}

// head scores the ids, for one row of each request that is prefilled, finished
// or not, and for each row of the others.
func (s *Shape) head(prefill, decode ar.Work) metrics.Estimate {
	rows := float64(prefill.Requests + decode.Rows)
	hidden, vocab, a := float64(s.Hidden), float64(s.Vocab), float64(s.ActivationBytes)
	return metrics.Estimate{
		Flops: 2 * rows * hidden * vocab,
		Read:  rows*hidden*a + hidden*vocab*float64(s.WeightBytes),
		Write: rows * vocab * a,
	}
}
