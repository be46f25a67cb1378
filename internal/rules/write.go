package rules

import (
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
)

// Write writes the file for rule_files of Prometheus, or -rule of vmalert.
func (f *File) Write(w io.Writer) error { return write(w, f) }

// PrometheusRule is the rule file as a resource of the Prometheus operator.
type PrometheusRule struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       *File    `yaml:"spec"`
}

type metadata struct {
	Name   string            `yaml:"name"`
	Labels map[string]string `yaml:"labels"`
}

// WriteKubernetes writes the file as a PrometheusRule.
func (f *File) WriteKubernetes(w io.Writer) error {
	return write(w, &PrometheusRule{
		APIVersion: "monitoring.coreos.com/v1",
		Kind:       "PrometheusRule",
		Metadata:   metadata{Name: "limelight", Labels: map[string]string{"app.kubernetes.io/name": "limelight"}},
		Spec:       f,
	})
}

func write(w io.Writer, v any) error {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the rules: %w", err)
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("write the rules: %w", err)
	}
	return nil
}
