package tensor

import "unsafe"

// panel is what a product kernel works on: a few rows of x and any number of
// weight rows. The strides are in bytes.
type panel struct {
	dst       unsafe.Pointer // *float32: sums of one row of x lie side by side
	dstStride int            // from one row of x to the next
	w         unsafe.Pointer // *float32 or *uint16: rows of taps*cols weights, one behind the other
	wStride   int
	rows      int            // weight rows
	x         unsafe.Pointer // *float32
	xStride   int
	taps      int // at least 1
	tapStride int // what is to be added to x behind a tap's last column
	cols      int // of one tap; a positive multiple of the number of lanes
}
