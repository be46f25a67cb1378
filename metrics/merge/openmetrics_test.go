package merge

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, local func([]byte) Kind, pages ...*Page) (string, *Cursor) {
	t.Helper()
	c := NewCursor(pages...)
	c.OpenMetrics, c.Local = true, local
	var b strings.Builder
	if err := c.WriteAll(&b); err != nil {
		t.Fatal(err)
	}
	return b.String(), c
}

// has is a caller with one family of its own.
func has(name string, kind Kind) func([]byte) Kind {
	return func(asked []byte) Kind {
		if string(asked) == name {
			return kind
		}
		return ""
	}
}

func TestOpenMetricsNamesTypesAndQuotesAsItDemands(t *testing.T) {
	p := page(`# HELP x_total Things "in all", \\ and more.
# TYPE x_total counter
x_total 1
# TYPE y counter
y 2
z 3
# TYPE w_total histogram
w_total_bucket{le="+Inf"} 4
w_total_sum 5
w_total_count 4
`, here, anything)
	const given = `{model_name="omni",replica="2",stage="1"`
	want := "# TYPE w_total histogram\n" +
		"w_total_bucket" + given + `,le="+Inf"} 4` + "\nw_total_sum" + given + "} 5\nw_total_count" + given + "} 4\n" +
		`# HELP x Things \"in all\", \\ and more.` + "\n# TYPE x counter\nx_total" + given + "} 1\n" +
		"# TYPE y unknown\ny" + given + "} 2\n" +
		"# TYPE z unknown\nz" + given + "} 3\n"
	got, _ := open(t, nil, p)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTimestampsAreMillisecondsInTextAndSecondsInOpenMetrics(t *testing.T) {
	p := page("x{a=\"} 1 2\"}\t3  1700000000123\nx -4 5\nx{b=\"\"} 5\nx{c=\"1\"} 6 7\n", here, anything)
	const given = `{model_name="omni",replica="2",stage="1"`
	got, _ := open(t, nil, p)
	want := "# TYPE x unknown\n" +
		"x" + given + `,a="} 1 2"} 3 1700000000.123` + "\n" +
		"x" + given + "} -4 0.005\n" +
		"x" + given + `,c="1"} 6 0.007` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if text := merged(t, p); !strings.Contains(text, "1700000000123\n") || !strings.Contains(text, " -4 5\n") {
		t.Error(text)
	}
	if p.Malformed != 1 {
		t.Errorf("%d malformed lines, want the series that stands twice, but for a label without a value", p.Malformed)
	}
}

func TestCounterWhoseNameIsTakenWithoutTotalIsOfUnknownTypeInOpenMetrics(t *testing.T) {
	const text = "# TYPE x gauge\nx 1\n# TYPE x_total counter\nx_total 2\n# TYPE x_total_total counter\nx_total_total 3\n"
	for name, c := range map[string]struct {
		local func([]byte) Kind
		want  []string
	}{
		"by a page":             {nil, []string{"x gauge", "x_total unknown", "x_total_total unknown"}},
		"by the caller":         {has("x", Gauge), []string{"x gauge", "x_total unknown", "x_total_total unknown"}},
		"by a caller's counter": {has("x_total", Counter), []string{"x_total unknown", "x_total_total unknown"}},
	} {
		p := page(text, here, anything)
		got, cursor := open(t, c.local, p)
		var types []string
		for line := range strings.Lines(got) {
			if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
				types = append(types, strings.TrimSpace(rest))
			}
		}
		if diff := cmp.Diff(c.want, types); diff != "" || cursor.Conflicts[0] != 3-len(c.want) {
			t.Errorf("%s: %v conflicts\n%s", name, cursor.Conflicts, diff)
		}
	}
	if got := merged(t, page(text, here, anything)); strings.Count(got, " counter\n") != 2 {
		t.Errorf("the text format can tell them apart:\n%s", got)
	}
}

func TestFamilyWithTheNameOfACallersSamplesIsLeftOut(t *testing.T) {
	p := page("h_count 1\nh_other 2\n", here, anything)
	c := NewCursor(p)
	c.Local = has("h", Histogram)
	var b strings.Builder
	if err := c.WriteAll(&b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "h_count") || !strings.Contains(got, "h_other") || c.Conflicts[0] != 1 {
		t.Errorf("%v conflicts\n%s", c.Conflicts, got)
	}
}
