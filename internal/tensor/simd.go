package tensor

// instructions is a set of vector instructions that kernels are written for.
type instructions int

const (
	plain  instructions = iota // Go alone
	avx2                       // with FMA
	avx512                     // F, BW, DQ and VL
)

func (s instructions) String() string {
	return [...]string{"plain", "AVX2", "AVX-512"}[s]
}

// lanes is the number of float32 that a vector holds.
func (s instructions) lanes() int {
	return [...]int{1, 8, 16}[s]
}

// simd is the best set that the processor has, chosen at start. GODEBUG can
// hide features from it: cpu.avx512f=off leaves AVX2, cpu.avx2=off plain Go.
var simd = detect()

// SIMD names the instruction set that the kernels use, for logs and benchmarks.
func SIMD() string { return simd.String() }
