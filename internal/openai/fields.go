package openai

import "math"

// Field decoders, made from the place that the value goes to.

func textField[T any](place func(*T) *string) field[T] {
	return func(r *T, v value) (e *Error) {
		*place(r), e = v.text()
		return e
	}
}

func booleanField[T any](place func(*T) *bool) field[T] {
	return func(r *T, v value) (e *Error) {
		*place(r), e = v.boolean()
		return e
	}
}

// ignored accepts any value of a member that has no effect.
func ignored[T any](*T, value) *Error { return nil }

// interval is a range of numbers; an open end is left out of it.
type interval struct {
	from, to         float64
	fromOpen, toOpen bool
	text             string
}

func (r interval) holds(f float64) bool {
	return !math.IsNaN(f) && (f > r.from || !r.fromOpen && f == r.from) && (f < r.to || !r.toOpen && f == r.to)
}

func numberField[T any](in interval, place func(*T) **float64) field[T] {
	return func(r *T, v value) *Error {
		f, e := v.number()
		if e != nil {
			return e
		}
		if !in.holds(f) {
			return BadRequest(v.path, "must be %s, got %s", in.text, v.raw)
		}
		*place(r) = &f
		return nil
	}
}

func integerField[T any](from, to int64, text string, place func(*T) **int64) field[T] {
	return func(r *T, v value) *Error {
		n, e := v.integer()
		if e != nil {
			return e
		}
		if n < from || n > to {
			return BadRequest(v.path, "must be %s, got %s", text, v.raw)
		}
		*place(r) = &n
		return nil
	}
}
