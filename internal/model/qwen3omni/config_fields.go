package qwen3omni

import (
	"encoding/json"
	"fmt"
)

// fields reads the members of a JSON object. It keeps the first failure, with
// the file and the field's path, so that a caller reads all it wants and looks
// at the error once. After a failure the values are meaningless.
type fields struct {
	file    string
	path    string // of the object, ending in "." unless it is the root
	members map[string]json.RawMessage
	first   *error
}

func parseFields(file string, data []byte) fields {
	f := fields{file: file, first: new(error)}
	if err := json.Unmarshal(data, &f.members); err != nil {
		*f.first = fmt.Errorf("%s: %w", file, err)
	} else if f.members == nil {
		*f.first = fmt.Errorf("%s: must be an object", file)
	}
	return f
}

func (f fields) err() error { return *f.first }

func (f fields) fail(name, format string, args ...any) {
	if *f.first == nil {
		*f.first = fmt.Errorf("%s: %s%s: %s", f.file, f.path, name, fmt.Sprintf(format, args...))
	}
}

// has says whether a member is there and not null.
func (f fields) has(name string) bool {
	raw, ok := f.members[name]
	return ok && string(raw) != "null"
}

// read decodes a member that is there. What describes the type it must have.
func (f fields) read(name string, into any, what string) {
	if !f.has(name) {
		f.fail(name, "is missing")
	} else if err := json.Unmarshal(f.members[name], into); err != nil {
		f.fail(name, "must be %s", what)
	}
}

func (f fields) object(name string) fields {
	inner := fields{file: f.file, path: f.path + name + ".", first: f.first}
	f.read(name, &inner.members, "an object")
	return inner
}

// largest bounds every count and width, so that products of two of them cannot
// overflow.
const largest = 1 << 24

func (f fields) positive(name string) int {
	var n int
	f.read(name, &n, "a whole number")
	f.bound(name, n, 1)
	return n
}

// layers reads the number of layers. It is bounded more tightly, as each layer
// is looked up by its number.
func (f fields) layers(name string) int {
	n := f.positive(name)
	if n > 4096 {
		f.fail(name, "must be at most 4096")
	}
	return n
}

func (f fields) bound(name string, n, least int) {
	switch {
	case n < least && least == 1:
		f.fail(name, "must be positive")
	case n < least:
		f.fail(name, "must be at least %d", least)
	case n > largest:
		f.fail(name, "must be at most %d", largest)
	}
}

// optional reads a whole number of at least zero.
func (f fields) optional(name string, def int) int {
	if f.has(name) {
		f.read(name, &def, "a whole number")
		f.bound(name, def, 0)
	}
	return def
}

func (f fields) positives(name string) []int {
	var all []int
	f.read(name, &all, "a list of whole numbers")
	if len(all) == 0 {
		f.fail(name, "must not be empty")
	}
	for _, n := range all {
		f.bound(name, n, 1)
	}
	return all
}

func (f fields) float(name string) float64 {
	var v float64
	f.read(name, &v, "a number")
	if v <= 0 {
		f.fail(name, "must be positive")
	}
	return v
}

func (f fields) optionalFloat(name string, def float64) float64 {
	if f.has(name) {
		f.read(name, &def, "a number")
	}
	return def
}

func (f fields) flag(name string, def bool) bool {
	if f.has(name) {
		f.read(name, &def, "true or false")
	}
	return def
}

func (f fields) text(name string) string {
	var s string
	if f.has(name) {
		f.read(name, &s, "a string")
	}
	return s
}

// id reads the id of a token in a vocabulary.
func (f fields) id(name string, vocab int) int32 {
	var n int
	f.read(name, &n, "a whole number")
	if n < 0 || n >= vocab {
		f.fail(name, "%d is not in the vocabulary of %d", n, vocab)
	}
	return int32(n)
}
