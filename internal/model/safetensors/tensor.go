package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// DType is an element type, spelled as in the header.
type DType string

// The element types that can be read out of a Tensor.
const (
	F32  DType = "F32"
	BF16 DType = "BF16"
	I64  DType = "I64"
)

// elementSizes lists the format's types, in bytes: a file may hold tensors that
// nobody reads.
var elementSizes = map[DType]int{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1,
	"I16": 2, "U16": 2, "F16": 2, BF16: 2,
	"I32": 4, "U32": 4, F32: 4,
	I64: 8, "U64": 8, "F64": 8, "C64": 8,
}

// Tensor is one tensor of a checkpoint, row-major.
type Tensor struct {
	File  string // name of the file that holds it
	Name  string
	DType DType
	Shape []int
	data  []byte
}

// CheckShape returns an error, which says both shapes, unless the tensor has
// this one.
func (t *Tensor) CheckShape(shape ...int) error {
	if slices.Equal(t.Shape, shape) {
		return nil
	}
	return fmt.Errorf("%s: %s: shape is %v, must be %v", t.File, t.Name, t.Shape, shape)
}

// Float32s returns the elements of an F32 tensor, mapped, or those of a BF16
// tensor, converted.
func (t *Tensor) Float32s() ([]float32, error) {
	switch t.DType {
	case F32:
		return view(t.data, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }), nil
	case BF16:
		out := make([]float32, len(t.data)/2)
		for i := range out {
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(t.data[2*i:])) << 16)
		}
		return out, nil
	}
	return nil, t.wrongType("F32 or BF16")
}

// BF16Bits returns the bit patterns of a BF16 tensor, mapped.
func (t *Tensor) BF16Bits() ([]uint16, error) {
	if t.DType != BF16 {
		return nil, t.wrongType("BF16")
	}
	return view(t.data, binary.LittleEndian.Uint16), nil
}

// Int64s returns the elements of an I64 tensor, mapped.
func (t *Tensor) Int64s() ([]int64, error) {
	if t.DType != I64 {
		return nil, t.wrongType("I64")
	}
	return view(t.data, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }), nil
}

func (t *Tensor) wrongType(want string) error {
	return fmt.Errorf("%s: %s: dtype is %s, must be %s", t.File, t.Name, t.DType, want)
}

// view returns the elements that data holds: data itself where its address and
// the machine's byte order allow that, otherwise a decoded copy. The format
// does not promise alignment, though writers pad for it.
func view[E any](data []byte, decode func([]byte) E) []E {
	var e E
	size := int(unsafe.Sizeof(e))
	n := len(data) / size
	if n == 0 {
		return []E{}
	}
	first := unsafe.Pointer(unsafe.SliceData(data))
	if littleEndian && uintptr(first)%unsafe.Alignof(e) == 0 {
		return unsafe.Slice((*E)(first), n)
	}
	out := make([]E, n)
	for i := range out {
		out[i] = decode(data[i*size:])
	}
	return out
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
