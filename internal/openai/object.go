package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// value is a piece of a request's JSON and where it stands.
type value struct {
	path string // as messages[0].content; empty for the whole body
	raw  json.RawMessage
}

// field decodes one member of an object into a request.
type field[T any] func(*T, value) *Error

// schema says what an object may hold.
type schema[T any] struct {
	fields map[string]field[T]
	// unsupported names members that the API defines and Limelight does not do,
	// each with the values that ask for nothing.
	unsupported map[string][]string
}

// decode reads an object strictly: every member has to be known, once.
func (s schema[T]) decode(into *T, v value) *Error {
	return members(v, func(name string, m value) *Error {
		if decode, ok := s.fields[name]; ok {
			if m.isNull() {
				return nil // null says the same as leaving it out
			}
			return decode(into, m)
		}
		if noops, ok := s.unsupported[name]; ok {
			if m.isNull() || asksForNothing(m.raw, noops) {
				return nil
			}
			return BadRequest(m.path, "is not supported")
		}
		if near := nearest(name, s.fields); near != "" {
			return BadRequest(m.path, "is not a known parameter; did you mean %q?", near)
		}
		return BadRequest(m.path, "is not a known parameter")
	})
}

func asksForNothing(raw json.RawMessage, noops []string) bool {
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return false
	}
	for _, noop := range noops {
		if compact.String() == noop {
			return true
		}
	}
	return false
}

// body checks that data is one JSON text in UTF-8.
func body(data []byte) (value, *Error) {
	if !utf8.Valid(data) {
		return value{}, BadRequest("", "the body is not valid UTF-8")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return value{}, BadRequest("", "the body is empty; it must be a JSON object")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
			return value{}, BadRequest("", "the body is not valid JSON: %v (line %d, byte %d)", err, line, syntax.Offset)
		}
		return value{}, BadRequest("", "the body is not valid JSON: %v", err)
	}
	return value{raw: raw}, nil
}

// members calls do for each member of an object, in order.
func members(v value, do func(name string, m value) *Error) *Error {
	d := json.NewDecoder(bytes.NewReader(v.raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return v.mustBe("an object")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return BadRequest(v.path, "is not valid JSON: %v", err)
		}
		name, _ := t.(string)
		m := value{path: name}
		if v.path != "" {
			m.path = v.path + "." + name
		}
		if seen[name] {
			return BadRequest(m.path, "is given twice")
		}
		seen[name] = true
		if err := d.Decode(&m.raw); err != nil && err != io.EOF {
			return BadRequest(m.path, "is not valid JSON: %v", err)
		}
		if e := do(name, m); e != nil {
			return e
		}
	}
	return nil
}

// items returns the elements of an array.
func (v value) items() ([]value, *Error) {
	var raws []json.RawMessage
	if v.kind() != "an array" || json.Unmarshal(v.raw, &raws) != nil {
		return nil, v.mustBe("an array")
	}
	values := make([]value, len(raws))
	for i, raw := range raws {
		values[i] = value{path: v.path + "[" + strconv.Itoa(i) + "]", raw: raw}
	}
	return values, nil
}

func (v value) isNull() bool { return string(v.raw) == "null" }

// kind names the JSON type of v, as an error says it.
func (v value) kind() string {
	switch raw := bytes.TrimSpace(v.raw); {
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
		return 0, BadRequest(v.path, "%s is out of range", v.raw)
	}
	return f, nil
}

func (v value) integer() (int64, *Error) {
	var n int64
	if v.kind() != "a number" {
		return 0, v.mustBe("an integer")
	}
	if err := json.Unmarshal(v.raw, &n); err != nil {
		return 0, BadRequest(v.path, "must be an integer that fits 64 bits, got %s", v.raw)
	}
	return n, nil
}

// nearest is the known name that a misspelt one most likely stands for, or "".
func nearest[T any](name string, known map[string]field[T]) string {
	best, distance := "", 3 // two edits at most
	for k := range known {
		d := edits(strings.ToLower(name), k)
		if d < distance || d == distance && best != "" && k < best {
			best, distance = k, d
		}
	}
	if distance*2 >= len(name) {
		return ""
	}
	return best
}

// edits is the Levenshtein distance of two names; long ones are never near.
func edits(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
