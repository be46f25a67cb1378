package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// expected is an alert that has to arrive: its name, and labels that it must
// have among others. Several alerts may be one expected alert, those of the
// windows of one objective for instance.
type expected struct {
	name   string
	labels map[string]string
	// says are words that one of its annotations must hold.
	says []string
}

func (e expected) String() string { return alertText(e.name, e.labels) }

func alertText(name string, labels map[string]string) string {
	var parts []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if !slices.Contains([]string{"alertname", "database", "severity"}, label) {
			parts = append(parts, fmt.Sprintf("%s=%q", label, labels[label]))
		}
	}
	return name + "{" + strings.Join(parts, ", ") + "}"
}

func (a alert) String() string { return alertText(a.Labels["alertname"], a.Labels) }

// is says whether an alert is the one that is expected, whatever it says.
func (a alert) is(e expected) bool {
	if a.Labels["alertname"] != e.name {
		return false
	}
	for name, value := range e.labels {
		if a.Labels[name] != value {
			return false
		}
	}
	return true
}

// compare holds the alerts that one database found against those that are
// expected: what is missing, what is there and should not be, and what does not
// say what it should.
func compare(want []expected, got []alert) (missing, surplus, mute []string) {
	for _, e := range want {
		there := slices.DeleteFunc(slices.Clone(got), func(a alert) bool { return !a.is(e) })
		if len(there) == 0 {
			missing = append(missing, e.String())
		}
		for _, a := range there {
			words := strings.Join(slices.Collect(maps.Values(a.Annotations)), "\n")
			for _, say := range e.says {
				if !strings.Contains(words, say) {
					mute = append(mute, fmt.Sprintf("%s does not say %q: %s", a, say, words))
				}
			}
		}
	}
	for _, a := range got {
		if !slices.ContainsFunc(want, a.is) {
			surplus = append(surplus, a.String())
		}
	}
	return missing, surplus, mute
}
