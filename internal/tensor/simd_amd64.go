//go:build !purego

package tensor

import "golang.org/x/sys/cpu"

//go:generate go -C _asm run . -kernels vectors -out ../vector_amd64.s

// available lists the sets that the processor has, the best one last.
func available() []*instructions {
	all, x := []*instructions{plain}, &cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasBMI2 {
		return all
	}
	all = append(all, avx2)
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
		all = append(all, avx512)
	}
	return all
}

var avx2 = &instructions{
	name: "AVX2", lanes: 8,
	add:         addAVX2,
	addScaled:   addScaledAVX2,
	addProduct:  addProductAVX2,
	mul:         mulAVX2,
	scaleMul:    scaleMulAVX2,
	scale:       scaleAVX2,
	silu:        siluAVX2,
	siluMul:     siluMulAVX2,
	snake:       snakeAVX2,
	maximum:     maximumAVX2,
	expSum:      expSumAVX2,
	weightedSum: weightedSumAVX2,
}

var avx512 = &instructions{
	name: "AVX-512", lanes: 16,
	add:         addAVX512,
	addScaled:   addScaledAVX512,
	addProduct:  addProductAVX512,
	mul:         mulAVX512,
	scaleMul:    scaleMulAVX512,
	scale:       scaleAVX512,
	silu:        siluAVX512,
	siluMul:     siluMulAVX512,
	snake:       snakeAVX512,
	maximum:     maximumAVX512,
	expSum:      expSumAVX512,
	weightedSum: weightedSumAVX512,
}

//go:noescape
func addAVX2(dst, x *float32, n int)

//go:noescape
func addScaledAVX2(dst, x *float32, scale float32, n int)

//go:noescape
func addProductAVX2(dst, x, y *float32, n int)

//go:noescape
func mulAVX2(dst, x *float32, n int)

//go:noescape
func scaleMulAVX2(dst, x, y *float32, scale float32, n int)

//go:noescape
func scaleAVX2(dst *float32, scale float32, n int)

//go:noescape
func siluAVX2(x *float32, n int)

//go:noescape
func siluMulAVX2(gate, up *float32, n int)

//go:noescape
func snakeAVX2(dst, x, frequency, scale *float32, n int)

//go:noescape
func maximumAVX2(x *float32, n int) float32

//go:noescape
func expSumAVX2(x *float32, most, factor float32, n int) float32

//go:noescape
func weightedSumAVX2(dst, a, weights *float32, rows, cols int)

//go:noescape
func addAVX512(dst, x *float32, n int)

//go:noescape
func addScaledAVX512(dst, x *float32, scale float32, n int)

//go:noescape
func addProductAVX512(dst, x, y *float32, n int)

//go:noescape
func mulAVX512(dst, x *float32, n int)

//go:noescape
func scaleMulAVX512(dst, x, y *float32, scale float32, n int)

//go:noescape
func scaleAVX512(dst *float32, scale float32, n int)

//go:noescape
func siluAVX512(x *float32, n int)

//go:noescape
func siluMulAVX512(gate, up *float32, n int)

//go:noescape
func snakeAVX512(dst, x, frequency, scale *float32, n int)

//go:noescape
func maximumAVX512(x *float32, n int) float32

//go:noescape
func expSumAVX512(x *float32, most, factor float32, n int) float32

//go:noescape
func weightedSumAVX512(dst, a, weights *float32, rows, cols int)
