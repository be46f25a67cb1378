package openai

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// value is a piece of a request's JSON and where it stands.
type value struct {
	path string // as messages[0].content; empty for the whole body
	raw  json.RawMessage
}

func (v value) isNull() bool { return string(v.raw) == "null" }

// kind names the JSON type of v, as an error says it.
func (v value) kind() string { return kindOf(v.raw) }

// begins is the kind of an array's first element; "nothing" if it is empty.
func (v value) begins() string {
	inner := bytes.TrimSpace(bytes.TrimSpace(v.raw)[1:])
	if inner[0] == ']' {
		return kindOf(nil)
	}
	return kindOf(inner)
}

func kindOf(raw []byte) string {
	switch raw = bytes.TrimSpace(raw); {
	case len(raw) == 0:
		return "nothing"
	case raw[0] == '{':
		return "an object"
	case raw[0] == '[':
		return "an array"
	case raw[0] == '"':
		return "a string"
	case raw[0] == 't' || raw[0] == 'f':
		return "a boolean"
	case raw[0] == 'n':
		return "null"
	}
	return "a number"
}

func (v value) mustBe(what string) *Error {
	if v.path == "" {
		return BadRequest("", "the body must be %s, got %s", what, v.kind())
	}
	return BadRequest(v.path, "must be %s, got %s", what, v.kind())
}

func (v value) text() (string, *Error) {
	var s string
	if v.kind() != "a string" || json.Unmarshal(v.raw, &s) != nil {
		return "", v.mustBe("a string")
	}
	return s, nil
}

func (v value) boolean() (bool, *Error) {
	var b bool
	if v.kind() != "a boolean" || json.Unmarshal(v.raw, &b) != nil {
		return false, v.mustBe("a boolean")
	}
	return b, nil
}

func (v value) number() (float64, *Error) {
	var f float64
	if v.kind() != "a number" {
		return 0, v.mustBe("a number")
	}
	if err := json.Unmarshal(v.raw, &f); err != nil {
		return 0, BadRequest(v.path, "%s is out of range", clip(string(v.raw)))
	}
	return f, nil
}

// integer also takes numbers like 5.0, which some clients write for 5.
func (v value) integer() (int64, *Error) {
	const exact = 1 << 53 // up to here every integer is a float64
	var n int64
	if v.kind() != "a number" {
		return 0, v.mustBe("an integer")
	}
	if json.Unmarshal(v.raw, &n) == nil {
		return n, nil
	}
	var f float64
	if json.Unmarshal(v.raw, &f) == nil && f == math.Trunc(f) && math.Abs(f) <= exact {
		return int64(f), nil
	}
	return 0, BadRequest(v.path, "must be an integer of 64 bits, got %s", clip(string(v.raw)))
}

// maxElements bounds the elements of an array that is read, so that a body can't
// take many times its own size.
const maxElements = 1 << 18

// items returns the elements of an array.
func (v value) items() ([]value, *Error) {
	if n := elements(v.raw); n > maxElements {
		return nil, BadRequest(v.path, "has %d elements; at most %d are read", n, maxElements)
	}
	if v.kind() != "an array" {
		return nil, v.mustBe("an array")
	}
	var values []value
	text := bytes.TrimSpace(v.raw)[1:]
	for text = text[space(text):]; len(text) > 0 && text[0] != ']'; {
		item := value{path: v.path + "[" + strconv.Itoa(len(values)) + "]"}
		item.raw, text = piece(text)
		values = append(values, item)
	}
	return values, nil
}

// elements is one more than the commas of an array, or an object, itself, which
// is the number of its elements unless it is empty.
func elements(raw []byte) int {
	n, depth := 1, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 1 {
				n++
			}
		case '"':
			i += stringLength(raw[i:]) - 1
		}
	}
	return n
}

// clip shortens what a client wrote, so that an error that repeats it stays
// short.
func clip(s string) string { return clipTo(64, s) }

func clipTo(most int, s string) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
