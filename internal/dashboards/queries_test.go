package dashboards

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/promql"
	"github.com/limelight-omni/limelight/internal/rules"
	"github.com/limelight-omni/limelight/metrics"
)

var (
	legendLabels = regexp.MustCompile(`\{\{(\w+)\}\}`)
	labelValues  = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
)

// filled puts values in place of the variables: one choice for each of those of
// a dashboard, or all.
func filled(expr, omni, choice string) string {
	pairs := []string{prefix, omni, "$__rate_interval", "5m"}
	for _, name := range []string{"model_name", "stage", "replica", "from_replica", "instance"} {
		pairs = append(pairs, `"$`+name+`"`, `"`+choice+`"`)
	}
	return strings.NewReplacer(pairs...).Replace(expr)
}

// catalog knows the series of the table and those that the rules record.
var catalog = sync.OnceValues(func() (*promql.Catalog, error) {
	recorded := map[string][]string{}
	for _, g := range rules.Build(rules.Options{}).Groups {
		for _, r := range g.Rules {
			if r.Record == "" {
				continue
			}
			q, err := promql.NewCatalog(recorded).Check(r.Expr)
			if err != nil {
				return nil, err
			}
			recorded[r.Record] = slices.AppendSeq(q.Labels, maps.Keys(r.Labels))
		}
	}
	return promql.NewCatalog(recorded), nil
})

func TestRunbooksAreThoseOfAlerts(t *testing.T) {
	if runbooks != rules.Runbooks {
		t.Errorf("runbooks are at %s, those of alerts at %s", runbooks, rules.Runbooks)
	}
	alerts := map[string]bool{"": true}
	for _, g := range rules.Build(rules.Options{}).Groups {
		for _, r := range g.Rules {
			alerts[r.Alert] = true
		}
	}
	for _, b := range boards() {
		for _, r := range b.rows {
			for _, p := range r.panels {
				if !alerts[p.runbook] {
					t.Errorf("%s: %s: there is no alert %s", b.title, p.title, p.runbook)
				}
			}
		}
	}
}

// check holds a query against the table, under each prefix and with each kind
// of choice, and returns what it names.
func check(t *testing.T, where, expr, legend string) *promql.Query {
	t.Helper()
	var labels []string
	for _, m := range legendLabels.FindAllStringSubmatch(legend, -1) {
		if m[1] != "le" { // a heat map's, which native histograms do without
			labels = append(labels, m[1])
		}
	}
	known, err := catalog()
	if err != nil {
		t.Fatal(err)
	}
	var named *promql.Query
	for _, omni := range promql.OmniPrefixes {
		for _, choice := range []string{".*", "(0|1)", "1"} {
			q, err := known.Check(filled(expr, omni, choice), labels...)
			if err != nil {
				t.Errorf("%s: %v", where, err)
				return &promql.Query{}
			}
			named = q
		}
	}
	if strings.Contains(filled(expr, "", ""), "$") {
		t.Errorf("%s: %s has an unknown variable", where, expr)
	}
	return named
}

func TestQueriesNameWhatIsInTheTable(t *testing.T) {
	for _, d := range documents(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				check(t, d.Title+": "+p.Title, q.Expr, q.LegendFormat)
			}
		}
		for _, a := range d.Annotations.List {
			check(t, d.Title+": "+a.Name, a.Expr, a.TitleFormat+a.TextFormat)
		}
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			m := labelValues.FindStringSubmatch(v.Query)
			if m == nil {
				t.Errorf("%s: %s: %s asks for no label's values", d.Title, v.Name, v.Query)
				continue
			}
			legend := "{{" + m[2] + "}}"
			if m[2] == "__name__" {
				legend = ""
			}
			check(t, d.Title+": "+v.Name, m[1], legend)
		}
	}
}

// A variable is asked for after those that its query names.
func TestVariablesComeInTheOrderOfTheirUse(t *testing.T) {
	for _, d := range documents(t) {
		known := ""
		for _, v := range d.Templating.List {
			for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(v.Query, -1) {
				if !strings.Contains(known, " "+m[1]+" ") {
					t.Errorf("%s: %s names %s, which comes later", d.Title, v.Name, m[1])
				}
			}
			known += " " + v.Name + " "
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
					if !strings.Contains(known, " "+m[1]+" ") && m[1] != "__rate_interval" {
						t.Errorf("%s: %s: there is no variable %s", d.Title, p.Title, m[1])
					}
				}
			}
		}
	}
}

// A way out of a panel goes to a dashboard that there is, by labels that the
// panel's lines have.
func TestWaysLeadToOtherDashboards(t *testing.T) {
	all := documents(t)
	uids := map[string]bool{}
	for _, d := range all {
		uids[d.UID] = true
	}
	ways := 0
	for _, d := range all {
		for _, p := range d.Panels {
			if p.FieldConfig == nil {
				continue
			}
			for _, l := range p.FieldConfig.Defaults.Links {
				ways++
				path, _, _ := strings.Cut(l.URL, "?")
				if !uids[strings.TrimPrefix(path, "/d/")] {
					t.Errorf("%s: %s: there is no dashboard %s", d.Title, p.Title, path)
				}
				for _, m := range regexp.MustCompile(`__field\.labels\.(\w+)`).FindAllStringSubmatch(l.URL, -1) {
					for _, q := range p.Targets {
						check(t, d.Title+": "+p.Title+": "+l.Title, q.Expr, "{{"+m[1]+"}}")
					}
				}
			}
		}
	}
	if ways == 0 {
		t.Error("no panel leads anywhere")
	}
}

// A server shows what it has: vLLM-Omni has no family of Limelight's own, so no
// query needs both.
func TestQueriesAreAnsweredByOneKindOfServer(t *testing.T) {
	for _, d := range documents(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				groups := map[bool]bool{}
				for _, name := range check(t, p.Title, q.Expr, "").Families {
					groups[table[name].Group == metrics.GroupOwn] = true
				}
				if len(groups) > 1 {
					t.Errorf("%s: %s: %s names families of vLLM-Omni and of Limelight's own", d.Title, p.Title, q.Expr)
				}
			}
		}
	}
}
