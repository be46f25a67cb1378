// Package benchmarks compares Limelight's parts with other people's, in the
// same run. It is a module of its own so that what it compares with is no
// dependency of Limelight.
package benchmarks

import (
	"bytes"
	"os"
	"testing"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/protoparser/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// enginePage is a page of 80 KB such as a vLLM server has.
func enginePage(b *testing.B) []byte {
	text, err := os.ReadFile("../metrics/testdata/engines/vllm.txt")
	if err != nil {
		b.Fatal(err)
	}
	return text
}

func BenchmarkPage(b *testing.B) {
	text := enginePage(b)
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
