package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Error is one thing that is wrong with a configuration.
type Error struct {
	// File and Line say where; they are empty for what no file says.
	File string
	Line int
	// Name is the key in question, or the flag or environment variable; empty
	// for text that is no YAML.
	Name    string
	Message string
}

// Error reads FILE:LINE: KEY: MESSAGE, as editors and compilers have it.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Name != "" {
		b.WriteString(e.Name + ": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// Errors is everything that is wrong with a configuration, one line each.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// sort puts what a file says first, by line.
func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		if (a.File == "") != (b.File == "") {
			return cmp.Compare(b.File, a.File)
		}
		return cmp.Compare(a.Line, b.Line)
	})
}

// syntax is the error of text that is no YAML.
func syntax(err error) *Error {
	var load *yaml.LoadError
	if errors.As(err, &load) {
		return &Error{Line: load.Mark.Line, Message: load.Message}
	}
	return &Error{Message: strings.TrimPrefix(err.Error(), "yaml: ")}
}

// clip shortens a value that an error shows.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
