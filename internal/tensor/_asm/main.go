// Command asm writes the assembly of internal/tensor: one generator, which
// builds each kernel for AVX2 and for AVX-512 from the same steps. go generate
// runs it.
package main

import (
	"flag"
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	kernels := flag.String("kernels", "", "what to write: products or vectors")
	flag.Parse()
	Package("github.com/limelight-omni/limelight/internal/tensor")
	ConstraintExpr("amd64,!purego")
	for _, s := range sets {
		switch *kernels {
		case "products":
			products(s)
		case "vectors":
			vectors(s)
		default:
			fmt.Fprintf(os.Stderr, "no kernels %q\n", *kernels)
			os.Exit(2)
		}
	}
	Generate()
}

// set is an instruction set. Its vectors have 8 or 16 float32 lanes.
type set struct {
	name  string
	lanes int
	// rowGroups are the numbers of x rows that a product kernel exists for. The
	// largest one fills the registers.
	rowGroups []int
}

var sets = []set{
	{"AVX2", 8, []int{3, 2, 1}},
	{"AVX512", 16, []int{6, 4, 2, 1}},
}

// bytes is the size of a vector of float32.
func (s set) bytes() int { return 4 * s.lanes }

// vector allocates a register.
func (s set) vector() reg.VecVirtual {
	if s.lanes == 8 {
		return YMM()
	}
	return ZMM()
}

// clear zeroes registers. The generator takes an exclusive or of 512 bits for a
// use of what was there before, so that form is built otherwise.
func (s set) clear(vs ...reg.VecVirtual) {
	if s.lanes == 8 {
		for _, v := range vs {
			VXORPS(v, v, v)
		}
		return
	}
	none := GP32()
	XORL(none, none)
	for _, v := range vs {
		VPBROADCASTD(none, v)
	}
}

// widen loads bfloat16 elements, half a vector of memory, as float32.
func (s set) widen(m Mem, v reg.VecVirtual) {
	VPMOVZXWD(m, v)
	VPSLLD(Imm(16), v, v)
}
