package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// products writes, for each type of weight and each number of x rows, the
// kernel that multiplies these rows with any number of weight rows.
//
// A dot product has one vector of partial sums, into which lane l takes the
// products of columns l, l+lanes, l+2*lanes, ... by fused multiplication and
// addition; reduce adds the lanes at the end. No kernel does it in another
// order, so the bits are the same whichever kernel a row falls to.
func products(s set) {
	for _, weight := range []string{"F32", "BF16"} {
		for _, n := range s.rowGroups {
			product(s, weight, n)
		}
	}
}

// weightRows is how many weight rows a pass over the columns takes: four,
// whose sums are stored together, or eight where one row of x alone would
// leave the multipliers waiting for their own results.
func weightRows(n int) int {
	if n == 1 {
		return 8
	}
	return 4
}

func product(s set, weight string, n int) {
	TEXT(fmt.Sprintf("mul%sx%d%s", weight, n, s.name), NOSPLIT, "func(p *panel)")
	Doc(fmt.Sprintf("mul%sx%d%s multiplies %d rows of x with the panel's weight rows.", weight, n, s.name, n))
	Pragma("noescape")
	k := &productKernel{set: s, bf16: weight == "BF16", n: n, p: Dereference(Param("p"))}
	k.dst, k.w, k.wStride = k.field("dst"), k.field("w"), k.field("wStride")
	k.xStride, k.rows = k.field("xStride"), k.field("rows")
	m := weightRows(n)
	// Registers hold what addresses cannot scale: 3, 5 and 7 strides.
	k.wStride3 = GP64()
	LEAQ(Mem{Base: k.wStride, Index: k.wStride, Scale: 2}, k.wStride3)
	if n > 3 {
		k.xStride3 = GP64()
		LEAQ(Mem{Base: k.xStride, Index: k.xStride, Scale: 2}, k.xStride3)
	}
	if n > 5 {
		k.xStride5 = GP64()
		LEAQ(Mem{Base: k.xStride, Index: k.xStride, Scale: 4}, k.xStride5)
	}
	k.pass("rows", m)
	k.pass("row", 1)
	VZEROUPPER()
	RET()
}

type productKernel struct {
	set
	bf16 bool
	n    int // rows of x

	p                           gotypes.Component // the panel
	dst, w, wStride, wStride3   reg.GPVirtual
	xStride, xStride3, xStride5 reg.GPVirtual
	rows                        reg.GPVirtual // weight rows left
}

// field loads a field of the panel.
func (k *productKernel) field(name string) reg.GPVirtual {
	at, err := k.p.Field(name).Resolve()
	if err != nil {
		panic(err)
	}
	r := GP64()
	MOVQ(at.Addr, r)
	return r
}

// pass multiplies m weight rows at a time while there are that many.
func (k *productKernel) pass(name string, m int) {
	Label(name)
	CMPQ(k.rows, Imm(uint64(m)))
	JLT(LabelRef(name + "_end"))

	Commentf("%d weight rows: clear their sums with %d rows of x.", m, k.n)
	sums := make([][]reg.VecVirtual, m)
	var all []reg.VecVirtual
	for r := range sums {
		for range k.n {
			sums[r] = append(sums[r], k.vector())
		}
		all = append(all, sums[r]...)
	}
	k.clear(all...)
	x, taps := k.field("x"), k.field("taps")
	far := k.w // rows 4 to 7
	if m > 4 {
		far = GP64()
		LEAQ(Mem{Base: k.w, Index: k.wStride, Scale: 4}, far)
	}

	Comment("The next rows' weights come near while these are worked on.")
	ahead := GP64()
	LEAQ(Mem{Base: k.w, Index: k.wStride, Scale: uint8(m)}, ahead)

	Label(name + "_tap")
	left := k.field("cols")
	Label(name + "_cols")
	k.step(m, x, far, sums)
	ADDQ(Imm(uint64(k.bytes())), x)
	ADDQ(Imm(uint64(k.weightBytes())), k.w)
	if m > 4 {
		ADDQ(Imm(uint64(k.weightBytes())), far)
	}
	for at := 0; at < m*k.weightBytes(); at += 64 {
		PREFETCHT1(Mem{Base: ahead, Disp: at})
	}
	ADDQ(U32(m*k.weightBytes()), ahead)
	SUBQ(Imm(uint64(k.lanes)), left)
	JNE(LabelRef(name + "_cols"))

	Comment("The next tap's weights follow; its columns of x are in other rows.")
	ADDQ(k.field("tapStride"), x)
	DECQ(taps)
	JNE(LabelRef(name + "_tap"))

	Comment("Add the lanes and store the sums.")
	to, dstStride := GP64(), k.field("dstStride")
	MOVQ(k.dst, to)
	for i := range k.n {
		for r := 0; r < m; r += 4 {
			if m == 1 {
				sum := k.reduce(sums[0][i])
				VMOVSS(sum, Mem{Base: to})
				continue
			}
			sum := k.reduce(sums[r][i], sums[r+1][i], sums[r+2][i], sums[r+3][i])
			VMOVUPS(sum, Mem{Base: to, Disp: 4 * r})
		}
		if i < k.n-1 {
			ADDQ(dstStride, to)
		}
	}
	ADDQ(Imm(uint64(4*m)), k.dst)
	switch m { // the pointer has moved one row already
	case 4:
		ADDQ(k.wStride3, k.w)
	case 8:
		LEAQ(Mem{Base: k.w, Index: k.wStride3, Scale: 2}, k.w)
		ADDQ(k.wStride, k.w)
	}
	SUBQ(Imm(uint64(m)), k.rows)
	JMP(LabelRef(name))
	Label(name + "_end")
}

func (k *productKernel) weightBytes() int {
	if k.bf16 {
		return 2 * k.lanes
	}
	return 4 * k.lanes
}

// step multiplies one vector of columns.
func (k *productKernel) step(m int, x, far reg.Register, sums [][]reg.VecVirtual) {
	strided := func(base reg.Register, stride, stride3, stride5 reg.Register, i int) Mem {
		switch i {
		case 0:
			return Mem{Base: base}
		case 3:
			return Mem{Base: base, Index: stride3, Scale: 1}
		case 5:
			return Mem{Base: base, Index: stride5, Scale: 1}
		}
		return Mem{Base: base, Index: stride, Scale: uint8(i)}
	}
	xs := make([]reg.VecVirtual, k.n)
	for i := range xs {
		xs[i] = k.vector()
		VMOVUPS(strided(x, k.xStride, k.xStride3, k.xStride5, i), xs[i])
	}
	for r := range m {
		base := reg.Register(k.w)
		if r >= 4 {
			base = far
		}
		at := strided(base, k.wStride, k.wStride3, nil, r%4)
		if !k.bf16 && k.n == 1 {
			VFMADD231PS(at, xs[0], sums[r][0])
			continue
		}
		w := k.vector()
		if k.bf16 {
			k.widen(at, w)
		} else {
			VMOVUPS(at, w)
		}
		for i := range k.n {
			VFMADD231PS(w, xs[i], sums[r][i])
		}
	}
}

// reduce adds the lanes of the given vectors, one or four, of each in the same
// order, and returns the sums, of one vector in the first lane. The vectors are
// lost.
func (s set) reduce(v ...reg.VecVirtual) reg.Register {
	// interleave replaces a by its even and odd elements' sums, mixed with b's.
	interleave := func(low, high func(...Op), a, b reg.VecVirtual) {
		t := s.vector()
		low(b, a, t)
		high(b, a, a)
		VADDPS(a, t, a)
	}
	singles := [2]func(...Op){VUNPCKLPS, VUNPCKHPS}
	doubles := [2]func(...Op){VUNPCKLPD, VUNPCKHPD}
	sum := v[0]
	if len(v) == 1 {
		interleave(singles[0], singles[1], sum, sum)
		interleave(doubles[0], doubles[1], sum, sum)
	} else {
		interleave(singles[0], singles[1], v[0], v[1])
		interleave(singles[0], singles[1], v[2], v[3])
		interleave(doubles[0], doubles[1], v[0], v[2])
	}
	half := s.vector()
	if s.lanes == 16 {
		VEXTRACTF64X4(Imm(1), sum, half.AsY())
		VADDPS(half.AsY(), sum.AsY(), sum.AsY())
		VEXTRACTF32X4(Imm(1), sum.AsY(), half.AsX())
	} else {
		VEXTRACTF128(Imm(1), sum, half.AsX())
	}
	VADDPS(half.AsX(), sum.AsX(), sum.AsX())
	return sum.AsX()
}
