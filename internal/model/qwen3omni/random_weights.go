package qwen3omni

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// randomWeights draws a model's tensors instead of reading them. Each tensor
// has a random stream of its own, from the seed and its name, so that it does
// not depend on what else is drawn. The scales are those of a freshly
// initialized model, so that signals keep their size from layer to layer.
type randomWeights struct {
	seed uint64
	// adjust, if not nil, may change a tensor after it has been drawn.
	adjust func(name string, data []float32, shape []int)
}

func (w *randomWeights) err() error { return nil }

func (w *randomWeights) matrix(name string, rows, cols int) tensor.Matrix {
	return tensor.NewMatrix(rows, cols, w.tensor(name, rows, cols))
}

func (w *randomWeights) vector(name string, n int) []float32 { return w.tensor(name, n) }

func (w *randomWeights) tensor(name string, shape ...int) []float32 {
	n := 1
	for _, dim := range shape {
		n *= dim
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	r := rand.New(rand.NewPCG(w.seed, h.Sum64()))
	mean, deviation := moments(name, shape)
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(mean + deviation*r.NormFloat64())
	}
	if w.adjust != nil {
		w.adjust(name, data, shape)
	}
	return data
}

// moments returns the mean and the standard deviation of a tensor's elements,
// by its kind, which the name and the shape tell.
func moments(name string, shape []int) (mean, deviation float64) {
	kind := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case kind == "bias":
		return 0, 0.05
	case kind == "alpha" || kind == "beta": // stored as logarithms
		return 0, 0.3
	case kind == "scale" || kind == "gamma":
		return 0.3, 0.1
	case len(shape) == 1: // norms
		return 1, 0.1
	case strings.Contains(name, "embed"):
		return 0, 1
	}
	fanIn := 1
	for _, dim := range shape[1:] {
		fanIn *= dim
	}
	return 0, 1 / math.Sqrt(float64(fanIn))
}

var _ weights = (*randomWeights)(nil)
