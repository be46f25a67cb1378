package merge

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// enginePage is a page of about 80 KB such as a vLLM server has: histograms of
// twenty buckets, counters and gauges, three labels each.
func enginePage() []byte {
	var b bytes.Buffer
	for i := range 28 {
		name := fmt.Sprintf("vllm:request_%02d_seconds", i)
		fmt.Fprintf(&b, "# HELP %s Histogram of something in seconds.\n# TYPE %s histogram\n", name, name)
		for le := range 20 {
			fmt.Fprintf(&b, "%s_bucket{engine=\"0\",le=\"%d.5\",model_name=\"Qwen/Qwen3-Omni-30B-A3B-Instruct\"} %d.0\n", name, le, le*12345)
		}
		fmt.Fprintf(&b, "%s_bucket{engine=\"0\",le=\"+Inf\",model_name=\"Qwen/Qwen3-Omni-30B-A3B-Instruct\"} 987654.0\n", name)
		fmt.Fprintf(&b, "%s_count{engine=\"0\",model_name=\"Qwen/Qwen3-Omni-30B-A3B-Instruct\"} 987654.0\n", name)
		fmt.Fprintf(&b, "%s_sum{engine=\"0\",model_name=\"Qwen/Qwen3-Omni-30B-A3B-Instruct\"} 12345.678901234567\n", name)
	}
	for i := range 60 {
		name := fmt.Sprintf("vllm:things_%02d_total", i)
		fmt.Fprintf(&b, "# HELP %s Number of things.\n# TYPE %s counter\n%s{engine=\"0\",model_name=\"Qwen/Qwen3-Omni-30B-A3B-Instruct\"} 123456.0\n", name, name, name)
	}
	return b.Bytes()
}

func BenchmarkRelabel(b *testing.B) {
	text := enginePage()
	var p Page
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		p.Read(text, here, EngineFamilies)
	}
}

// BenchmarkMergeSixPages is what a scrape of six replicas costs once their
// pages are here.
func BenchmarkMergeSixPages(b *testing.B) {
	text := enginePage()
	pages := make([]*Page, 6)
	for i := range pages {
		pages[i] = new(Page)
	}
	b.SetBytes(int64(len(text) * len(pages)))
	b.ReportAllocs()
	for b.Loop() {
		for i, p := range pages {
			p.Read(text, Source{"omni", 0, i}, EngineFamilies)
		}
		if err := NewCursor(pages...).WriteAll(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExpfmtParse only parses the page: what a merge through the usual
// library would start with.
func BenchmarkExpfmtParse(b *testing.B) {
	text := enginePage()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		parser := expfmt.NewTextParser(model.LegacyValidation)
		if _, err := parser.TextToMetricFamilies(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
