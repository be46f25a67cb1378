package main

import (
	"slices"
	"testing"
)

func firing(name string, says string, labels ...string) alert {
	a := alert{Labels: map[string]string{"alertname": name, "severity": "page"}, Annotations: map[string]string{"summary": says}}
	for i := 0; i < len(labels); i += 2 {
		a.Labels[labels[i]] = labels[i+1]
	}
	return a
}

func TestAlertsAreHeldAgainstExactlyTheExpectedOnes(t *testing.T) {
	want := []expected{
		{name: "Gaps", labels: map[string]string{"job": "front"}},
		{name: "Hop", labels: map[string]string{"job": "front", "to_replica": "1"}, says: []string{"1/0 -> 2/1"}},
	}
	gaps, gapsToo := firing("Gaps", "", "job", "front", "window", "1h"), firing("Gaps", "", "job", "front", "window", "6h")
	hop := firing("Hop", "The hop 1/0 -> 2/1 is slow", "job", "front", "to_replica", "1")
	for _, c := range []struct {
		name                   string
		got                    []alert
		missing, surplus, mute []string
	}{
		{"all, one of them for two windows", []alert{gaps, gapsToo, hop}, nil, nil, nil},
		{"one is missing", []alert{gaps}, []string{`Hop{job="front", to_replica="1"}`}, nil, nil},
		{"another one", []alert{gaps, hop, firing("Down", "", "job", "front")}, nil, []string{`Down{job="front"}`}, nil},
		{"another replica's", []alert{gaps, hop, firing("Hop", "", "job", "front", "to_replica", "0")}, nil, []string{`Hop{job="front", to_replica="0"}`}, nil},
		{"wrong words", []alert{gaps, firing("Hop", "A hop is slow", "job", "front", "to_replica", "1")}, nil, nil,
			[]string{`Hop{job="front", to_replica="1"} does not say "1/0 -> 2/1": A hop is slow`}},
	} {
		missing, surplus, mute := compare(want, c.got)
		if !slices.Equal(missing, c.missing) || !slices.Equal(surplus, c.surplus) || !slices.Equal(mute, c.mute) {
			t.Errorf("%s: missing %q, surplus %q, mute %q", c.name, missing, surplus, mute)
		}
	}
}
