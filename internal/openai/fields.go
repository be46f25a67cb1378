package openai

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

// booleanPointer tells false from left out.
func booleanPointer[T any](place func(*T) **bool) field[T] {
	return func(r *T, v value) *Error {
		b, e := v.boolean()
		*place(r) = &b
		return e
	}
}

// interval is a range of numbers; from is left out of it when it is open.
type interval struct {
	from, to float64
	open     bool
	text     string
}

func (r interval) holds(f float64) bool {
	return (f > r.from || !r.open && f == r.from) && f <= r.to
}

func numberField[T any](in interval, place func(*T) **float64) field[T] {
	return func(r *T, v value) *Error {
		f, e := v.number()
		if e != nil {
			return e
		}
		if !in.holds(f) {
			return BadRequest(v.path, "must be %s, got %s", in.text, clip(string(v.raw)))
		}
		*place(r) = &f
		return nil
	}
}

// bounded reads an integer from a range.
func bounded(v value, from, to int64) (int64, *Error) {
	n, e := v.integer()
	switch {
	case e != nil:
		return 0, e
	case n < from:
		return 0, BadRequest(v.path, "must be at least %d, got %d", from, n)
	case n > to:
		return 0, BadRequest(v.path, "must be at most %d, got %d", to, n)
	}
	return n, nil
}

func integerField[T any](from, to int64, place func(*T) **int64) field[T] {
	return func(r *T, v value) *Error {
		n, e := bounded(v, from, to)
		if e != nil {
			return e
		}
		*place(r) = &n
		return nil
	}
}

// listField reads an array of at most limit elements.
func listField[T, E any](limit int, element func(value) (E, *Error), place func(*T) *[]E) field[T] {
	return func(r *T, v value) *Error {
		items, e := v.items()
		if e != nil {
			return e
		}
		if len(items) > limit {
			return BadRequest(v.path, "must hold at most %d elements, got %d", limit, len(items))
		}
		for _, item := range items {
			element, e := element(item)
			if e != nil {
				return e
			}
			*place(r) = append(*place(r), element)
		}
		return nil
	}
}

// Fields that are checked and have no effect.

func ignoredText[T any](_ *T, v value) *Error {
	_, e := v.text()
	return e
}

func ignoredObject[T any](_ *T, v value) *Error {
	return members(v, func(string, value) *Error { return nil })
}
