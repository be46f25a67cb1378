// Package benchmarks compares Limelight's parts with other people's, in the
// same run. It is a module of its own so that what it compares with is no
// dependency of Limelight.
package benchmarks

import (
	"bytes"
	"fmt"
	"testing"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/protoparser/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// enginePage is a page of about 80 KB such as a vLLM server has.
func enginePage() []byte {
	const labels = `model_name="Qwen/Qwen3-Omni-30B-A3B-Instruct"`
	var b bytes.Buffer
	for i := range 28 {
		name := fmt.Sprintf("vllm:request_%02d_seconds", i)
		fmt.Fprintf(&b, "# HELP %s Histogram of something in seconds.\n# TYPE %s histogram\n", name, name)
		for le := range 20 {
			fmt.Fprintf(&b, "%s_bucket{engine=\"0\",le=\"%d.5\",%s} %d.0\n", name, le, labels, le*12345)
		}
		fmt.Fprintf(&b, "%s_bucket{engine=\"0\",le=\"+Inf\",%s} 987654.0\n", name, labels)
		fmt.Fprintf(&b, "%s_count{engine=\"0\",%s} 987654.0\n", name, labels)
		fmt.Fprintf(&b, "%s_sum{engine=\"0\",%s} 12345.678901234567\n", name, labels)
	}
	for i := range 60 {
		name := fmt.Sprintf("vllm:things_%02d_total", i)
		fmt.Fprintf(&b, "# HELP %s Number of things.\n# TYPE %s counter\n%s{engine=\"0\",%s} 123456.0\n", name, name, name, labels)
	}
	return b.Bytes()
}

func BenchmarkPage(b *testing.B) {
	text := enginePage()
	b.Run("limelight relabel", func(b *testing.B) {
		var p merge.Page
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			p.Read(text, merge.Source{ModelName: "omni", Replica: 1}, merge.EngineFamilies)
		}
	})
	b.Run("VictoriaMetrics parse", func(b *testing.B) {
		s := string(text)
		var rows vm.Rows
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			rows.UnmarshalWithErrLogger(s, func(string) {})
		}
	})
	b.Run("expfmt parse", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			parser := expfmt.NewTextParser(model.LegacyValidation)
			if _, err := parser.TextToMetricFamilies(bytes.NewReader(text)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
