package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// value is an option's variable, as text and as YAML.
type value interface {
	// word names the values in a usage line.
	word() string
	// set takes what a command line said, one raw text for each time.
	set(raw ...string) error
	String() string
	// decode takes what a file says.
	decode(*yaml.Node) error
	// node is the value for a file; nil for a value that no file holds.
	node() *yaml.Node
}

// scalar is a value of one word.
type scalar[T any] struct {
	p      *T
	kind   string   // the word of a usage line
	want   string   // what an error says that the value must be
	tags   []string // YAML types that may stand for it; the first one is written
	parse  func(string) (T, bool)
	format func(T) string
	checks []func(T) error
}

func (s scalar[T]) word() string   { return s.kind }
func (s scalar[T]) String() string { return s.format(*s.p) }

func (s scalar[T]) set(raw ...string) error { return s.take(raw[len(raw)-1]) }

func (s scalar[T]) take(raw string) error {
	v, ok := s.parse(raw)
	if !ok {
		return fmt.Errorf("must be %s, got %q", s.want, raw)
	}
	for _, check := range s.checks {
		if err := check(v); err != nil {
			return err
		}
	}
	*s.p = v
	return nil
}

func (s scalar[T]) decode(n *yaml.Node) error {
	if err := typed(n, s.want, s.tags...); err != nil {
		return err
	}
	return s.take(n.Value)
}

func (s scalar[T]) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: s.tags[0], Value: s.format(*s.p)}
	if n.Value == "" && slices.Contains(s.tags, "!!null") {
		n.Tag, n.Value = "!!null", "null"
	}
	return n
}

// typed says what is wrong with a node that is not a scalar of one of the tags.
func typed(n *yaml.Node, want string, tags ...string) error {
	switch tag := n.ShortTag(); {
	case n.Kind == yaml.ScalarNode && slices.Contains(tags, tag):
		return nil
	case n.Kind == yaml.MappingNode:
		return fmt.Errorf("must be %s, got a section", want)
	case n.Kind == yaml.SequenceNode:
		return fmt.Errorf("must be %s, got a list", want)
	case tag == "!!null":
		return fmt.Errorf("must be %s, got nothing", want)
	case tags[0] == "!!str":
		return fmt.Errorf("must be %s, got the %s %s", want, strings.TrimPrefix(tag, "!!"), clip(n.Value))
	default:
		return fmt.Errorf("must be %s, got %q", want, clip(n.Value))
	}
}

func text(p *string, checks ...func(string) error) value {
	return scalar[string]{p: p, kind: "string", want: "a string", tags: []string{"!!str"}, checks: checks,
		parse:  func(s string) (string, bool) { return s, true },
		format: func(s string) string { return s }}
}

func toggle(p *bool) value {
	return scalar[bool]{p: p, kind: "bool", want: "true or false", tags: []string{"!!bool"},
		parse: func(s string) (bool, bool) {
			s = strings.ToLower(s)
			return s == "true", s == "true" || s == "false"
		},
		format: strconv.FormatBool}
}

func number(p *int, least, most int) value {
	return scalar[int]{p: p, kind: "int", want: "a whole number", tags: []string{"!!int"}, parse: parseInt, format: strconv.Itoa,
		checks: []func(int) error{func(v int) error { return within(v, least, most) }}}
}

func optionalNumber(p **int, least, most int) value {
	return scalar[*int]{p: p, kind: "int", want: "a whole number", tags: []string{"!!int", "!!null"}, parse: optional(parseInt),
		format: func(v *int) string {
			if v == nil {
				return ""
			}
			return strconv.Itoa(*v)
		},
		checks: []func(*int) error{func(v *int) error {
			if v == nil {
				return nil
			}
			return within(*v, least, most)
		}}}
}

// share is a number above 0 and at most 1.
func share(p *float64) value {
	return scalar[float64]{p: p, kind: "float", want: "a number", tags: []string{"!!float", "!!int"}, parse: parseReal,
		format: func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) },
		checks: []func(float64) error{func(v float64) error {
			if v <= 0 || v > 1 {
				return fmt.Errorf("must be above 0 and at most 1, got %v", v)
			}
			return nil
		}}}
}

func optionalReal(p **float64, least, most float64) value {
	return scalar[*float64]{p: p, kind: "float", want: "a number", tags: []string{"!!float", "!!int", "!!null"}, parse: optional(parseReal),
		format: func(v *float64) string {
			if v == nil {
				return ""
			}
			return strconv.FormatFloat(*v, 'f', -1, 64)
		},
		checks: []func(*float64) error{func(v *float64) error {
			if v == nil {
				return nil
			}
			if least > 0 && *v <= 0 {
				return fmt.Errorf("must be above 0, got %v", *v)
			}
			return within(*v, least, most)
		}}}
}

func duration(p *time.Duration, least time.Duration) value {
	return scalar[time.Duration]{p: p, kind: "duration", want: "a duration with its unit, as 30s or 1m30s", tags: []string{"!!str"},
		parse: func(s string) (time.Duration, bool) {
			d, err := time.ParseDuration(s)
			return d, err == nil
		},
		format: func(d time.Duration) string { return shortDuration(d) },
		checks: []func(time.Duration) error{func(d time.Duration) error { return within(d, least, math.MaxInt64) }}}
}

// size is a number of bytes, plain or in KiB, MiB or GiB.
func size(p *int64, least, most int64) value {
	return scalar[int64]{p: p, kind: "size", want: "a number of bytes, as 32MiB", tags: []string{"!!str", "!!int"},
		parse:  parseSize,
		format: formatSize,
		checks: []func(int64) error{func(v int64) error {
			if v < least || v > most {
				return fmt.Errorf("must be from %s to %s, got %s", formatSize(least), formatSize(most), formatSize(v))
			}
			return nil
		}}}
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

func parseSize(s string) (int64, bool) {
	unit := int64(1)
	for _, u := range sizeUnits {
		if number, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = strings.TrimSpace(number), u.bytes
			break
		}
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 || v > math.MaxInt64/unit {
		return 0, false
	}
	return v * unit, true
}

func formatSize(v int64) string {
	for _, u := range sizeUnits {
		if v >= u.bytes && v%u.bytes == 0 {
			return strconv.FormatInt(v/u.bytes, 10) + u.name
		}
	}
	return "0B"
}

// shortDuration writes 2m rather than 2m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

func parseInt(s string) (int, bool) {
	v, err := strconv.ParseInt(s, 0, strconv.IntSize)
	return int(v), err == nil
}

func parseReal(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// optional reads null and nothing as nil.
func optional[T any](parse func(string) (T, bool)) func(string) (*T, bool) {
	return func(s string) (*T, bool) {
		switch s {
		case "", "~", "null", "Null", "NULL":
			return nil, true
		}
		v, ok := parse(s)
		return &v, ok
	}
}

func within[T int | float64 | time.Duration](v, least, most T) error {
	switch {
	case v < least:
		return fmt.Errorf("must be at least %v, got %v", least, v)
	case v > most:
		return fmt.Errorf("must be at most %v, got %v", most, v)
	}
	return nil
}
