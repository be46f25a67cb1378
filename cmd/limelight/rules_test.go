package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesPrintsWhatIsDeployed(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"rules"}, &stdout, &stderr); code != 0 {
		t.Fatalf("%d: %s", code, &stderr)
	}
	deployed, err := os.ReadFile("../../deploy/prometheus/rules/limelight.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, deployed, _ = bytes.Cut(deployed, []byte("\n")) // the line that says where it comes from
	if !bytes.Equal(stdout.Bytes(), deployed) {
		t.Error("limelight rules does not print deploy/prometheus/rules/limelight.yml")
	}
}

func TestRulesOfOnesOwnObjectivesJobAndRunbooks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yml")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"rules", "--objectives", "../../internal/objective/testdata/valid.yml", "--job", "prod/.+",
		"--runbooks", "https://wiki.example/", "--time-scale", "60", "--kubernetes", "--output", file}, &stdout, &stderr)
	if code != 0 || stdout.Len() != 0 {
		t.Fatalf("%d: %s%s", code, &stdout, &stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kind: PrometheusRule\n", "objective: thinker_ttft\n", `up{job=~"prod/.+"}`, "https://wiki.example/LimelightDown.md", "interval: 500ms\n"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %q", want)
		}
	}
}

func TestRulesSaysWhatIsWrongWithItsCommandLineOrFile(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"objectives.yml"}, 2, "--objectives FILE"},
		{[]string{"--job", "("}, 2, "--job: "},
		{[]string{"--time-scale", "0"}, 2, "from 1 to"},
		{[]string{"--objectives", "../../internal/objective/testdata/invalid-keys.yml"}, 1, "invalid-keys.yml:1: windw: unknown key; did you mean window?"},
		{[]string{"--output", filepath.Join(t.TempDir(), "nowhere", "x.yml")}, 1, "write the rules"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"rules"}, c.args...), io.Discard, &stderr); code != c.code || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%v: %d, %s", c.args, code, &stderr)
		}
	}
}
