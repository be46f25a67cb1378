package tensor

// instructions is a set of vector instructions, with the kernels written for
// it.
type instructions struct {
	name  string
	lanes int // float32 that a vector holds; 1 means that there are no kernels

	// The kernels that go over vectors take the first of n elements.
	add         func(dst, x *float32, n int)
	addScaled   func(dst, x *float32, scale float32, n int)
	addProduct  func(dst, x, y *float32, n int)
	mul         func(dst, x *float32, n int)
	scaleMul    func(dst, x, y *float32, scale float32, n int)
	scale       func(dst *float32, scale float32, n int)
	silu        func(x *float32, n int)
	siluMul     func(gate, up *float32, n int)
	snake       func(dst, x, frequency, scale *float32, n int)
	maximum     func(x *float32, n int) float32
	expSum      func(x *float32, most, factor float32, n int) float32
	weightedSum func(dst, a, weights *float32, rows, cols int)
}

// plain is Go alone.
var plain = &instructions{name: "plain", lanes: 1}

// simd is the best set that the processor has, chosen at start. GODEBUG can
// hide features from it: cpu.avx512f=off leaves AVX2, cpu.avx2=off plain Go.
var simd = func() *instructions {
	all := available()
	return all[len(all)-1]
}()

// SIMD names the instruction set that the kernels use, for logs and benchmarks.
func SIMD() string { return simd.name }

// whole says whether rows of that many elements fill vectors. Kernels that add
// up along a row take such rows only.
func (s *instructions) whole(cols int) bool { return s.lanes > 1 && cols > 0 && cols%s.lanes == 0 }

// vectors says whether there is a kernel for n elements.
func (s *instructions) vectors(n int) bool { return s.lanes > 1 && n > 0 }
