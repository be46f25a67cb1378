package merge

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// anything takes every family over.
var anything = Rules{Keep: []string{""}}

var here = Source{ModelName: "omni", Stage: 1, Replica: 2}

func page(text string, from Source, rules Rules) *Page {
	var p Page
	p.Read([]byte(text), from, rules)
	return &p
}

func merged(t testing.TB, pages ...*Page) string {
	t.Helper()
	var b strings.Builder
	if err := NewCursor(pages...).WriteAll(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSamplesGetTheLabelsOfTheirSource(t *testing.T) {
	const given = `model_name="omni",replica="2",stage="1"`
	for line, want := range map[string]string{
		`a 1`:                               `a{` + given + `} 1`,
		`a{} 1`:                             `a{` + given + `} 1`,
		`a{engine="0"} 1`:                   `a{` + given + `} 1`,
		`a{le="0.5",engine="0",x="y"} 1`:    `a{` + given + `,le="0.5",x="y"} 1`,
		`a{model_name="theirs"} 1`:          `a{` + given + `,exported_model_name="theirs"} 1`,
		`a{stage="thinker",replica="9"} 1`:  `a{` + given + `,exported_stage="thinker",exported_replica="9"} 1`,
		`a{stage="x",exported_stage="y"} 1`: `a{` + given + `,exported_exported_stage="x",exported_stage="y"} 1`,
		`a{exported_stage="y",stage="x"} 1`: `a{` + given + `,exported_stage="y",exported_exported_stage="x"} 1`,
		`a{ b = "c" , } 1`:                  `a{` + given + `,b="c"} 1`,
		`a{b="}\"\\\n,engine=\""} 1`:        `a{` + given + `,b="}\"\\\n,engine=\""} 1`,
		`a{b="ä"} -1.5e-07 1700000000000`:   `a{` + given + `,b="ä"} -1.5e-07 1700000000000`,
		`a   +Inf`:                          `a{` + given + `} +Inf`,
		`a NaN`:                             `a{` + given + `} NaN`,
		`a 12 # {trace_id="x"} 0.67 1.5`:    `a{` + given + `} 12`,
	} {
		if got, want := merged(t, page(line+"\n", here, anything)), "# TYPE a untyped\n"+want+"\n"; got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

func TestPageWithSeveralEnginesKeepsThemApart(t *testing.T) {
	p := page("a{engine=\"0\"} 1\na{engine=\"1\"} 2\n", here, anything)
	want := "# TYPE a untyped\n" +
		`a{model_name="omni",replica="2",stage="1",engine="0"} 1` + "\n" +
		`a{model_name="omni",replica="2",stage="1",engine="1"} 2` + "\n"
	if diff := cmp.Diff(want, merged(t, p)); diff != "" {
		t.Error(diff)
	}
	one := page("a{engine=\"0\",my_engine=\"7\"} 1\n", here, anything)
	if got := merged(t, one); strings.Contains(got, ",engine=") || !strings.Contains(got, `my_engine="7"`) {
		t.Error(got)
	}
}

func TestLinesThatReadersRefuseAreLeftOutAndCounted(t *testing.T) {
	for _, line := range []string{
		`{a="b"} 1`, `1a 1`, `a`, `a{`, `a{b} 1`, `a{b=c} 1`, `a{b="c} 1`, `a{b="c" d="e"} 1`, `a{b="c"`, `a{b="c"}`,
		`a{b="\x"} 1`, `a{b:c="d"} 1`, `a{b="c",b="d"} 1`, `a{__name__="b"} 1`, `a{9="b"} 1`,
		`a x`, `a 1 x`, `a 1 1.5`, `a 1x`, `a 1 2 3`, `a 1 -2`, `a --1`, `a 1e`, `a .`, `a 0x10`, `a 1_000`, `a 1e999`, `a ` + strings.Repeat("9", 400),
		"a{b=\"\xff\"} 1", "a{b=\"c\"} 1\r", `a{b="` + strings.Repeat("x", maxLine) + `"} 1`,
		`a{` + strings.Repeat(`x="y",`, maxLabels+1) + `} 1`,
	} {
		p := page("good 1\n"+line+"\nbetter 2\n", here, anything)
		if got := merged(t, p); p.Malformed != 1 || p.Series != 2 || strings.Contains(got, " a{") || strings.Contains(got, "TYPE a ") {
			t.Errorf("%.80q: %d malformed, %d series:\n%.400s", line, p.Malformed, p.Series, got)
		}
	}
}

func TestBucketsAndQuantilesNeedTheirBound(t *testing.T) {
	p := page("# TYPE h histogram\nh_bucket{le=\"x\"} 1\nh_bucket 1\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n# TYPE s summary\ns{quantile=\"\"} 1\ns 1\ns_sum 1\n", here, anything)
	if p.Malformed != 4 || p.Series != 3 {
		t.Errorf("%d malformed, %d series", p.Malformed, p.Series)
	}
}

func TestLineThatIsCutOffIsLeftOut(t *testing.T) {
	if p := page("a 1\nb 12", here, anything); p.Malformed != 1 || p.Series != 1 {
		t.Errorf("%d malformed, %d series", p.Malformed, p.Series)
	}
}

func TestFamiliesStandUnderOneHeader(t *testing.T) {
	a := page(`# HELP vllm:tokens_total Tokens.
# TYPE vllm:tokens_total counter
vllm:tokens_total{engine="0",model_name="m"} 5
# TYPE vllm:ttft histogram
vllm:ttft_bucket{engine="0",le="1.0",model_name="m"} 1
vllm:ttft_bucket{engine="0",le="+Inf",model_name="m"} 1
vllm:ttft_sum{engine="0",model_name="m"} 0.5
vllm:ttft_count{engine="0",model_name="m"} 1
# TYPE vllm:omni_num_requests_running gauge
vllm:omni_num_requests_running 1
# TYPE http_requests_total counter
http_requests_total 7
`, Source{"omni", 0, 0}, EngineFamilies)
	b := page(`# HELP sglang:running Running.
# TYPE sglang:running gauge
sglang:running{stage="main"} 2
# TYPE vllm:tokens_total counter
vllm:tokens_total{engine="0"} 6
`, Source{"omni", 0, 1}, EngineFamilies)
	want := `# HELP sglang:running Running.
# TYPE sglang:running gauge
sglang:running{model_name="omni",replica="1",stage="0",exported_stage="main"} 2
# HELP vllm:tokens_total Tokens.
# TYPE vllm:tokens_total counter
vllm:tokens_total{model_name="omni",replica="0",stage="0",exported_model_name="m"} 5
vllm:tokens_total{model_name="omni",replica="1",stage="0"} 6
# TYPE vllm:ttft histogram
vllm:ttft_bucket{model_name="omni",replica="0",stage="0",le="1.0",exported_model_name="m"} 1
vllm:ttft_bucket{model_name="omni",replica="0",stage="0",le="+Inf",exported_model_name="m"} 1
vllm:ttft_sum{model_name="omni",replica="0",stage="0",exported_model_name="m"} 0.5
vllm:ttft_count{model_name="omni",replica="0",stage="0",exported_model_name="m"} 1
`
	if diff := cmp.Diff(want, merged(t, a, b)); diff != "" {
		t.Error(diff)
	}
}

func TestFamilyOfAnotherTypeIsLeftOutAndCounted(t *testing.T) {
	a := page("# TYPE x counter\nx 1\n", Source{"omni", 0, 0}, anything)
	b := page("# TYPE x gauge\nx 2\n# TYPE y gauge\ny 3\n", Source{"omni", 0, 1}, anything)
	c := NewCursor(a, b)
	var text strings.Builder
	if err := c.WriteAll(&text); err != nil {
		t.Fatal(err)
	}
	want := "# TYPE x counter\n" + `x{model_name="omni",replica="0",stage="0"} 1` + "\n" +
		"# TYPE y gauge\n" + `y{model_name="omni",replica="1",stage="0"} 3` + "\n"
	if diff := cmp.Diff(want, text.String()); diff != "" || c.Conflicts[1] != 1 {
		t.Errorf("%d conflicts\n%s", c.Conflicts, diff)
	}
}

func TestOneLiarDoesNotSayWhatTypeAFamilyHas(t *testing.T) {
	liar := page("# TYPE x counter\nx 1\n", Source{"omni", 0, 0}, anything)
	b := page("# TYPE x gauge\nx 2\n", Source{"omni", 0, 1}, anything)
	d := page("# TYPE x gauge\nx 3\n", Source{"omni", 0, 2}, anything)
	c := NewCursor(liar, b, d)
	var text strings.Builder
	if err := c.WriteAll(&text); err != nil {
		t.Fatal(err)
	}
	want := "# TYPE x gauge\n" + `x{model_name="omni",replica="1",stage="0"} 2` + "\n" + `x{model_name="omni",replica="2",stage="0"} 3` + "\n"
	if diff := cmp.Diff(want, text.String()); diff != "" || c.Conflicts[0] != 1 || c.Conflicts[1] != 0 {
		t.Errorf("%v conflicts\n%s", c.Conflicts, diff)
	}
}

func TestSeriesThatStandsTwiceIsTakenOnce(t *testing.T) {
	for name, text := range map[string]string{
		"the same line":         "a{x=\"1\",y=\"2\"} 1\na{x=\"1\",y=\"2\"} 2\n",
		"in another order":      "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n",
		"but for an empty one":  "a{x=\"1\"} 1\na{x=\"1\",y=\"\"} 2\n",
		"but for the engine":    "a{x=\"1\"} 1\na{x=\"1\",engine=\"0\"} 2\n",
		"in another piece":      "a 1\nb 1\na 2\n",
		"in a bucket":           "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1\"} 2\n",
		"in a bucket, later on": "# TYPE h histogram\nh_bucket{x=\"1\",le=\"1\"} 1\nh_bucket{x=\"1\",le=\"2\"} 1\nh_bucket{le=\"1\",x=\"1\"} 2\n",
	} {
		p := page(text, here, anything)
		if got := merged(t, p); p.Malformed != 1 || strings.Contains(got, "} 2\n") {
			t.Errorf("%s: %d malformed\n%s", name, p.Malformed, got)
		}
	}
	for name, text := range map[string]string{
		"another value":    "a{x=\"1\"} 1\na{x=\"2\"} 2\n",
		"another label":    "a{x=\"1\"} 1\na{y=\"1\"} 2\n",
		"values exchanged": "a{x=\"1\",y=\"2\"} 1\na{x=\"2\",y=\"1\"} 2\n",
		"another name":     "a{x=\"1\"} 1\nb{x=\"1\"} 2\n",
		"another bound":    "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 2\n",
		"another engine":   "a{engine=\"0\"} 1\na{engine=\"1\"} 2\n",
		"sum and count":    "# TYPE h histogram\nh_sum 1\nh_count 2\n",
		"exported and not": "a{stage=\"1\"} 1\na{exported_replica=\"1\"} 2\n",
	} {
		if p := page(text, here, anything); p.Malformed != 0 || p.Series != 2 {
			t.Errorf("%s: %d malformed, %d series", name, p.Malformed, p.Series)
		}
	}
}

func TestSetOfSeriesGrowsAndForgets(t *testing.T) {
	var s seriesSet
	for range 2 {
		for i := range uint64(10_000) {
			if h := i * 0x9e3779b97f4a7c15; !s.add(h) || s.add(h) {
				t.Fatalf("number %d", i)
			}
		}
		s.reset()
	}
}

func TestTimesOfCreationAreLeftOut(t *testing.T) {
	p := page("# TYPE vllm:x_total counter\nvllm:x_total 1\n# TYPE vllm:x_created gauge\nvllm:x_created 1.7e+09\n", here, EngineFamilies)
	if got := merged(t, p); p.Series != 1 || strings.Contains(got, "_created") {
		t.Error(got)
	}
}

func TestFamilyInSeveralPiecesIsJoined(t *testing.T) {
	p := page("# TYPE x gauge\nx{a=\"1\"} 1\n# TYPE y gauge\ny 2\n# TYPE x gauge\nx{a=\"2\"} 3\n# TYPE x counter\nx{a=\"3\"} 3\n", here, anything)
	got := merged(t, p)
	if strings.Count(got, "# TYPE x ") != 1 || strings.Count(got, "\nx{") != 3 {
		t.Error(got)
	}
	late := page("# TYPE y gauge\nx 1\n# TYPE x counter\nx 2\n", here, anything)
	if got := merged(t, late); strings.Count(got, "# TYPE x ") != 1 || strings.Contains(got, " y ") {
		t.Error(got)
	}
}

func TestCounterOfOpenMetricsHasItsNameWithTotal(t *testing.T) {
	p := page("# TYPE x counter\n# HELP x Help.\nx_total{a=\"1\"} 1 # {id=\"7\"} 1\nx_total{a=\"2\"} 2\n# EOF\n", here, anything)
	want := "# HELP x_total Help.\n# TYPE x_total counter\n" +
		`x_total{model_name="omni",replica="2",stage="1",a="1"} 1` + "\n" + `x_total{model_name="omni",replica="2",stage="1",a="2"} 2` + "\n"
	if diff := cmp.Diff(want, merged(t, p)); diff != "" {
		t.Error(diff)
	}
}

func TestPageIsReusedWithoutATrace(t *testing.T) {
	var p Page
	p.Read([]byte("x 1\ny 2\nz\n"), here, anything)
	p.Read([]byte("w 1\n"), here, anything)
	if got := merged(t, &p); p.Malformed != 0 || p.Series != 1 || strings.Count(got, "\n") != 2 {
		t.Error(got)
	}
}

func TestMillionSeriesTakeMemoryInProportion(t *testing.T) {
	var text bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&text, "x{a=\"%d\"} 1\n", i)
	}
	p := page(text.String(), here, anything)
	if p.Series != 100_000 || len(p.families) != 1 || len(p.blocks) != 1 || cap(p.buf) > 10*text.Len() {
		t.Errorf("%d series, %d families, %d blocks, %d bytes of %d", p.Series, len(p.families), len(p.blocks), cap(p.buf), text.Len())
	}
}

// strict parses a page as the ecosystem's strictest reader does.
func strict(text string) error {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	_, err := parser.TextToMetricFamilies(strings.NewReader(text))
	return err
}

// Whatever two servers say, the page that is made of it can be read, and what
// a page says of its own never makes another's series fewer.
func FuzzMergedPageIsReadable(f *testing.F) {
	f.Add("# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_sum 1\na_count 2\n", "a 1\nb{c=\"d\"} NaN 12\n")
	f.Add("# TYPE a counter\na_total 1 # {b=\"c\"} 1\n", "a{engine=\"0\",stage=\"\\\"\"} +Inf\na{engine=\"1\"} 1e3\n")
	f.Add("# TYPE a summary\na{quantile=\"0.5\"} 2\na_sum 3\n\xff\n", "#\n# TYPE\n# HELP a \\\n# TYPE a nonsense\na 0x1\n")
	f.Add("# TYPE a histogram\na_bucket{le=\"1\"} -2\na_bucket{le=\"+Inf\"} -0\na_sum -1\na_count -2\n", "# TYPE a histogram\na_count 1.5\n")
	f.Fuzz(func(t *testing.T, one, two string) {
		a, b := page(one, Source{"omni", 0, 0}, anything), page(two, Source{"omni", 0, 1}, anything)
		text := merged(t, a, b)
		if err := strict(text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if alone := strings.Count(merged(t, a), `replica="0",stage="0"`); alone != strings.Count(text, `replica="0",stage="0"`) {
			t.Fatalf("page one shows %d series alone, %d beside two", alone, strings.Count(text, `replica="0",stage="0"`))
		}
	})
}
