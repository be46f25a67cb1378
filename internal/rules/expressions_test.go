package rules

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/internal/promql"
)

// checked holds every expression of a file against the family table and returns
// the labels of each rule's results, by the rule's place.
func checked(t *testing.T, f *File) [][]string {
	t.Helper()
	recorded := map[string][]string{}
	var all [][]string
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			q, err := promql.NewCatalog(recorded).Check(r.Expr)
			if err != nil {
				t.Errorf("%s%s: %v", r.Record, r.Alert, err)
				all = append(all, nil)
				continue
			}
			labels := slices.Concat(q.Labels, slices.Collect(maps.Keys(r.Labels)))
			slices.Sort(labels)
			labels = slices.Compact(labels)
			all = append(all, labels)
			if r.Record != "" {
				if before, twice := recorded[r.Record]; twice && !slices.Equal(before, labels) {
					t.Errorf("%s is recorded with the labels %v and %v", r.Record, before, labels)
				}
				recorded[r.Record] = labels
			}
		}
	}
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			for _, text := range r.Annotations {
				for _, asked := range askedQuery.FindAllStringSubmatch(text, -1) {
					if _, err := promql.NewCatalog(recorded).Check(strings.ReplaceAll(asked[1], "%q", `"1"`)); err != nil {
						t.Errorf("an annotation of %s: %v", r.Alert, err)
					}
				}
			}
		}
	}
	return all
}

// askedQuery is a query that an annotation asks for.
var askedQuery = regexp.MustCompile("printf `([^`]+)`")

func TestEveryNameAndLabelIsInTheFamilyTable(t *testing.T) {
	checked(t, Build(Options{}))
	own, err := objective.Load("../objective/testdata/valid.yml")
	if err != nil {
		t.Fatal(err)
	}
	checked(t, Build(Options{Objectives: own, TimeScale: 60}))
}

var labelName = regexp.MustCompile(`\$labels\.([a-z_]+)`)

func TestAnnotationsNameLabelsThatTheirAlertHas(t *testing.T) {
	f := Build(Options{})
	labels := checked(t, f)
	functions := template.FuncMap{}
	for _, name := range []string{"humanize", "humanizePercentage", "humanizeDuration", "query", "first", "label", "value"} { // known to both databases
		functions[name] = func(...any) string { return "" }
	}
	place := 0
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			has := labels[place]
			place++
			for name, text := range r.Annotations {
				if _, err := template.New(name).Funcs(functions).Parse("{{ $labels := .Labels }}{{ $value := .Value }}" + text); err != nil {
					t.Errorf("%s: %s: %v", r.Alert, name, err)
				}
				for _, m := range labelName.FindAllStringSubmatch(text, -1) {
					if !slices.Contains(has, m[1]) {
						t.Errorf("%s: %s names the label %s, the alert has %v", r.Alert, name, m[1], has)
					}
				}
			}
		}
	}
}

func TestEveryAlertSaysHowBadItIsAndWhatToDo(t *testing.T) {
	for _, g := range Build(Options{Runbooks: "https://example.com/"}).Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			if s := r.Labels["severity"]; s != page && s != ticket {
				t.Errorf("%s has the severity %q", r.Alert, s)
			}
			if want := "https://example.com/" + r.Alert + ".md"; r.Annotations["runbook_url"] != want {
				t.Errorf("%s has the runbook %s, want %s", r.Alert, r.Annotations["runbook_url"], want)
			}
			for _, name := range []string{"summary", "description", "dashboard"} {
				if r.Annotations[name] == "" {
					t.Errorf("%s has no %s", r.Alert, name)
				}
			}
		}
	}
}

func TestBothPrefixesOfTheOmniFamiliesAreRead(t *testing.T) {
	for _, g := range Build(Options{}).Groups {
		for _, r := range g.Rules {
			page, later := strings.Count(r.Expr, "vllm:omni_"), strings.Count(r.Expr, "vllm_omni:")
			if page != later {
				t.Errorf("%s%s names %d families as vllm:omni_ and %d as vllm_omni:", r.Record, r.Alert, page, later)
			}
		}
	}
}

func TestTimeScaleDividesEveryDuration(t *testing.T) {
	plain, quick := Build(Options{}), Build(Options{TimeScale: 60})
	duration := regexp.MustCompile(`\b[0-9]+(ms|s|m|h|d)\b`)
	for i, g := range plain.Groups {
		if q := quick.Groups[i]; g.Interval == q.Interval {
			t.Errorf("%s is evaluated every %s at both scales", g.Name, g.Interval)
		}
		for j, r := range g.Rules {
			q := quick.Groups[i].Rules[j]
			if r.Record != q.Record || r.Alert != q.Alert || r.For != "" && r.For == q.For {
				t.Errorf("%s%s for %s became %s%s for %s", r.Record, r.Alert, r.For, q.Record, q.Alert, q.For)
			}
			ranges := windows.FindAllString(r.Expr, -1)
			for k, found := range windows.FindAllString(q.Expr, -1) {
				if found == ranges[k] {
					t.Errorf("%s%s: %s at both scales", r.Record, r.Alert, found)
				}
			}
			if duration.MatchString(r.Expr) && r.Expr == q.Expr && strings.Contains(r.Expr, "[") {
				t.Errorf("%s%s is the same at both scales", r.Record, r.Alert)
			}
		}
	}
	for _, c := range []struct {
		scale      scale
		have, want string
	}{
		{60, "rate(x[5m]) > seconds(1m)", "rate(x[5s]) > 1"},
		{60, "avg_over_time(x[30d] offset 1h)", "avg_over_time(x[12h] offset 1m)"},
		{60, "x[30s]", "x[500ms]"},
		{1, "x[90m] > seconds(90s)", "x[90m] > 90"},
		{60, "max_over_time(x[1h:5m])", "max_over_time(x[1m:5s])"},
	} {
		if got := c.scale.expr(c.have); got != c.want {
			t.Errorf("%s at 1/%d is %s, want %s", c.have, c.scale, got, c.want)
		}
	}
}

func TestPairsThatCouldNeverAlertAreLeftOut(t *testing.T) {
	set, err := objective.Parse("own.yml", []byte("objectives: [{name: loose, family: 'vllm:omni_audio_rtf', threshold: 2, target: 0.8}]"))
	if err != nil {
		t.Fatal(err)
	}
	var windows []string
	for _, g := range Build(Options{Objectives: set}).Groups {
		for _, r := range g.Rules {
			if r.Labels["objective"] == "loose" && r.Alert != "" {
				windows = append(windows, r.Labels["window"])
			}
		}
	}
	if want := []string{"1d", "3d"}; !slices.Equal(windows, want) { // 14.4 and 6 times 20 % are more than all
		t.Errorf("alerts over %v, want %v", windows, want)
	}
}
