package config

import (
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Write writes the configuration as a file that holds every key. A value that
// is no default says where it came from; secrets are masked.
func (c *Config) Write(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, o := range c.Options() {
		if o.Key == "" {
			continue
		}
		at := root
		path := strings.Split(o.Key, ".")
		for _, name := range path[:len(path)-1] {
			at = child(at, name)
		}
		v := o.value.node()
		if o.Secret {
			masked(v)
		}
		v.LineComment = c.origins[o.Key].String()
		at.Content = append(at.Content, word(path[len(path)-1]), v)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return enc.Close()
}

// child is the section of a mapping, made if it isn't there.
func child(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	section := &yaml.Node{Kind: yaml.MappingNode}
	mapping.Content = append(mapping.Content, word(name), section)
	return section
}

func word(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

// masked replaces every text of a value by stars.
func masked(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		n.Value = mask
	}
	for _, item := range n.Content {
		masked(item)
	}
}
