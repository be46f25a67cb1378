package tensor

// ArgMax returns the index of the largest element, the lowest one of equals.
// X has at least one element.
func ArgMax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// TopK writes the indices of the len(dst) largest elements of x to dst, by
// falling value, equals by rising index. X has at least len(dst) elements. The
// time grows with the product of the two lengths: it is meant for a few out of
// some hundreds.
func TopK(dst []int32, x []float32) {
	n := 0
	for i, v := range x {
		if n == len(dst) && !(v > x[dst[n-1]]) {
			continue
		}
		if n < len(dst) {
			n++
		}
		at := n - 1
		for ; at > 0 && v > x[dst[at-1]]; at-- {
			dst[at] = dst[at-1]
		}
		dst[at] = int32(i)
	}
}
