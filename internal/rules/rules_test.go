package rules

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

//go:generate go test -run TestCheckedInRulesAreCurrent -update

var update = flag.Bool("update", false, "rewrite the rule files")

// Where the generated files are.
const (
	ruleFile       = "../../deploy/prometheus/rules/limelight.yml"
	kubernetesFile = "../../deploy/kubernetes/prometheusrule.yaml"
)

const generated = "# Made from the family table and objectives.yml by `go generate ./internal/rules`; do not edit.\n"

func TestCheckedInRulesAreCurrent(t *testing.T) {
	f := Build(Options{})
	for file, writer := range map[string]func(*bytes.Buffer) error{
		ruleFile:       func(b *bytes.Buffer) error { return f.Write(b) },
		kubernetesFile: func(b *bytes.Buffer) error { return f.WriteKubernetes(b) },
	} {
		b := bytes.NewBufferString(generated)
		if err := writer(b); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, b.Bytes()) {
			t.Errorf("%s is stale; run go generate ./internal/rules", file)
		}
	}
}
