package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// section is one mapping of the file: options and further sections by name.
type section struct {
	names    []string // in the order of the table
	options  map[string]*Option
	sections map[string]*section
}

func newSection() *section {
	return &section{options: map[string]*Option{}, sections: map[string]*section{}}
}

// tree arranges the options that a file can hold by their keys.
func (c *Config) tree() *section {
	root := newSection()
	for _, o := range c.Options() {
		if o.Key == "" {
			continue
		}
		at := root
		path := strings.Split(o.Key, ".")
		for _, name := range path[:len(path)-1] {
			next := at.sections[name]
			if next == nil {
				next = newSection()
				at.sections[name] = next
				at.names = append(at.names, name)
			}
			at = next
		}
		leaf := path[len(path)-1]
		at.options[leaf] = &o
		at.names = append(at.names, leaf)
	}
	return root
}

// at finds the section with a path, or nil.
func (s *section) at(path string) *section {
	for name := range strings.SplitSeq(path, ".") {
		if s = s.sections[name]; s == nil {
			return nil
		}
	}
	return s
}

// decoder reads one document into the options of a tree. It goes on after an
// error, so that a file's errors are reported together.
type decoder struct {
	file    string
	root    *section
	origins map[string]origin
	errors  Errors
}

func (d *decoder) fail(n *yaml.Node, key, format string, args ...any) {
	d.errors = append(d.errors, &Error{File: d.file, Line: n.Line, Name: key, Message: fmt.Sprintf(format, args...)})
}

// section reads a mapping. Depth is bounded by the tree, whatever aliases the
// document has.
func (d *decoder) section(s *section, path string, n *yaml.Node) {
	if n.ShortTag() == "!!null" {
		return // a section of which every line is a comment
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "must be a section of keys and values, got %s", kindOf(n))
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := resolved(n.Content[i]), resolved(n.Content[i+1])
		key := name.Value
		if path != "" {
			key = path + "." + key
		}
		if first, twice := lines[name.Value]; twice {
			d.fail(name, key, "given twice, first in line %d", first)
			continue
		}
		lines[name.Value] = name.Line
		switch {
		case name.Kind != yaml.ScalarNode:
			d.fail(name, path, "a key must be a word, got %s", kindOf(name))
		case s.sections[name.Value] != nil:
			d.section(s.sections[name.Value], key, value)
		case s.options[name.Value] != nil:
			d.option(s.options[name.Value], value)
		default:
			d.fail(name, clip(key), "unknown key%s", d.suggest(s, name.Value))
		}
	}
}

// errSecret stands for what is wrong with a secret, since errors show values.
var errSecret = errors.New("must be printable text without spaces, or a list of such texts; quote what looks like a number")

func (d *decoder) option(o *Option, n *yaml.Node) {
	if err := o.value.decode(n); err != nil {
		if o.Secret {
			err = errSecret
		}
		d.fail(n, o.Key, "%v", err)
		return
	}
	if d.origins != nil {
		d.origins[o.Key] = origin{file: d.file, line: n.Line}
	}
}

// suggest says what an unknown key of a section was most likely meant to be.
func (d *decoder) suggest(s *section, key string) string {
	name := strings.ReplaceAll(key, "-", "_")
	if best := nearest(name, s.names); best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	if path := d.root.elsewhere(name); path != "" {
		return fmt.Sprintf("; did you mean %s?", path)
	}
	if len(s.names) <= 8 {
		return "; the keys here are " + strings.Join(s.names, ", ")
	}
	return ""
}

// elsewhere finds the path of a key that is known under another section.
func (s *section) elsewhere(name string) string {
	for _, n := range s.names {
		if o := s.options[n]; o != nil && n == name {
			return o.Key
		}
		if sub := s.sections[n]; sub != nil {
			if path := sub.elsewhere(name); path != "" {
				return path
			}
		}
	}
	return ""
}

// resolved is what an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	}
	return fmt.Sprintf("%q", clip(n.Value))
}

// document parses the one document of a text; nil if it holds none.
func document(data []byte) (*yaml.Node, error) {
	loader := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := loader.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, syntax(err)
	}
	switch err := loader.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, syntax(err)
	default:
		return nil, &Error{Line: second.Line, Message: "a second document begins here; the file is one document"}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return resolved(doc.Content[0]), nil
}
