package metrics

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// What a process writes of its replicas stands on another's page as if they ran
// there, under the ids that they have there.
func TestPageOfOneReplicaIsTakenOverAsIfItRanHere(t *testing.T) {
	there := newOn()
	useEngine(there)
	var page bytes.Buffer
	if err := there.WriteEngine(&page, 1, 0); err != nil {
		t.Fatal(err)
	}
	here := New(Options{ModelName: "m", LogStats: true, EnableMFU: true, KVCacheMetrics: true, Deadlines: true, LongestSequence: 100, Stages: threeStages})
	s := here.ScrapeEngines(merge.Options{})
	defer s.Close()
	var taken merge.Page
	taken.Read(page.Bytes(), merge.Source{ModelName: "m", Stage: 1, Replica: 3}, merge.EngineFamilies)
	var merged bytes.Buffer
	here.write(&merged, textFormat, []*merge.Page{&taken})
	engine := func(page, id string) (lines []string) {
		for line := range strings.Lines(page) {
			if strings.Contains(line, `replica="`+id+`"`) && strings.Contains(line, `stage="1"`) && strings.HasPrefix(line, "vllm:") && !strings.HasPrefix(line, cacheConfigInfo) {
				lines = append(lines, strings.Replace(line, `replica="`+id+`"`, `replica=""`, 1))
			}
		}
		return lines
	}
	want, got := engine(text(t, there), "0"), engine(merged.String(), "3")
	sorted := func(lines []string) string {
		for i, l := range lines { // the labels' order is the page's own
			name, rest, _ := strings.Cut(l, "{")
			labels, value, _ := strings.Cut(rest, "}")
			parts := strings.Split(labels, ",")
			slices.Sort(parts)
			lines[i] = name + "{" + strings.Join(parts, ",") + "}" + value
		}
		slices.Sort(lines)
		return strings.Join(lines, "")
	}
	if w, g := sorted(want), sorted(got); w != g || len(want) < 100 {
		t.Errorf("%d lines\n%s\nwant %d\n%s", len(got), g, len(want), w)
	}
	if taken.Malformed != 0 {
		t.Errorf("%d malformed lines", taken.Malformed)
	}
}

func TestReplicaWithoutEngineFamiliesHasAnEmptyPage(t *testing.T) {
	m := newOn()
	var page bytes.Buffer
	for _, at := range []replica{{2, 0}, {0, 7}} {
		if err := m.WriteEngine(&page, at.stage, at.id); err != nil || page.Len() > 0 {
			t.Errorf("%v: %v, %s", at, err, &page)
		}
	}
	var none *Metrics
	if err := none.WriteEngine(&page, 0, 0); err != nil || page.Len() > 0 {
		t.Errorf("%v, %s", err, &page)
	}
}
