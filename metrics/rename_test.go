package metrics

import (
	"sort"
	"strings"
	"testing"
)

func TestOtherPrefixRenamesTheOmniFamiliesAndNothingElse(t *testing.T) {
	for _, on := range []bool{true, false} {
		usual := New(Options{ModelName: "m", LogStats: on, Stages: threeStages})
		other := New(Options{ModelName: "m", LogStats: on, Stages: threeStages, OmniPrefix: "vllm_omni:"})
		useAll(usual)
		useAll(other)
		want := strings.SplitAfter(strings.ReplaceAll(text(t, usual), "vllm:omni_", "vllm_omni:"), "\n")
		page := text(t, other)
		got := strings.SplitAfter(page, "\n")
		sort.Strings(want)
		sort.Strings(got)
		if a, b := strings.Join(want, ""), strings.Join(got, ""); a != b {
			t.Errorf("stats %v: the page differs in more than the prefix:\n%s\nwant\n%s", on, b, a)
		}
		var names []string
		for line := range strings.Lines(page) {
			if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
				names = append(names, rest)
			}
		}
		if !sort.StringsAreSorted(names) {
			t.Errorf("families are out of order: %v", names)
		}
	}
}
