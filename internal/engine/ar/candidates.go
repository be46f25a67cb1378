package ar

import (
	"cmp"
	"math"
	"slices"
)

// candidate is a token that may still be chosen.
type candidate struct {
	id int32
	p  float64 // logit, later weight
}

// order sorts candidates: the likelier first, the lower id of equals.
func order(a, b candidate) int { return cmp.Or(cmp.Compare(b.p, a.p), cmp.Compare(a.id, b.id)) }

// before is order as a condition.
func (c candidate) before(d candidate) bool { return c.p > d.p || c.p == d.p && c.id < d.id }

// likeliest appends to list, which is empty, the k tokens with the highest
// logits, the likeliest first. Tokens that cannot be chosen are left out. It
// keeps the best so far in a heap with the last of them at its root, so that for
// a small k almost every token costs one comparison.
func likeliest(logits []float32, k int, list []candidate) []candidate {
	k = min(k, len(logits))
	if k <= 0 {
		return list
	}
	least := -math.MaxFloat64
	for id, l := range logits {
		if float64(l) < least {
			continue
		}
		c := candidate{int32(id), float64(l)}
		switch {
		case len(list) < k-1:
			list = append(list, c)
			continue
		case len(list) == k-1:
			list = append(list, c)
			heapify(list, lastFirst)
		case c.before(list[0]):
			list[0] = c
			sink(list, 0, lastFirst)
		}
		least = list[0].p
	}
	slices.SortFunc(list, order)
	return list
}

func lastFirst(a, b candidate) bool { return b.before(a) }

// heapify makes a heap of list: at its root stands what is above all others.
func heapify(list []candidate, above func(a, b candidate) bool) {
	for i := len(list)/2 - 1; i >= 0; i-- {
		sink(list, i, above)
	}
}

// sink moves the element at i down to its place in the heap.
func sink(list []candidate, i int, above func(a, b candidate) bool) {
	for {
		child := 2*i + 1
		if child >= len(list) {
			return
		}
		if child+1 < len(list) && above(list[child+1], list[child]) {
			child++
		}
		if !above(list[child], list[i]) {
			return
		}
		list[i], list[child] = list[child], list[i]
		i = child
	}
}
