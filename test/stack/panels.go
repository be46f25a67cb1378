package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// question is one query of a dashboard.
type question struct {
	dashboard, panel, ref string
	expr                  string // with its variables
}

// questions are the dashboard's queries: those of its panels, and of its
// annotations.
func (d dashboard) questions() []question {
	var all []question
	for _, p := range d.graphs() {
		for _, t := range p.Targets {
			all = append(all, question{d.Title, p.Title, t.RefID, t.Expr})
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" {
			all = append(all, question{d.Title, "annotation " + a.Name, "", a.Expr})
		}
	}
	return all
}

func (q question) String() string {
	return strings.TrimSuffix(q.dashboard+" / "+q.panel+" / "+q.ref, " / ")
}

// unlike are the prefixes that change the query; one that is in none of them
// counts as the first.
func (q question) unlike() []string {
	if substitute(q.expr, map[string]string{"prefix": ""}) == q.expr {
		return prefixes[:1]
	}
	return prefixes
}

// silence is a panel that may be empty in the stack's load, and why. A silence
// that does not hold any more is an error.
type silence struct {
	panel string // dashboard / title, and what else is needed of question.String
	// prefix is the one with which the panel is empty; "" is any.
	prefix, why string
}

func (s silence) covers(q question, prefix string) bool {
	return (q.String() == s.panel || strings.HasPrefix(q.String(), s.panel+" / ")) && (s.prefix == "" || s.prefix == prefix)
}

// answers keeps what was found of each query: whether it had data with a prefix.
type answers map[question]map[string]bool

// judge returns what is empty and should not be, and the silences that do not
// hold: those whose panel has data, or that no panel has.
func judge(all answers, allowed []silence) (wrong []string, empty, declared int) {
	held := make([]bool, len(allowed))
	for _, q := range slices.SortedFunc(maps.Keys(all), func(a, b question) int { return strings.Compare(a.String(), b.String()) }) {
		for _, prefix := range slices.Sorted(maps.Keys(all[q])) {
			i := slices.IndexFunc(allowed, func(s silence) bool { return s.covers(q, prefix) })
			switch data := all[q][prefix]; {
			case data && i >= 0:
				wrong = append(wrong, fmt.Sprintf("%s has data with %s, although it may be silent: %s", q, prefix, allowed[i].why))
				held[i] = true
			case !data && i >= 0:
				held[i] = true
				empty++
				declared++
			case !data:
				wrong = append(wrong, fmt.Sprintf("%s is empty with %s: %s", q, prefix, q.expr))
				empty++
			}
		}
	}
	for i, s := range allowed {
		if !held[i] {
			wrong = append(wrong, fmt.Sprintf("there is no panel %s, which may be silent", s.panel))
		}
	}
	return wrong, empty, declared
}

// panelStep is the time between two points of a panel.
const panelStep = 5 * time.Second

// panels runs every query of the dashboards against both databases, over the
// time since the load began: with each prefix and all else, and as somebody
// sees it who looks at one model.
func (r *room) panels(ctx context.Context, since time.Time) error {
	boards, err := readDashboards(r.dashboards)
	if err != nil {
		return err
	}
	var wrong []error
	until := time.Now()
	for _, d := range []database{r.prometheus, r.victoria} {
		found := answers{}
		run, failed := 0, 0
		ask := func(q question, values map[string]string) bool {
			run++
			query := substitute(q.expr, values)
			answer, err := d.over(ctx, query, since, until, panelStep)
			if err != nil {
				failed++
				wrong = append(wrong, fmt.Errorf("%s: %s: %w: %s", d.name, q, err, query))
			}
			return err != nil || speaks(answer)
		}
		for _, board := range boards {
			choices, err := board.choices(ctx, d)
			if err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %s: %w", d.name, board.Title, err))
				continue
			}
			for _, values := range choices {
				maps.Copy(values, builtin(until.Sub(since), panelStep))
			}
			for _, q := range board.questions() {
				found[q] = map[string]bool{}
				for _, prefix := range q.unlike() {
					values := maps.Clone(choices[0])
					values["prefix"] = prefix
					found[q][prefix] = ask(q, values)
				}
				for _, values := range choices[1:] {
					ask(q, values)
				}
			}
		}
		texts, empty, declared := judge(found, silences)
		if r.only != "" {
			texts = nil // some panels show nothing but what was forced
		}
		for _, text := range texts {
			wrong = append(wrong, fmt.Errorf("%s: %s", d.name, text))
		}
		r.report.queries(d.name, "panels", run, failed, empty, declared)
	}
	return errors.Join(wrong...)
}

// choices are what a user may have chosen: all of everything, and then one
// model after the other with all that it has, which the variables' own queries
// find.
func (board dashboard) choices(ctx context.Context, d database) ([]map[string]string, error) {
	choose := func(fixed map[string]string) (chosen map[string]string, options map[string][]string, err error) {
		chosen, options = map[string]string{}, map[string][]string{}
		for _, v := range board.Templating.List {
			if v.Type == "datasource" {
				chosen[v.Name] = d.name
				continue
			}
			if v.Type != "query" {
				return nil, nil, fmt.Errorf("variable %s: the type %s is of no known kind", v.Name, v.Type)
			}
			values, err := v.options(ctx, d, chosen)
			if err != nil {
				return nil, nil, err
			}
			if len(values) == 0 {
				return nil, nil, fmt.Errorf("variable %s has no value where the others are %v: %s", v.Name, chosen, substitute(v.text(), chosen))
			}
			options[v.Name] = values
			switch value, is := fixed[v.Name]; {
			case is:
				chosen[v.Name] = value
			case !v.IncludeAll:
				chosen[v.Name] = values[0]
			case fixed == nil:
				chosen[v.Name] = v.any(values)
			default:
				chosen[v.Name] = oneOf(values)
			}
		}
		return chosen, options, nil
	}
	all, options, err := choose(nil)
	if err != nil {
		return nil, err
	}
	choices := []map[string]string{all}
	for _, model := range options["model_name"] {
		one, _, err := choose(map[string]string{"model_name": model})
		if err != nil {
			return nil, err
		}
		choices = append(choices, one)
	}
	return choices, nil
}
