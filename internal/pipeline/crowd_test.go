package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

type ctx = context.Context

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// request is the i-th of a row of different requests.
func request(p *Pipeline, i int) orchestrator.Request {
	sampling := p.Frontend.Sampling()
	for k := range sampling {
		sampling[k].Seed = uint64(100*i + k)
	}
	return orchestrator.Request{
		ID:       fmt.Sprint("r", i),
		Tokens:   p.Frontend.ChatPrompt([]engine.Message{{Role: "user", Content: strings.Repeat("what is new ", i%5+1)}}),
		Voice:    p.Frontend.Voices()[i%3],
		Sampling: sampling,
	}
}

func TestRequestIsTheSameAloneAndInACrowd(t *testing.T) {
	const n = 12
	type result struct {
		tokens  []int32
		samples []float32
		reason  engine.FinishReason
	}
	alone, _ := start(t, Options{})
	var want []result
	for i := range n {
		var r result
		r.tokens, r.samples, r.reason = ask(t, alone, request(alone, i))
		want = append(want, r)
	}
	var together atomic.Int64 // sequences of the fullest step
	crowd, _ := start(t, Options{
		// So few blocks that requests are preempted, so few tokens a step that
		// prefills are cut.
		Engines: map[string]EngineConfig{
			"thinker": {MaxBatchedTokens: 20, BlockSize: 4, Blocks: 40},
			"talker":  {MaxBatchedTokens: 12, BlockSize: 4, Blocks: 40},
		},
		Replicas: map[string]int{"talker": 2, "code2wav": 2}, FirstChunk: 3, Chunk: 7,
		Listener: func(int, int) ar.Listener {
			return ar.Listener{Stepped: func(s *ar.Step) {
				for {
					most := together.Load()
					if n := int64(s.Sequences()); n <= most || together.CompareAndSwap(most, n) {
						return
					}
				}
			}}
		},
	})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			tokens, samples, reason := ask(t, crowd, request(crowd, i))
			w := want[i]
			if !slices.Equal(tokens, w.tokens) || !slices.Equal(samples, w.samples) || reason != w.reason {
				t.Errorf("request %d: %d tokens, %d samples, %s; alone %d, %d, %s", i, len(tokens), len(samples), reason, len(w.tokens), len(w.samples), w.reason)
			}
		})
	}
	all.Wait()
	if together.Load() < 2 {
		t.Error("no step worked for two sequences: the crowd was none")
	}
}

func TestUnknownStageOrHubIDIsAClearError(t *testing.T) {
	for want, o := range map[string]Options{
		`replicas: unknown stage "speaker"; the stages are thinker, talker, code2wav`: {Replicas: map[string]int{"speaker": 1}},
		`replicas: stage talker needs at least 1, got 0`:                              {Replicas: map[string]int{"talker": 0}},
		`model Qwen/Qwen3-Omni-30B-A3B-Instruct: there is no such directory, and models are not downloaded: fetch the model first and name its directory, or leave MODEL out to serve limelight-tiny`: {Model: "Qwen/Qwen3-Omni-30B-A3B-Instruct"},
		`model ` + setA + `/config.json: is a file; MODEL is a directory with config.json and safetensors files`:                                                                                      {Model: setA + "/config.json"},
	} {
		p, err := New(o)
		if err == nil {
			p.Close()
		}
		if err == nil || err.Error() != want {
			t.Errorf("error %v\nwant %s", err, want)
		}
	}
}
