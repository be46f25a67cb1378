package config

import (
	"os"
	"strings"
	"testing"
)

func TestDocumentationIsCurrent(t *testing.T) {
	const file = "../../docs/configuration.md"
	var b strings.Builder
	if err := WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is not what the option table says; go generate ./internal/config rewrites it", file)
	}
}

func TestExampleIsRight(t *testing.T) {
	c, err := Parse("example.yml", []byte(exampleFile))
	if err != nil || c.Stages[1].NumReplicas != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestTableIsOneOptionAKeyAndAFlag(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Default().Options() {
		for _, name := range []string{o.Key, o.Flag, o.Negation, o.Env} {
			if name != "" && seen[name] {
				t.Errorf("%s is declared twice", name)
			}
			seen[name] = true
		}
		if o.Key == "" && o.Flag == "" || o.Help == "" {
			t.Errorf("option %+v can't be set or says nothing", o)
		}
		leaf := o.Key[strings.LastIndexByte(o.Key, '.')+1:]
		if o.Key != "" && o.Flag != "" && !strings.HasSuffix(o.Flag, strings.ReplaceAll(leaf, "_", "-")) {
			t.Errorf("key %s and flag --%s are not the same words", o.Key, o.Flag)
		}
	}
}
