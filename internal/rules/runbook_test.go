package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/internal/promql"
)

//go:generate go test -run TestIndexOfRunbooksIsCurrent -update

const runbooksDir = "../../docs/runbooks"

// allAlerts are those of the checked-in rules, and the one of objectives whose
// family has no alert of its own.
func allAlerts(t *testing.T) []Rule {
	t.Helper()
	own, err := objective.Load("../objective/testdata/valid.yml")
	if err != nil {
		t.Fatal(err)
	}
	var alerts []Rule
	for _, f := range []*File{Build(Options{}), Build(Options{Objectives: own})} {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Alert != "" {
					alerts = append(alerts, r)
				}
			}
		}
	}
	return alerts
}

// runbooks are the pages by the alert that they are named after.
func runbooks(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(runbooksDir + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, file := range files {
		if filepath.Base(file) == "README.md" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pages[strings.TrimSuffix(filepath.Base(file), ".md")] = string(text)
	}
	return pages
}

func TestEveryAlertHasARunbookAndEveryRunbookAnAlert(t *testing.T) {
	pages := runbooks(t)
	alerts := allAlerts(t)
	for _, r := range alerts {
		if pages[r.Alert] == "" {
			t.Errorf("%s has no page in docs/runbooks", r.Alert)
		}
	}
	for name, text := range pages {
		if !slices.ContainsFunc(alerts, func(r Rule) bool { return r.Alert == name }) {
			t.Errorf("docs/runbooks/%s.md is about no alert", name)
		}
		for _, part := range []string{"# " + name + "\n\n", "\n## Look at\n", "\n## Do\n"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s.md has no %q", name, strings.TrimSpace(part))
			}
		}
	}
}

func TestQueriesOfRunbooksAskForWhatThereIs(t *testing.T) {
	recorded := map[string][]string{}
	f := Build(Options{})
	labels, place := checked(t, f), 0
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				recorded[r.Record] = labels[place]
			}
			place++
		}
	}
	catalog := promql.NewCatalog(recorded)
	fence := regexp.MustCompile("(?s)```promql\n(.*?)```")
	for name, text := range runbooks(t) {
		queries := fence.FindAllStringSubmatch(text, -1)
		if len(queries) == 0 {
			t.Errorf("%s.md has no query", name)
		}
		for _, q := range queries {
			if _, err := catalog.Check(q[1]); err != nil {
				t.Errorf("%s.md: %v", name, err)
			}
		}
	}
}

func TestLinksOfRunbooksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	for name, text := range runbooks(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(runbooksDir, m[1])); err != nil {
				t.Errorf("%s.md: %v", name, err)
			}
		}
	}
}

func TestIndexOfRunbooksIsCurrent(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Runbooks\n\n<!-- Made from the alerts by `go generate ./internal/rules`; do not edit. -->\n\n" +
		"A page an alert of `deploy/prometheus/rules/limelight.yml`: what listeners notice, what to look at, what to do. `$SERVER` is the server's address.\n" +
		"A *page* wakes somebody; a *ticket* is for the week. [objectives.md](../objectives.md) explains those of objectives.\n\n" +
		"| alert | severity | what |\n| --- | --- | --- |\n")
	seen := map[string]bool{}
	alerts := allAlerts(t)
	for _, r := range alerts {
		if seen[r.Alert] {
			continue
		}
		seen[r.Alert] = true
		var severities []string
		for _, other := range alerts {
			if s := other.Labels["severity"]; other.Alert == r.Alert && !slices.Contains(severities, s) {
				severities = append(severities, s)
			}
		}
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", r.Alert, r.Alert, strings.Join(severities, ", "), inWords(r.Annotations["summary"]))
	}
	file := runbooksDir + "/README.md"
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
		t.Errorf("%s is stale; run go generate ./internal/rules", file)
	}
}

// inWords is a summary with its labels as words in capitals.
func inWords(summary string) string {
	return labelName.ReplaceAllStringFunc(strings.NewReplacer("{{ ", "", " }}", "").Replace(summary), func(l string) string {
		return strings.ToUpper(strings.TrimPrefix(l, "$labels."))
	})
}
