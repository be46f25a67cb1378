package qwen3omni

import "github.com/limelight-omni/limelight/internal/tensor"

// weights gives out a model's tensors by their checkpoint names. The first
// failure is kept; every call after it returns empty values, so that a
// constructor asks for all its tensors and then looks at err once, before it
// computes anything from them.
type weights interface {
	// matrix returns a weight [rows, cols] in its stored type.
	matrix(name string, rows, cols int) tensor.Matrix
	// vector returns a weight [n] as float32.
	vector(name string, n int) []float32
	// tensor returns a weight of any shape as float32, row-major.
	tensor(name string, shape ...int) []float32
	// err is the first failure; it names the file, the tensor and, for a wrong
	// shape, the shape that is there and the one that must be.
	err() error
}
