package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors writes the kernels that go over vectors element by element. What one
// computes from an element does not depend on where the element lies: the last
// elements, too few for a register, go through the same instructions under a
// mask.
func vectors(s set) {
	s.element("add", "adds x to dst.", "dst, x *float32, n int", func(e *elements) {
		VADDPS(e.load("x"), e.load("dst"), e.result("dst"))
	})
	s.element("addScaled", "adds scale*x to dst; the product is rounded.", "dst, x *float32, scale float32, n int", func(e *elements) {
		p := s.vector()
		VMULPS(e.load("x"), e.scalar("scale"), p)
		VADDPS(p, e.load("dst"), e.result("dst"))
	})
	s.element("addProduct", "adds x*y to dst; the product is rounded.", "dst, x, y *float32, n int", func(e *elements) {
		p := s.vector()
		VMULPS(e.load("x"), e.load("y"), p)
		VADDPS(p, e.load("dst"), e.result("dst"))
	})
	s.element("mul", "multiplies dst by x.", "dst, x *float32, n int", func(e *elements) {
		VMULPS(e.load("x"), e.load("dst"), e.result("dst"))
	})
	s.element("scaleMul", "writes x*scale*y to dst, from the left.", "dst, x, y *float32, scale float32, n int", func(e *elements) {
		p := s.vector()
		VMULPS(e.load("x"), e.scalar("scale"), p)
		VMULPS(p, e.load("y"), e.result("dst"))
	})
	s.element("scale", "multiplies dst by scale.", "dst *float32, scale float32, n int", func(e *elements) {
		VMULPS(e.scalar("scale"), e.load("dst"), e.result("dst"))
	})
	s.element("silu", "replaces x by x * sigmoid(x).", "x *float32, n int", func(e *elements) {
		x := e.load("x")
		VDIVPS(s.onePlusExpOfNegative(x), x, e.result("x"))
	})
	s.element("siluMul", "replaces gate by silu(gate) * up.", "gate, up *float32, n int", func(e *elements) {
		x, y := e.load("gate"), s.vector()
		VDIVPS(s.onePlusExpOfNegative(x), x, y)
		VMULPS(e.load("up"), y, e.result("gate"))
	})
	s.element("snake", "writes x + sin(x*frequency)^2 * scale to dst.", "dst, x, frequency, scale *float32, n int", func(e *elements) {
		x, y := e.load("x"), s.vector()
		VMULPS(e.load("frequency"), x, y)
		s.sin2(y)
		VMULPS(e.load("scale"), y, y)
		VADDPS(y, x, e.result("dst"))
	})
	s.maximum()
	s.expSum()
	s.weightedSum()
}

// elements is a loop over the elements of some vectors. All that a body loads
// and stores is at the loop's place in them.
type elements struct {
	set
	pointers map[string]reg.GPVirtual
	scalars  map[string]reg.VecVirtual
	mask     reg.Register // nil where a whole register is loaded
	stores   func()
}

// element writes a kernel whose body computes one register of elements. The
// last parameter is their number, n.
func (s set) element(name, doc, params string, body func(*elements)) {
	TEXT(name+s.name, NOSPLIT, "func("+params+")")
	Doc(name + s.name + " " + doc)
	s.loop(params, body)
	VZEROUPPER()
	RET()
}

// loop runs body over all elements: whole registers, then what is left.
func (s set) loop(params string, body func(*elements)) *elements {
	e := &elements{set: s, pointers: map[string]reg.GPVirtual{}, scalars: map[string]reg.VecVirtual{}}
	for _, p := range parameters(params) {
		switch {
		case p.pointer:
			e.pointers[p.name] = Load(Param(p.name), GP64()).(reg.GPVirtual)
		case p.name != "n":
			v := s.vector()
			at, err := Param(p.name).Resolve()
			if err != nil {
				panic(err)
			}
			VBROADCASTSS(at.Addr, v)
			e.scalars[p.name] = v
		}
	}
	n := Load(Param("n"), GP64()).(reg.GPVirtual)

	Label("whole")
	CMPQ(n, Imm(uint64(s.lanes)))
	JLT(LabelRef("rest"))
	e.run(body)
	for _, p := range parameters(params) {
		if p.pointer {
			ADDQ(Imm(uint64(s.bytes())), e.pointers[p.name])
		}
	}
	SUBQ(Imm(uint64(s.lanes)), n)
	JMP(LabelRef("whole"))

	Label("rest")
	TESTQ(n, n)
	JE(LabelRef("end"))
	e.mask = s.mask(n)
	e.run(body)
	Label("end")
	return e
}

func (e *elements) run(body func(*elements)) {
	e.stores = nil
	body(e)
	if e.stores != nil {
		e.stores()
	}
}

func (e *elements) load(name string) reg.VecVirtual {
	v, at := e.vector(), Mem{Base: e.pointers[name]}
	switch {
	case e.mask == nil:
		VMOVUPS(at, v)
	case e.lanes == 8:
		VMASKMOVPS(at, e.mask, v)
	default:
		VMOVUPS_Z(at, e.mask, v)
	}
	return v
}

func (e *elements) scalar(name string) reg.VecVirtual { return e.scalars[name] }

// result is a register that is stored when the body has returned.
func (e *elements) result(name string) reg.VecVirtual {
	v, at := e.vector(), Mem{Base: e.pointers[name]}
	e.stores = func() {
		switch {
		case e.mask == nil:
			VMOVUPS(v, at)
		case e.lanes == 8:
			VMASKMOVPS(v, e.mask, at)
		default:
			VMOVUPS(v, e.mask, at)
		}
	}
	return v
}

// mask makes the mask of the first n lanes, 0 < n < lanes.
func (s set) mask(n reg.GPVirtual) reg.Register {
	if s.lanes == 8 {
		// The table has eight words of ones and eight of zeros; the mask is the
		// eight words from 8-n on.
		at, v := GP64(), YMM()
		LEAQ(masks(), at)
		offset := GP64()
		MOVQ(n, offset)
		NEGQ(offset)
		VMOVDQU(Mem{Base: at, Index: offset, Scale: 4, Disp: 32}, v)
		return v
	}
	one, bits, k := GP32(), GP32(), K()
	MOVL(U32(1), one)
	SHLXL(n.As32(), one, bits)
	DECL(bits)
	KMOVW(bits, k)
	return k
}

// maximum writes the kernel that finds the largest element.
func (s set) maximum() {
	const params = "x *float32, n int"
	TEXT("maximum"+s.name, NOSPLIT, "func("+params+") float32")
	Doc("maximum" + s.name + " returns the largest of n elements, n > 0.")
	most := s.vector()
	VBROADCASTSS(Mem{Base: Load(Param("x"), GP64())}, most)
	s.loop(params, func(e *elements) {
		x := e.load("x")
		if e.mask == nil {
			VMAXPS(x, most, most)
			return
		}
		// Lanes outside the mask hold zeros, which must not count.
		if s.lanes == 8 {
			VBLENDVPS(e.mask, x, most, x)
			VMAXPS(x, most, most)
		} else {
			VMAXPS(x, most, e.mask, most)
		}
	})
	half := s.vector()
	if s.lanes == 16 {
		VEXTRACTF64X4(Imm(1), most, half.AsY())
		VMAXPS(half.AsY(), most.AsY(), most.AsY())
	}
	VEXTRACTF128(Imm(1), most.AsY(), half.AsX())
	VMAXPS(half.AsX(), most.AsX(), most.AsX())
	VPERMILPS(Imm(0x4e), most.AsX(), half.AsX())
	VMAXPS(half.AsX(), most.AsX(), most.AsX())
	VPERMILPS(Imm(0xb1), most.AsX(), half.AsX())
	VMAXPS(half.AsX(), most.AsX(), most.AsX())
	giveBack(most.AsX())
}

// expSum writes the middle of a softmax.
func (s set) expSum() {
	const params = "x *float32, most, factor float32, n int"
	TEXT("expSum"+s.name, NOSPLIT, "func("+params+") float32")
	Doc("expSum"+s.name+" replaces x by exp((x-most)*factor) and returns the sum, to which",
		"lane l adds the elements l, l+lanes, l+2*lanes, ... in order.")
	sum := s.vector()
	s.clear(sum)
	s.loop(params, func(e *elements) {
		x, y := e.load("x"), e.result("x")
		VSUBPS(e.scalar("most"), x, y)
		VMULPS(e.scalar("factor"), y, y)
		s.exp(y)
		switch {
		case e.mask == nil:
			VADDPS(y, sum, sum)
		case s.lanes == 8:
			VANDPS(e.mask, y, y)
			VADDPS(y, sum, sum)
		default:
			VADDPS(y, sum, e.mask, sum)
		}
	})
	giveBack(s.reduce(sum))
}

// giveBack returns the first lane.
func giveBack(v reg.Register) {
	at, err := ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	VMOVSS(v, at.Addr)
	VZEROUPPER()
	RET()
}

// weightedSum writes the kernel that mixes rows: the values of an attention.
func (s set) weightedSum() {
	TEXT("weightedSum"+s.name, NOSPLIT, "func(dst, a, weights *float32, rows, cols int)")
	Doc("weightedSum"+s.name+" adds the rows of a, [rows, cols], each times its weight, to dst,",
		"row after row, by fused multiplication and addition. Rows is positive,",
		"cols a multiple of the number of lanes.")
	dst, a := Load(Param("dst"), GP64()), Load(Param("a"), GP64())
	stride, cols := GP64(), Load(Param("cols"), GP64())
	MOVQ(cols, stride)
	SHLQ(Imm(2), stride)
	for _, m := range []int{8, 1} {
		label := map[int]string{8: "wide", 1: "narrow"}[m]
		Label(label)
		CMPQ(cols, Imm(uint64(m*s.lanes)))
		JLT(LabelRef(label + "_end"))
		Commentf("%d columns of dst stay in registers while all rows pass.", m*s.lanes)
		var sums []reg.VecVirtual
		for j := range m {
			v := s.vector()
			VMOVUPS(Mem{Base: dst, Disp: j * s.bytes()}, v)
			sums = append(sums, v)
		}
		row, weight, rows := GP64(), Load(Param("weights"), GP64()), Load(Param("rows"), GP64())
		MOVQ(a, row)
		Label(label + "_rows")
		w := s.vector()
		VBROADCASTSS(Mem{Base: weight}, w)
		for j, sum := range sums {
			VFMADD231PS(Mem{Base: row, Disp: j * s.bytes()}, w, sum)
		}
		ADDQ(stride, row)
		ADDQ(Imm(4), weight)
		DECQ(rows)
		JNE(LabelRef(label + "_rows"))
		for j, sum := range sums {
			VMOVUPS(sum, Mem{Base: dst, Disp: j * s.bytes()})
		}
		ADDQ(U32(m*s.bytes()), dst)
		ADDQ(U32(m*s.bytes()), a)
		SUBQ(Imm(uint64(m*s.lanes)), cols)
		JMP(LabelRef(label))
		Label(label + "_end")
	}
	VZEROUPPER()
	RET()
}
