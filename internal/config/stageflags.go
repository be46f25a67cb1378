package config

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// flagOnly is what values have in common that no file holds.
type flagOnly struct{}

func (flagOnly) String() string          { return "" }
func (flagOnly) node() *yaml.Node        { return nil }
func (flagOnly) decode(*yaml.Node) error { panic("BUG: a file holds what only a flag says") }

// replicas sets the number of replicas of several stages.
type replicas struct {
	flagOnly
	c *Config
}

func (r replicas) word() string { return "stage=n,..." }

func (r replicas) set(raw ...string) error {
	for pair := range strings.SplitSeq(strings.Join(raw, ","), ",") {
		name, count, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("must be stage=number, got %q", pair)
		}
		stage, err := r.c.stage(strings.TrimSpace(name))
		if err != nil {
			return err
		}
		if err := number(&stage.NumReplicas, 1, maxReplicas).set(strings.TrimSpace(count)); err != nil {
			return fmt.Errorf("stage %s: %w", stage.Name, err)
		}
	}
	return nil
}

// stage finds a stage by its name or its id.
func (c *Config) stage(name string) (*Stage, error) {
	names := make([]string, len(c.Stages))
	for i, s := range c.Stages {
		names[i] = s.Name
		if name == s.Name || name == strconv.Itoa(i) {
			return &c.Stages[i], nil
		}
	}
	return nil, fmt.Errorf("unknown stage %q; the stages are %s", name, strings.Join(names, ", "))
}

// overrides takes a JSON object of stages, each with the options that a file
// has under stages.NAME, or under the section of it that is named here.
type overrides struct {
	flagOnly
	c       *Config
	section string
}

func (o overrides) word() string { return "JSON" }

func (o overrides) set(raw ...string) error {
	for _, r := range raw {
		root, err := document([]byte(r))
		if err != nil {
			return err
		}
		if root == nil || root.Kind != yaml.MappingNode {
			return fmt.Errorf("must be a JSON object of stages, got %s", clip(r))
		}
		d := decoder{root: o.c.tree()}
		for i := 0; i+1 < len(root.Content); i += 2 {
			stage, err := o.c.stage(root.Content[i].Value)
			if err != nil {
				return err
			}
			path := "stages." + stage.Name
			if o.section != "" {
				path += "." + o.section
			}
			s := d.root.at(path)
			if s == nil {
				return fmt.Errorf("stage %s has no %s", stage.Name, o.section)
			}
			d.section(s, path, resolved(root.Content[i+1]))
		}
		if len(d.errors) > 0 {
			return d.errors
		}
	}
	return nil
}
