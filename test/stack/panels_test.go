package main

import (
	"slices"
	"testing"
	"time"
)

func TestVariablesAreSubstitutedAsGrafanaDoes(t *testing.T) {
	values := map[string]string{"prefix": "vllm:omni_", "stage": oneOf([]string{"0", "1"}), "instance": oneOf([]string{"a.b:1"})}
	for name, v := range builtin(time.Minute, 5*time.Second) {
		values[name] = v
	}
	const query = `rate(${prefix}x{stage=~"$stage",instance=~"[[instance]]"}[$__rate_interval]) > $unknown + ${stage:regex}`
	const want = `rate(vllm:omni_x{stage=~"(0|1)",instance=~"a\\.b:1"}[5500ms]) > $unknown + (0|1)`
	if got := substitute(query, values); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestQuestionsAreThoseOfPanelsFoldedRowsAndAnnotations(t *testing.T) {
	d := dashboard{Title: "D", Panels: []panel{
		{Title: "row", Type: "row", Panels: []panel{{Title: "folded", Targets: []target{{RefID: "A", Expr: "a"}}}}},
		{Title: "text"},
		{Title: "open", Targets: []target{{RefID: "A", Expr: "${prefix}b"}, {RefID: "B", Expr: "c"}}},
	}}
	d.Annotations.List = append(d.Annotations.List, struct{ Name, Expr string }{"Alerts", "ALERTS"})
	var got []string
	for _, q := range d.questions() {
		for _, prefix := range q.unlike() {
			got = append(got, q.String()+" "+prefix)
		}
	}
	want := []string{"D / folded / A vllm:omni_", "D / open / A vllm:omni_", "D / open / A vllm_omni:", "D / open / B vllm:omni_", "D / annotation Alerts vllm:omni_"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSilencesHoldOrAreErrors(t *testing.T) {
	full, empty := question{"D", "full", "A", "a"}, question{"D", "empty", "A", "b"}
	all := answers{full: {"p": true, "q": true}, empty: {"p": false, "q": true}}
	for _, c := range []struct {
		name            string
		allowed         []silence
		wrong           int
		empty, declared int
	}{
		{"an empty panel", nil, 1, 1, 0},
		{"one that may be empty with that prefix", []silence{{"D / empty", "p", "why"}}, 0, 1, 1},
		{"one that has data with the other", []silence{{"D / empty", "", "why"}}, 1, 1, 1},
		{"one that has data", []silence{{"D / empty / A", "p", "why"}, {"D / full / A", "q", "why"}}, 1, 1, 1},
		{"none", []silence{{"D / empty", "p", "why"}, {"D / gone", "", "why"}}, 1, 1, 1},
		{"another whose title begins alike", []silence{{"D / empty", "p", "why"}, {"D / ful", "", "why"}}, 1, 1, 1},
	} {
		wrong, empty, declared := judge(all, c.allowed)
		if len(wrong) != c.wrong || empty != c.empty || declared != c.declared {
			t.Errorf("%s: %q, %d empty, %d declared", c.name, wrong, empty, declared)
		}
	}
}

// The panels that may be silent exist in the dashboards as they are checked in.
func TestSilencesNamePanelsThatExist(t *testing.T) {
	boards, err := readDashboards("../../deploy/grafana/dashboards")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range silences {
		if !slices.ContainsFunc(boards, func(d dashboard) bool {
			return slices.ContainsFunc(d.questions(), func(q question) bool {
				return slices.ContainsFunc(q.unlike(), func(prefix string) bool { return s.covers(q, prefix) })
			})
		}) {
			t.Errorf("there is no panel %s", s.panel)
		}
	}
}
