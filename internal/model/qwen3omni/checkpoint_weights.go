package qwen3omni

import (
	"github.com/limelight-omni/limelight/internal/model/safetensors"
	"github.com/limelight-omni/limelight/internal/tensor"
)

// checkpointWeights gives out the tensors of a checkpoint. Matrices stay mapped
// in their stored type; what is not a matrix is small and is read as float32.
type checkpointWeights struct {
	checkpoint *safetensors.Checkpoint
	first      error
}

func (w *checkpointWeights) err() error { return w.first }

func (w *checkpointWeights) get(name string, shape ...int) (safetensors.Tensor, bool) {
	if w.first != nil {
		return safetensors.Tensor{}, false
	}
	t, err := w.checkpoint.Tensor(name)
	if err == nil {
		err = t.CheckShape(shape...)
	}
	w.first = err
	return t, err == nil
}

func (w *checkpointWeights) matrix(name string, rows, cols int) tensor.Matrix {
	t, ok := w.get(name, rows, cols)
	if !ok {
		return tensor.Matrix{}
	}
	if t.DType == safetensors.BF16 {
		bits, err := t.BF16Bits()
		if err != nil {
			w.first = err
			return tensor.Matrix{}
		}
		return tensor.NewMatrixBF16(rows, cols, bits)
	}
	data, err := t.Float32s()
	if err != nil {
		w.first = err
		return tensor.Matrix{}
	}
	return tensor.NewMatrix(rows, cols, data)
}

func (w *checkpointWeights) vector(name string, n int) []float32 { return w.tensor(name, n) }

func (w *checkpointWeights) tensor(name string, shape ...int) []float32 {
	t, ok := w.get(name, shape...)
	if !ok {
		return nil
	}
	data, err := t.Float32s()
	if err != nil {
		w.first = err
		return nil
	}
	return data
}

var _ weights = (*checkpointWeights)(nil)
