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

// candidateRoom is an engine's memory for candidates. It grows to the largest
// list and stays.
type candidateRoom struct{ list []candidate }

// candidates lists what may be chosen, with weights proportional to the
// probabilities: what min-p, top-k and top-p leave of the tokens, each of a head
// of their order. The list is by id unless top-k or top-p need it by weight. It
// is valid until the room is used again.
func (s *sampler) candidates(logits []float32, room *candidateRoom) []candidate {
	list := room.list[:0]
	ordered := s.TopK > 0 && s.TopK < len(logits)
	if ordered {
		list = likeliest(logits, s.TopK, list)
	} else {
		for id, l := range logits {
			if l > never {
				list = append(list, candidate{int32(id), float64(l)})
			}
		}
	}
	room.list = list
	list = s.weigh(list)
	if s.TopP >= 1 {
		return list
	}
	var all float64
	for _, c := range list {
		all += c.p
	}
	if !ordered {
		return nucleus(list, s.TopP, all)
	}
	var sum float64
	for i, c := range list {
		if sum += c.p; sum >= s.TopP*all {
			return list[:i+1]
		}
	}
	return list
}

// weigh turns logits into weights, 1 for the likeliest token, and drops those
// that min-p or the range of numbers makes impossible.
func (s *sampler) weigh(list []candidate) []candidate {
	most := math.Inf(-1)
	for _, c := range list {
		most = max(most, c.p)
	}
	kept := list[:0]
	for _, c := range list {
		w := math.Exp((c.p - most) / s.Temperature)
		if w >= s.MinP && w > 0 {
			kept = append(kept, candidate{c.id, w})
		}
	}
	return kept
}

// nucleus moves to the front of list, and returns, the smallest head of the
// order whose weights reach the fraction p of all, their sum. It sorts nothing:
// as quickselect does, it splits what may hold the nucleus' end until that is
// one candidate. The result's order depends on the list alone.
func nucleus(list []candidate, p, all float64) []candidate {
	missing := p * all // of the weight of list[:from], all of which is in the nucleus
	from, to := 0, len(list)
	for from < to {
		pivot, sum := split(list[from:to])
		pivot += from
		switch {
		case sum >= missing:
			to = pivot
		case sum+list[pivot].p >= missing:
			return list[:pivot+1]
		default:
			missing -= sum + list[pivot].p
			from = pivot + 1
		}
	}
	return list[:to]
}

// split moves what comes before the median of three candidates to the front of
// list and returns the place of that one behind them, and the sum of their
// weights.
func split(list []candidate) (pivot int, sum float64) {
	last := len(list) - 1
	a, b, c := 0, last/2, last
	if list[b].before(list[a]) {
		a, b = b, a
	}
	if list[c].before(list[b]) {
		if b = c; list[c].before(list[a]) {
			b = a
		}
	}
	list[b], list[last] = list[last], list[b]
	for i, c := range list[:last] {
		if c.before(list[last]) {
			sum += c.p
			list[i], list[pivot] = list[pivot], c
			pivot++
		}
	}
	list[pivot], list[last] = list[last], list[pivot]
	return pivot, sum
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
	least := float32(-math.MaxFloat32)
	for id, l := range logits {
		if !(l >= least) {
			continue
		}
		c := candidate{int32(id), float64(l)}
		switch {
		case len(list) < k-1:
			list = append(list, c)
			continue // least is known once there are k
		case len(list) == k-1:
			list = append(list, c)
			for i := k/2 - 1; i >= 0; i-- {
				sink(list, i)
			}
		case c.before(list[0]):
			list[0] = c
			sink(list, 0)
		}
		least = float32(list[0].p)
	}
	slices.SortFunc(list, order)
	return list
}

// sink moves the element at i down to its place in a heap with the last of the
// order at its root.
func sink(heap []candidate, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && heap[child].before(heap[child+1]) {
			child++
		}
		if !heap[i].before(heap[child]) {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}
