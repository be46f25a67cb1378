package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// commandLine finds the program's command lines in indented code.
var commandLine = regexp.MustCompile(`(?m)^    (?:.*(?:&&|\|) *)?(?:go run \./cmd/)?limelight ([a-z].*)$`)

// inlineCommand finds those within sentences.
var inlineCommand = regexp.MustCompile("`limelight ([a-z][^`]*)`")

// arguments are the words of a command line up to what the shell takes, without
// quoted text.
func arguments(line string) []string {
	line = regexp.MustCompile(`"[^"]*"|'[^']*'`).ReplaceAllString(line, "quoted")
	line, _, _ = strings.Cut(line, "#")
	for _, end := range []string{"|", "&", ";", ">", "<", ")"} {
		line, _, _ = strings.Cut(line, end)
	}
	return strings.Fields(line)
}

func TestDocumentsNameCommandsAndFlagsThatExist(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range append(files, "../../README.md") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(data), "\\\n", " ")
		for _, m := range append(commandLine.FindAllStringSubmatch(text, -1), inlineCommand.FindAllStringSubmatch(text, -1)...) {
			seen++
			words := arguments(m[1])
			cmd, _, err := newRoot().Find(words)
			if err != nil {
				t.Errorf("%s: limelight %s: %v", file, m[1], err)
				continue
			}
			for _, w := range words {
				name, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
				if strings.HasPrefix(w, "--") && name != "help" && cmd.Flags().Lookup(name) == nil {
					t.Errorf("%s: limelight %s: there is no flag --%s", file, m[1], name)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d command lines found", seen)
	}
}
