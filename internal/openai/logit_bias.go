package openai

import (
	"cmp"
	"slices"
	"strconv"
)

// TokenBias is what is added to one token's score.
type TokenBias struct {
	ID   int64   // at least 0
	Bias float64 // -100 to 100
}

// decodeLogitBias reads an object whose names are token ids, as OpenAI has it.
// The result is in the order of the ids.
func decodeLogitBias[T any](place func(*T) *[]TokenBias) field[T] {
	in := interval{from: -100, to: 100, text: "between -100 and 100"}
	return func(r *T, v value) *Error {
		list := place(r)
		e := members(v, func(name string, m value) *Error {
			id, err := strconv.ParseInt(name, 10, 32)
			if err != nil || id < 0 || strconv.FormatInt(id, 10) != name {
				return BadRequest(m.path, "the name must be a token id")
			}
			bias, e := m.number()
			if e != nil {
				return e
			}
			if !in.holds(bias) {
				return BadRequest(m.path, "must be %s, got %s", in.text, clip(string(m.raw)))
			}
			*list = append(*list, TokenBias{id, bias})
			return nil
		})
		slices.SortFunc(*list, func(a, b TokenBias) int { return cmp.Compare(a.ID, b.ID) })
		return e
	}
}
