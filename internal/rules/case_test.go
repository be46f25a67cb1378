package rules

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/internal/promql"
	"github.com/limelight-omni/limelight/metrics"
)

//go:generate go test -run TestCheckedInCasesAreCurrent -update

// promCase is a case of promtool: what a server's page showed for a while, and
// which alerts fire in the end, those and no other.
type promCase struct {
	alert string // the one that the case is about
	// when says what happens: "when the only replica is down". A near miss is a
	// case without firing alerts of that name.
	when  string
	input []series
	at    string // the time of the question; a step is half a minute
	fires []string
	// further queries and their results, written as label sets and values
	also map[string][]string
}

// series is what one series of the page showed, in promtool's notation: a
// value for each half minute.
type series struct{ name, values string }

// on adds the labels that all series of a page have.
func on(name, labels, values string) series {
	all := []string{`job="limelight"`, `instance="a:9400"`}
	if strings.Contains(name, "omni") || strings.HasPrefix(name, "vllm") || strings.HasPrefix(name, "limelight") && name != "limelight_build_info" {
		all = append(all, `model_name="m"`)
	}
	if labels != "" {
		all = append(all, labels)
	}
	return series{name + "{" + strings.Join(all, ", ") + "}", values}
}

// up is a server that is scraped all the time.
var up = on("up", "", "1x400")

// promFile and below are what promtool reads.
type promFile struct {
	RuleFiles []string   `yaml:"rule_files"`
	Interval  string     `yaml:"evaluation_interval"`
	Order     []string   `yaml:"group_eval_order"` // else any: a group would see what another one records now, or before
	Tests     []promTest `yaml:"tests"`
}

type promTest struct {
	Name     string      `yaml:"name"`
	Interval string      `yaml:"interval"`
	Input    []promInput `yaml:"input_series"`
	Queries  []promQuery `yaml:"promql_expr_test"`
}

type promInput struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type promQuery struct {
	Expr string       `yaml:"expr"`
	At   string       `yaml:"eval_time"`
	Want []promSample `yaml:"exp_samples"`
}

type promSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// test is the case for promtool. The labels that the expected alerts name are
// those that firing alerts are told apart by.
func (c promCase) test() promTest {
	p := promTest{Name: c.alert + " " + c.when, Interval: "30s"}
	for _, s := range append([]series{up}, c.input...) {
		if slices.ContainsFunc(p.Input, func(i promInput) bool { return i.Series == s.name }) {
			continue
		}
		p.Input = append(p.Input, promInput{s.name, s.values})
	}
	if slices.ContainsFunc(c.input, func(s series) bool { return strings.HasPrefix(s.name, "up{") || s.name == "" }) {
		p.Input = nil
		for _, s := range c.input {
			if s.name != "" {
				p.Input = append(p.Input, promInput{s.name, s.values})
			}
		}
	}
	by := []string{"alertname", "severity"}
	for _, f := range c.fires {
		for _, m := range labelOf.FindAllStringSubmatch(f, -1) {
			if !slices.Contains(by, m[1]) {
				by = append(by, m[1])
			}
		}
	}
	q := promQuery{Expr: "count by (" + strings.Join(by, ", ") + `) (ALERTS{alertstate="firing"})`, At: c.at, Want: []promSample{}}
	for _, f := range c.fires {
		q.Want = append(q.Want, promSample{"{alertname=" + alertname(f) + "}", 1})
	}
	p.Queries = append(p.Queries, q)
	for _, expr := range slices.Sorted(maps.Keys(c.also)) {
		q := promQuery{Expr: expr, At: c.at, Want: []promSample{}}
		for _, sample := range c.also[expr] {
			i := strings.LastIndexByte(sample, ' ')
			v, err := strconv.ParseFloat(sample[i+1:], 64)
			if err != nil {
				panic("BUG: sample " + sample)
			}
			q.Want = append(q.Want, promSample{sample[:i], v})
		}
		p.Queries = append(p.Queries, q)
	}
	return p
}

var labelOf = regexp.MustCompile(`([a-z_]+)="`)

// alertname turns `Name severity="page"` into the labels of the result.
func alertname(f string) string {
	name, rest, _ := strings.Cut(f, " ")
	if rest == "" {
		return `"` + name + `"`
	}
	return `"` + name + `", ` + rest
}

// caseFiles are the cases by the file they stand in.
var caseFiles = map[string][]promCase{
	"objectives.yml": objectiveCases,
	"pipeline.yml":   pipelineCases,
	"audio.yml":      audioCases,
	"page.yml":       pageCases,
}

const (
	casesDir    = "../../deploy/prometheus/tests"
	casesHeader = "# Made from internal/rules' cases by `go generate ./internal/rules`; do not edit.\n# promtool test rules deploy/prometheus/tests/*.yml\n"
)

// written is a file of cases, for a rule file that lies there.
func written(t *testing.T, ruleFile string, cases []promCase) []byte {
	t.Helper()
	f := promFile{RuleFiles: []string{ruleFile}, Interval: "1m"} // half the work
	if slices.ContainsFunc(cases, func(c promCase) bool { return c.also != nil }) {
		f.Interval = "30s" // as in production: numbers of events are counted by it
	}
	for _, g := range Build(Options{}).Groups {
		f.Order = append(f.Order, g.Name)
	}
	for _, c := range cases {
		f.Tests = append(f.Tests, c.test())
	}
	b := bytes.NewBufferString(casesHeader)
	if err := write(b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCheckedInCasesAreCurrent(t *testing.T) {
	for name, cases := range caseFiles {
		want := written(t, "../rules/limelight.yml", cases)
		file := filepath.Join(casesDir, name)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s is stale; run go generate ./internal/rules", file)
		}
	}
	have, err := filepath.Glob(casesDir + "/*.yml")
	if err != nil || len(have) != len(caseFiles) {
		t.Errorf("files of cases: %v, %v", have, err)
	}
}

// promtool runs it, or skips where there is none.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool; Debian has it in the package prometheus")
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolTakesTheRules(t *testing.T) {
	promtool(t, "check", "rules", ruleFile)
	quick := filepath.Join(t.TempDir(), "quick.yml")
	var b bytes.Buffer
	if err := Build(Options{TimeScale: 60}).Write(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(quick, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", quick)
}

func TestAlertsFireAndStaySilentUnderEitherPrefix(t *testing.T) {
	rules, err := filepath.Abs(ruleFile)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, prefix := range promql.OmniPrefixes {
		t.Run(prefix, func(t *testing.T) {
			args := []string{"test", "rules"}
			for name, cases := range caseFiles {
				var other []promCase
				for _, c := range cases {
					// The later prefix is shown for what fires: a wrong name fires nothing.
					if prefix == metrics.DefaultOmniPrefix || len(c.fires) > 0 && strings.Contains(fmt.Sprint(c.input), metrics.DefaultOmniPrefix) {
						other = append(other, c)
					}
				}
				text := written(t, rules, other)
				file := filepath.Join(dir, strings.Trim(prefix, ":_")+name)
				if err := os.WriteFile(file, renamed(text, prefix), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, file)
			}
			promtool(t, args...)
		})
	}
}

// An objective of a family that has no alert of its own, at one stage alone.
func TestObjectivesOfOnesOwnAlert(t *testing.T) {
	own, err := objective.Load("../objective/testdata/valid.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var rules bytes.Buffer
	if err := Build(Options{Objectives: own}).Write(&rules); err != nil {
		t.Fatal(err)
	}
	cases := written(t, "rules.yml", []promCase{
		{alert: "LimelightObjectiveMissed", when: "when the thinker's first tokens are late", at: "5m",
			input: measured("vllm:time_to_first_token_seconds", `stage="0", replica="0"`, "0.25", 10, 2),
			fires: burning("LimelightObjectiveMissed", "thinker_ttft", "1h", "6h", "1d", "3d")},
		{alert: "LimelightObjectiveMissed", when: "is silent when those of another stage are", at: "5m",
			input: measured("vllm:time_to_first_token_seconds", `stage="1", replica="0"`, "0.25", 10, 2)},
	})
	for name, text := range map[string][]byte{"rules.yml": rules.Bytes(), "cases.yml": cases} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	promtool(t, "test", "rules", filepath.Join(dir, "cases.yml"))
}

// renamed gives the omni series of a file of cases another prefix. Label values
// stay: an alert names families as the table does.
func renamed(text []byte, prefix string) []byte {
	return regexp.MustCompile(`(?m)^( +- series: '?)`+metrics.DefaultOmniPrefix).ReplaceAll(text, []byte("${1}"+prefix))
}

func alertNames() []string {
	var names []string
	for _, g := range Build(Options{}).Groups {
		for _, r := range g.Rules {
			if r.Alert != "" && !slices.Contains(names, r.Alert) {
				names = append(names, r.Alert)
			}
		}
	}
	return names
}

func TestEveryAlertHasACaseThatFiresItAndANearMiss(t *testing.T) {
	type seen struct{ fires, misses bool }
	cases := map[string]seen{}
	for _, all := range caseFiles {
		for _, c := range all {
			s := cases[c.alert]
			if slices.ContainsFunc(c.fires, func(f string) bool { return strings.HasPrefix(f+" ", c.alert+" ") }) {
				s.fires = true
			} else {
				s.misses = true
			}
			cases[c.alert] = s
		}
	}
	for _, name := range alertNames() {
		if s := cases[name]; !s.fires || !s.misses {
			t.Errorf("%s: a case that fires it: %v, a near miss: %v", name, s.fires, s.misses)
		}
		delete(cases, name)
	}
	for name := range cases {
		t.Errorf("there are cases of %s, which is no alert", name)
	}
}
