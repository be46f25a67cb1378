package dashboards

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/internal/promql"
	"github.com/limelight-omni/limelight/metrics"
)

// prefix stands for the omni families' prefix: a variable that finds it.
const prefix = "${prefix}"

// filters are the labels that the variables at the top of a dashboard choose
// by. Where there are hops, stage and replica are their receiving end.
var filters = []struct{ label, variable string }{
	{"model_name", "model_name"},
	{"stage", "stage"}, {"replica", "replica"},
	{"from_replica", "from_replica"}, {"to_stage", "stage"}, {"to_replica", "replica"},
}

var table = func() map[string]metrics.Family {
	all := map[string]metrics.Family{}
	for _, f := range metrics.Families() {
		all[f.Name] = f
	}
	return all
}()

// of selects a family of the table by what is chosen at the top, and by
// matchers.
func of(name string, match ...string) promql.Series {
	f, declared := table[name]
	if !declared {
		panic("BUG: family " + name + " is not declared")
	}
	var chosen []string
	for _, c := range filters {
		if slices.Contains(f.Labels, c.label) {
			chosen = append(chosen, c.label+`=~"$`+c.variable+`"`)
		}
	}
	if rest, omni := strings.CutPrefix(name, metrics.DefaultOmniPrefix); omni {
		name = prefix + rest
	}
	return promql.Series{Name: name, Match: strings.Join(append(chosen, match...), ","), Window: "$__rate_interval"}
}

// atServer selects series of the chosen servers.
func atServer(name string, match ...string) promql.Series {
	return of(name, append(match, `instance=~"$instance"`)...)
}

// called is how results with these labels are called.
func called(by ...string) string {
	switch {
	case slices.Equal(by, edge):
		return "{{from_stage}}/{{from_replica}} → {{to_stage}}/{{to_replica}}"
	case len(by) >= 2 && by[0] == "stage" && by[1] == "replica":
		return strings.TrimSpace("{{stage}}/{{replica}} " + called(by[2:]...))
	case len(by) >= 1 && by[0] == "stage":
		return strings.TrimSpace("stage {{stage}} " + called(by[1:]...))
	}
	names := make([]string, len(by))
	for i, l := range by {
		names[i] = "{{" + l + "}}"
	}
	return strings.Join(names, " ")
}

var (
	edge    = []string{"from_stage", "from_replica", "to_stage", "to_replica"}
	replica = []string{"stage", "replica"}
)

// one is a single result.
func one(name, expr string) []query { return []query{{expr, name}} }

// each are results told apart by labels.
func each(expr string, by ...string) []query { return []query{{expr, called(by...)}} }

// rates are a counter's rates, told apart by labels.
func rates(s promql.Series, by ...string) []query { return each(promql.Rate(s, by...), by...) }

// values are a gauge's values, told apart by labels.
func values(s promql.Series, by ...string) []query {
	return each(promql.Aggregate("sum", s.Instant(), by...), by...)
}

// quantiles are the three that one looks at.
func quantiles(s promql.Series, by ...string) []query {
	var queries []query
	for _, q := range []float64{.5, .9, .99} {
		queries = append(queries, quantile(q, s, by...))
	}
	return queries
}

func quantile(q float64, s promql.Series, by ...string) query {
	return query{promql.Quantile(q, s, by...), strings.TrimSpace(fmt.Sprintf("p%g %s", q*100, called(by...)))}
}

// distribution is what a heat map shows.
func distribution(s promql.Series) []query { return []query{{expr: promql.Buckets(s)}} }

var names = regexp.MustCompile(`(\$\{prefix\}|[a-zA-Z_])[a-zA-Z0-9_:]*`)

// shownBy are the families that queries name, in their order.
func shownBy(queries []query) []metrics.Family {
	var families []metrics.Family
	for _, q := range queries {
		for _, name := range names.FindAllString(q.expr, -1) {
			if rest, omni := strings.CutPrefix(name, prefix); omni {
				name = metrics.DefaultOmniPrefix + rest
			}
			f, declared := table[name]
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if base, cut := strings.CutSuffix(name, suffix); cut && !declared {
					f, declared = table[base]
				}
			}
			if declared && !slices.ContainsFunc(families, func(other metrics.Family) bool { return other.Name == f.Name }) {
				families = append(families, f)
			}
		}
	}
	return families
}
