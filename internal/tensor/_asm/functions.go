package main

import (
	"fmt"
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// parameter is one of a kernel's parameters.
type parameter struct {
	name    string
	pointer bool
}

// parameters reads a parameter list, "dst, x *float32, n int".
func parameters(list string) []parameter {
	var all []parameter
	untyped := 0 // the first one whose type is still to come
	for _, p := range strings.Split(list, ", ") {
		name, kind, typed := strings.Cut(p, " ")
		all = append(all, parameter{name: name})
		if !typed {
			continue
		}
		for ; untyped < len(all); untyped++ {
			all[untyped].pointer = strings.HasPrefix(kind, "*")
		}
	}
	return all
}

// constant is a vector of one value, in memory, as long as the longest
// register.
func constant(value float32) Mem {
	bits := math.Float32bits(value)
	return words(fmt.Sprintf("float32_%08x", bits), bits, 16)
}

var globals = map[string]Mem{}

// words is a table of n equal words.
func words(name string, bits uint32, n int) Mem {
	at, made := globals[name]
	if !made {
		at = GLOBL(name, RODATA|NOPTR)
		for i := range n {
			DATA(4*i, U32(bits))
		}
		globals[name] = at
	}
	return at
}

// masks is a table of eight words of ones and eight of zeros.
func masks() Mem {
	at, made := globals["masks"]
	if !made {
		at = GLOBL("masks", RODATA|NOPTR)
		for i := range 16 {
			ones := U32(0)
			if i < 8 {
				ones = 0xffffffff
			}
			DATA(4*i, ones)
		}
		globals["masks"] = at
	}
	return at
}

// round rounds to the nearest integer.
func (s set) round(x, y reg.VecVirtual) {
	if s.lanes == 8 {
		VROUNDPS(Imm(8), x, y)
	} else {
		VRNDSCALEPS(Imm(8), x, y)
	}
}

// polynomial evaluates a polynomial, its coefficients by falling power.
func (s set) polynomial(x reg.VecVirtual, coefficients ...float32) reg.VecVirtual {
	p := s.vector()
	VMOVUPS(constant(coefficients[0]), p)
	for _, c := range coefficients[1:] {
		VFMADD213PS(constant(c), x, p)
	}
	return p
}

// exp replaces x by e to the x, x being taken to lie between -87.3 and 88.3.
// x is n*ln(2) + r with |r| <= ln(2)/2; the exponential of r is a polynomial
// (Cephes' expf), that of n*ln(2) an exponent. The relative error is below 2e-7.
func (s set) exp(x reg.VecVirtual) {
	Comment("exp")
	// In this order a NaN stays one.
	low, high := s.vector(), s.vector()
	VMOVUPS(constant(-87.33), low)
	VMAXPS(x, low, x)
	VMOVUPS(constant(88.37), high)
	VMINPS(x, high, x)
	n, r := s.vector(), s.vector()
	VMULPS(constant(math.Log2E), x, n)
	s.round(n, n)
	VMOVAPS(x, r)
	VFNMADD231PS(constant(0.693359375), n, r) // ln(2) in two parts
	VFNMADD231PS(constant(-2.12194440e-4), n, r)
	p := s.polynomial(r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	VMULPS(r, p, p)
	VFMADD213PS(r, r, p)
	VADDPS(constant(1), p, p)
	VCVTPS2DQ(n, n)
	VPSLLD(Imm(23), n, n)
	VPADDD(n, p, x)
}

// onePlusExpOfNegative returns 1 + e to the -x.
func (s set) onePlusExpOfNegative(x reg.VecVirtual) reg.VecVirtual {
	y := s.vector()
	s.clear(y)
	VSUBPS(x, y, y)
	s.exp(y)
	VADDPS(constant(1), y, y)
	return y
}

// sin2 replaces x by sin(x)^2, which has period pi: x is reduced to within half
// a period of zero and the series of the sine, up to its eleventh power, is
// squared. Fused multiplications keep the reduction exact: the error is below
// 5e-7 for |x| up to 1e6.
func (s set) sin2(x reg.VecVirtual) {
	Comment("sin^2")
	const pi = 3.14159274 // the nearest float32; what is missing follows
	n, y, z := s.vector(), s.vector(), s.vector()
	VMULPS(constant(1/math.Pi), x, n)
	s.round(n, n)
	VMOVAPS(x, y)
	VFNMADD231PS(constant(pi), n, y)
	VFNMADD231PS(constant(-8.74227766e-8), n, y)
	VMULPS(y, y, z)
	p := s.polynomial(z, -2.5052108e-08, 2.7557319e-06, -1.9841270e-04, 8.3333333e-03, -1.6666667e-01, 1)
	VMULPS(y, p, y)
	VMULPS(y, y, x)
}
