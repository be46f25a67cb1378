package qwen3omni_test

import (
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/internal/engine/stats"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/internal/model/tokenizer"
	"github.com/limelight-omni/limelight/internal/tensor"
	"github.com/limelight-omni/limelight/metrics"
)

// BenchmarkEstimatedFlops holds the rate of vllm:estimated_flops_per_gpu_total
// against what the machine achieves: an engine with the 83M dummy serves eight
// requests at a time, once long prompts for one token each and once short
// prompts for many, and the same machine multiplies 256 rows with a matrix of
// the model's largest shape. The share of the product is what is called MFU.
func BenchmarkEstimatedFlops(b *testing.B) {
	model := qwen3omni.NewDummyThinker()
	for _, load := range []struct {
		name           string
		prompt, tokens int
	}{{"prefill", 256, 1}, {"decode", 16, 64}} {
		b.Run(load.name, func(b *testing.B) {
			m := metrics.New(metrics.Options{ModelName: "m", LogStats: true, EnableMFU: true})
			reporter := stats.Start(m, slog.New(slog.DiscardHandler), true)
			defer reporter.Close()
			replica := reporter.Replica(0, "thinker", 0, stats.ShapeOf(model.Thinker.Decoder(), model.Thinker.Vocab()))
			e := ar.NewThinker(model, tokenizer.NewPieces(make([]string, model.Thinker.Vocab())), ar.Config{
				MaxModelLen: 512, NoPrefixCaching: true, Listeners: []ar.Listener{replica.Listener()},
			})
			defer e.Close()
			product := productFlops(model)
			before := flops(b, m)
			b.ResetTimer()
			for range b.N {
				var streams []engine.Stream
				for i := range 8 {
					ids := make([]int32, load.prompt)
					for j := range ids {
						ids[j] = int32((i + j) % model.Thinker.Vocab())
					}
					s, err := e.Start(engine.Request{Tokens: ids, Sampling: engine.Sampling{TopP: 1, RepetitionPenalty: 1, MaxTokens: load.tokens}})
					if err != nil {
						b.Fatal(err)
					}
					streams = append(streams, s)
				}
				for _, s := range streams {
					for out := (engine.Output{}); out.Finish == ""; {
						var err error
						if out, err = s.Recv(b.Context()); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			rate := (flops(b, m) - before) / b.Elapsed().Seconds()
			b.ReportMetric(rate/1e9, "family-GFLOP/s")
			b.ReportMetric(product/1e9, "product-GFLOP/s")
			b.ReportMetric(100*rate/product, "MFU-%")
		})
	}
}

// productFlops measures a matrix product of the model's MLP, both matrices in
// bfloat16 and float32 as the model has them: the best of several runs.
func productFlops(m *qwen3omni.Model) float64 {
	c := m.Config.Thinker
	const n = 256
	w := tensor.NewMatrixBF16(c.Intermediate, c.Hidden, make([]uint16, c.Intermediate*c.Hidden))
	x, dst := make([]float32, n*c.Hidden), make([]float32, n*c.Intermediate)
	best := 0.0
	for range 10 {
		began := time.Now()
		w.MulRows(dst, x, n)
		best = max(best, 2*n*float64(c.Hidden*c.Intermediate)/time.Since(began).Seconds())
	}
	return best
}

// flops reads the family off the page.
func flops(b *testing.B, m *metrics.Metrics) float64 {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "vllm:estimated_flops_per_gpu_total{") {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
			if err != nil {
				b.Fatal(err)
			}
			return v
		}
	}
	b.Fatal("the page has no estimate")
	return 0
}
