package rules

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const alertmanagerFile = "../../deploy/prometheus/alertmanager.yml"

func TestAlertmanagerTakesTheExampleAndTellsBySeverity(t *testing.T) {
	amtool, err := exec.LookPath("amtool")
	if err != nil {
		t.Skip("there is no amtool; Debian has it in the package prometheus-alertmanager")
	}
	if out, err := exec.CommandContext(t.Context(), amtool, "check-config", alertmanagerFile).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, severity := range []string{page, ticket} {
		out, err := exec.CommandContext(t.Context(), amtool, "config", "routes", "test", "--config.file", alertmanagerFile, "severity="+severity).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != severity {
			t.Errorf("a %s goes to %s, %v", severity, got, err)
		}
	}
}

func TestInhibitionsNameAlertsAndLabelsThatThereAre(t *testing.T) {
	text, err := os.ReadFile(alertmanagerFile)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`alertname=~?"([^"]+)"`).FindAllSubmatch(text, -1)
	if len(named) == 0 {
		t.Fatal("no alert is named")
	}
	names := alertNames()
	for _, m := range named {
		for name := range strings.SplitSeq(string(m[1]), "|") {
			if !slices.Contains(names, name) {
				t.Errorf("there is no alert %s", name)
			}
		}
	}
	f := Build(Options{})
	labels, place := checked(t, f), 0
	has := map[string]bool{}
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				for _, l := range labels[place] {
					has[l] = true
				}
			}
			place++
		}
	}
	for _, m := range regexp.MustCompile(`equal: \[([^\]]+)\]`).FindAllSubmatch(text, -1) {
		for l := range strings.SplitSeq(string(m[1]), ", ") {
			if !has[l] {
				t.Errorf("no alert has the label %s", l)
			}
		}
	}
}
