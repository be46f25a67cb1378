package check

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func parse(t *testing.T, text string) *Page {
	t.Helper()
	p, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFaultsNameTheirLine(t *testing.T) {
	for _, c := range []struct{ name, page, want string }{
		{"value", "a 1\nb x1\nc 2\n", `line 2: value "x1" is not a number`},
		{"value of Go's own", "a 0x1p4\n", `line 1: value "0x1p4" is not a number`},
		{"no value", "a{b=\"c\"}\n", "line 1: value is missing"},
		{"name", "1a 1\n", "line 1: '1' where a metric name is expected"},
		{"label name", "a{1=\"x\"} 1\n", "line 1: '1' where a label name is expected"},
		{"colon in a label name", "a{b:c=\"x\"} 1\n", "line 1: ':' after label b, where = is expected"},
		{"quote", "a{b=c} 1\n", "line 1: label b: 'c' where a quote is expected"},
		{"open quote", "a{b=\"c} 1\n", "line 1: label b: line ends inside a label value"},
		{"escape", `a{b="\t"} 1` + "\n", `line 1: label b: unknown escape \t in a label value`},
		{"UTF-8", "a{b=\"\xff\"} 1\n", "line 1: label b: label value is not valid UTF-8"},
		{"comma", "a{b=\"c\" d=\"e\"} 1\n", "line 1: 'd' where , or } is expected"},
		{"label twice", "a{b=\"c\",b=\"d\"} 1\n", "line 1: label b stands twice"},
		{"timestamp", "a 1 12 x\n", "line 1: exemplar: 'x' after the value"},
		{"series twice", "a{b=\"c\",d=\"e\"} 1\na{d=\"e\",b=\"c\"} 2\n", `line 2: a: a{b="c",d="e"} stands twice, first at line 1`},
		{"late type", "a 1\n# TYPE a gauge\n", "line 2: a: TYPE line after the samples, which begin at line 1"},
		{"type twice", "# TYPE a gauge\n# TYPE a counter2\n# TYPE a gauge\n", "line 3: a: a second TYPE line, the first is line 1"},
		{"unknown type", "# TYPE a rate\n", `line 1: a: unknown type "rate"`},
		{"help twice", "# HELP a x\n# HELP a y\n", "line 2: a: a second HELP line"},
		{"in pieces", "a 1\nb 1\na{x=\"y\"} 1\n", "line 3: a: its samples do not stand together"},
		{"exemplar in the text format", "a 1 # {x=\"y\"} 1\n", "line 1: an exemplar, which only OpenMetrics has, on a page without # EOF"},
		{"cut off", "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n", "line 3: the page has UNIT lines, as OpenMetrics, and no # EOF at its end: it is cut off"},
		{"after the end", "a 1\n# EOF\nb 1\n", "line 3: text after # EOF"},
		{"long exemplar", "a_bucket 1 # {x=\"" + strings.Repeat("é", 128) + "\"} 1\n# EOF\n", "line 1: exemplar: labels of 129 characters, 128 are allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all []string
			for _, f := range parse(t, c.page).Faults {
				all = append(all, f.String())
			}
			if !strings.Contains(strings.Join(all, "\n"), c.want) {
				t.Errorf("faults %q, want %q", all, c.want)
			}
		})
	}
}

func TestFaultCostsItsOwnLineOnly(t *testing.T) {
	p := parse(t, "a 1\n}{\nb{ 2\nc 3\n")
	if len(p.Faults) != 2 || p.Sum("a", "") != 1 || p.Sum("c", "") != 3 {
		t.Errorf("faults %v, families %v", p.Faults, p.names())
	}
}

func TestBothFormatsReadTheSame(t *testing.T) {
	text := parse(t, strings.Join([]string{
		"# HELP hits_total Hits.", "# TYPE hits_total counter", `hits_total{a="x\\\"\n",} 5`, "",
		"# TYPE d histogram", `d_bucket{le="1"} 2`, `d_bucket{le="+Inf"} 3`, "d_sum 4", "d_count 3",
		"# TYPE bare counter", "bare 7", "# TYPE s summary", `s{quantile="0.5"} NaN`, "s_sum 1 1700000000000", "s_count 2",
	}, "\r\n"))
	open := parse(t, strings.Join([]string{
		"# TYPE hits counter", "# HELP hits Hits.", `hits_total{a="x\\\"\n"} 5.0 # {request_id="r"} 1 1700000000.5`, `hits_created{a="x\\\"\n"} 1.7e+09`,
		"# UNIT d seconds", "# TYPE d histogram", `d_bucket{le="1.0"} 2 # {request_id="r"} 0.5`, `d_bucket{le="+Inf"} 3`, "d_sum 4.0", "d_count 3",
		"# TYPE s summary", `s{quantile="0.5"} NaN`, "s_sum 1 1700000000", "s_count 2", "# EOF", "",
	}, "\n"))
	if text.OpenMetrics || !open.OpenMetrics || len(text.Faults)+len(open.Faults) > 0 {
		t.Fatalf("OpenMetrics %v and %v, faults %v and %v", text.OpenMetrics, open.OpenMetrics, text.Faults, open.Faults)
	}
	for _, p := range []*Page{text, open} {
		if hits := p.samples("hits_total", "", Label{"a", "x\\\"\n"}); len(hits) != 1 || hits[0].Value != 5 || p.Families["hits_total"].Kind != "counter" {
			t.Errorf("hits %v", hits)
		}
		if p.Sum("d", "_bucket") != 5 || p.Sum("d", "_count") != 3 || p.Sum("s", "_count") != 2 || !math.IsNaN(p.Sum("s", "")) {
			t.Errorf("families %+v", p.Families)
		}
	}
	if bare := text.Families["bare"]; bare == nil || bare.Kind != "counter" || text.Sum("bare", "") != 7 {
		t.Errorf("a counter without a suffix: %+v", bare)
	}
	if open.Families["hits_created"] != nil || !open.created {
		t.Error("the _created series is a family of its own")
	}
}

func TestLineWithoutEndIsAnError(t *testing.T) {
	if _, err := Parse(strings.NewReader("a 1\n" + strings.Repeat("x", maxLine+1))); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v", err)
	}
}

// FuzzParse asks that no page makes the parser, or the check of what it read,
// fail.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a 1\n# TYPE a counter\n", `vllm_omni:x_bucket{le="NaN"} -1 # {} 1` + "\n# EOF", "# HELP\n# TYPE\n# UNIT\n{\"a\"} 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, fault := range p.Faults {
			if n := strings.Count(text, "\n") + 1; fault.Line < 1 || fault.Line > n {
				t.Errorf("fault at line %d of %d", fault.Line, n)
			}
		}
		if err := Check(p, Options{Moved: true}).Write(discard{}); err != nil {
			t.Error(err)
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkParse(b *testing.B) {
	var page strings.Builder
	page.WriteString("# TYPE vllm:omni_audio_rtf histogram\n")
	for i := range 10000 {
		fmt.Fprintf(&page, "vllm:omni_audio_rtf_bucket{model_name=\"m\",replica=\"%d\",stage=\"2\",le=\"0.5\"} %d\n", i, i)
	}
	b.SetBytes(int64(page.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(strings.NewReader(page.String())); err != nil {
			b.Fatal(err)
		}
	}
}
