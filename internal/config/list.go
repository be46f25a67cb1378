package config

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// list is a value of several texts. A file may give one text for a list of one.
type list struct {
	p     *[]string
	item  string // what an error calls an item, with its article
	check func(string) error
}

func texts(p *[]string, item string, check func(string) error) value { return list{p, item, check} }

func (l list) word() string   { return "strings" }
func (l list) String() string { return strings.Join(*l.p, ",") }

// set takes one item each time, or a list of them in JSON, which is how vLLM's
// command line has it.
func (l list) set(raw ...string) error {
	var items []string
	for _, r := range raw {
		var several []string
		if strings.HasPrefix(r, "[") && json.Unmarshal([]byte(r), &several) == nil {
			items = append(items, several...)
			continue
		}
		items = append(items, r)
	}
	return l.take(items)
}

func (l list) take(items []string) error {
	for _, item := range items {
		if err := l.check(item); err != nil {
			return err
		}
	}
	*l.p = items
	return nil
}

func (l list) decode(n *yaml.Node) error {
	want := fmt.Sprintf("%s or a list of them", l.item)
	if n.Kind != yaml.SequenceNode {
		if err := typed(n, want, "!!str"); err != nil {
			return err
		}
		return l.take([]string{n.Value})
	}
	var items []string
	for _, item := range n.Content {
		item = resolved(item)
		if err := typed(item, want, "!!str"); err != nil {
			return err
		}
		items = append(items, item.Value)
	}
	return l.take(items)
}

func (l list) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, item := range *l.p {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: item})
	}
	return n
}
