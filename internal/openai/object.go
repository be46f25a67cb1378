package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// field decodes one member of an object into a request.
type field[T any] func(*T, value) *Error

// schema says what an object may hold.
type schema[T any] struct {
	fields map[string]field[T]
	// unsupported names members that the API defines and Limelight does not do,
	// each with the values, in compact JSON, that ask for nothing.
	unsupported map[string][]string
	// passes lets members through that the schema does not know.
	passes bool
}

// decode reads an object strictly: every member has to be known, once.
func (s schema[T]) decode(into *T, v value) *Error {
	return members(v, func(name string, m value) *Error {
		decode, known := s.fields[name]
		noops, unsupported := s.unsupported[name]
		switch {
		case m.isNull() && (known || unsupported):
			return nil // null says the same as leaving it out
		case known:
			return decode(into, m)
		case unsupported && asksForNothing(m.raw, noops):
			return nil
		case unsupported:
			return BadRequest(m.path, "is not supported")
		case s.passes:
			return nil
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
	if !valid(data) {
		err := json.Unmarshal(data, new(json.RawMessage)) // it says where
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
			return value{}, BadRequest("", "the body is not valid JSON: %v (line %d, byte %d)", err, line, syntax.Offset)
		}
		return value{}, BadRequest("", "the body is not valid JSON: %v", err)
	}
	return value{raw: bytes.TrimSpace(data)}, nil
}

// members calls do for each member of an object, in order. A name that comes
// twice is an error, since readers differ in which one they take.
func members(v value, do func(name string, m value) *Error) *Error {
	if v.kind() != "an object" {
		return v.mustBe("an object")
	}
	if n := elements(v.raw); n > maxElements {
		return BadRequest(v.path, "has %d members; at most %d are read", n, maxElements)
	}
	seen := map[string]bool{}
	text := bytes.TrimSpace(v.raw)[1:]
	for text = text[space(text):]; len(text) > 0 && text[0] == '"'; {
		n := stringLength(text)
		name, e := value{path: v.path, raw: json.RawMessage(text[:n])}.text()
		if e != nil {
			return e
		}
		m := value{path: clip(name)}
		if v.path != "" {
			m.path = v.path + "." + m.path
		}
		if seen[name] {
			return BadRequest(m.path, "is given twice")
		}
		seen[name] = true
		text = text[n:]
		if text = text[space(text):]; len(text) == 0 || text[0] != ':' {
			return BadRequest(m.path, "is not valid JSON")
		}
		m.raw, text = piece(text[1:])
		if e := do(name, m); e != nil {
			return e
		}
	}
	return nil
}
