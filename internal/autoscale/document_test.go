package autoscale

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite generated files")

func TestDocumentHasTheSignals(t *testing.T) {
	const document, begin, end = "../../docs/autoscaling.md", "<!-- begin: made by `go generate ./internal/autoscale` -->\n", "<!-- end -->\n"
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(data), begin)
	_, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no place for the signals", document)
	}
	var signals strings.Builder
	if err := WriteMarkdown(&signals); err != nil {
		t.Fatal(err)
	}
	want := before + begin + signals.String() + end + after
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("%s is stale: run go generate ./internal/autoscale", document)
	}
}
