package qwen3omni

import (
	"math"
	"slices"
	"testing"

	"github.com/limelight-omni/limelight/internal/model/safetensors"
)

// setA is a tiny checkpoint with the numbers that the reference implementation
// (transformers 4.57, float32, eager attention, greedy) computes from it.
const setA = "testdata/setA"

// Tolerances of float32 against float32 in another order of summation; a wrong
// operation is off by a hundred times more.
const (
	hiddenTolerance    = 1e-4
	predictorTolerance = 2e-4
)

// golden gives out expected values.
type golden struct {
	t    *testing.T
	file *safetensors.Checkpoint
}

func openGolden(t *testing.T) golden {
	t.Helper()
	file, err := safetensors.OpenFile(setA + "/golden.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return golden{t, file}
}

func (g golden) tensor(name string) safetensors.Tensor {
	g.t.Helper()
	x, err := g.file.Tensor(name)
	if err != nil {
		g.t.Fatal(err)
	}
	return x
}

func (g golden) floats(name string) []float32 {
	g.t.Helper()
	x := g.tensor(name)
	data, err := x.Float32s()
	if err != nil {
		g.t.Fatal(err)
	}
	return data
}

func (g golden) ids(name string) []int32 {
	g.t.Helper()
	x := g.tensor(name)
	data, err := x.Int64s()
	if err != nil {
		g.t.Fatal(err)
	}
	ids := make([]int32, len(data))
	for i, v := range data {
		ids[i] = int32(v)
	}
	return ids
}

// near checks got against a golden tensor.
func (g golden) near(name string, got []float32, tolerance float64) {
	g.t.Helper()
	want := g.floats(name)
	if len(got) != len(want) {
		g.t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
	}
	worst, at := 0.0, 0
	for i := range want {
		diff := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(diff) || diff > worst {
			worst, at = diff, i
		}
		if math.IsNaN(diff) {
			break
		}
	}
	if !(worst <= tolerance) {
		g.t.Errorf("%s: element %d is %v, want %v (off by %.2g, tolerance %.2g)", name, at, got[at], want[at], worst, tolerance)
	}
}

// same checks got against golden ids.
func (g golden) same(name string, got []int32) {
	g.t.Helper()
	if want := g.ids(name); !slices.Equal(got, want) {
		g.t.Errorf("%s: got %v, want %v", name, got, want)
	}
}
