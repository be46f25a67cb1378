package pipeline

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/safetensors"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

const setA = "../model/qwen3omni/testdata/setA"

// tap keeps the codec frames that cross a hop.
type tap struct {
	connector.Connector
	mu     sync.Mutex
	frames map[string][]int32 // by request
}

func (c *tap) Open(edge connector.Edge, id string) (connector.Link, error) {
	link, err := c.Connector.Open(edge, id)
	return &tappedLink{Link: link, tap: c, id: id}, err
}

type tappedLink struct {
	connector.Link
	tap *tap
	id  string
}

func (l *tappedLink) Recv(ctx ctx) (connector.Payload, connector.Hop, error) {
	p, hop, err := l.Link.Recv(ctx)
	if f, ok := p.(*engine.Frames); ok {
		l.tap.mu.Lock()
		l.tap.frames[l.id] = append(l.tap.frames[l.id], f.Codes...)
		l.tap.mu.Unlock()
	}
	return p, hop, err
}

// start runs a pipeline with a tap on its second hop.
func start(t *testing.T, o Options) (*Pipeline, *tap) {
	t.Helper()
	c := &tap{frames: map[string][]int32{}}
	o.Connector = func(k int, inner connector.Connector) connector.Connector {
		if k != Talker {
			return inner
		}
		c.Connector = inner
		return c
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, c
}

// ask runs one request to its end.
func ask(t *testing.T, p *Pipeline, req orchestrator.Request) (tokens []int32, samples []float32, reason engine.FinishReason) {
	t.Helper()
	req.Arrived, req.Final, req.Text = time.Now(), Code2Wav, true
	r, err := p.Orchestrator.Submit(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	for {
		ev, err := r.Next(t.Context())
		if err == io.EOF {
			r.Finish()
			return tokens, samples, r.Reason()
		}
		if err != nil {
			t.Error(err)
			return
		}
		tokens = append(tokens, ev.Tokens...)
		samples = append(samples, ev.Samples...)
	}
}

type goldenCase struct {
	Speaker   string  `json:"speaker"`
	NewTokens int     `json:"thinker_max_new_tokens"`
	Codec     int     `json:"talker_max_new_tokens"`
	Prompt    []int32 `json:"prompt_ids"`
	Reply     []int32 `json:"thinker_new_ids"`
}

// TestStreamedPipelineGivesTheReferencesTokensCodesAndWaveform runs the golden
// cases through the real engines and hops: the talker starts on the first
// tokens, code2wav on the first frames, and nothing differs from the
// reference, which does one after the other.
func TestStreamedPipelineGivesTheReferencesTokensCodesAndWaveform(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(setA, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases map[string]goldenCase `json:"talker_cases"`
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.OpenFile(filepath.Join(setA, "golden.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, o := range []Options{{FirstChunk: 4, Chunk: 25}, {FirstChunk: 1, Chunk: 1}, {FirstChunk: 100, Chunk: 100}, {Gather: true}} {
		o.Model = setA
		p, tapped := start(t, o)
		var all sync.WaitGroup
		for name, c := range golden.Cases { // both cases share the steps
			all.Go(func() {
				greedy := engine.Sampling{TopP: 1, RepetitionPenalty: 1, IgnoreEOS: true}
				thinker, talker := greedy, greedy
				thinker.MaxTokens, talker.MaxTokens = c.NewTokens, c.Codec
				talker.IgnoreEOS = false
				tokens, samples, reason := ask(t, p, orchestrator.Request{
					ID: name, Tokens: c.Prompt, Voice: c.Speaker, Sampling: []engine.Sampling{thinker, talker, greedy},
				})
				if !slices.Equal(tokens, c.Reply) || reason != engine.FinishLength {
					t.Errorf("%s: tokens %v, reason %s; want %v, length", name, tokens, reason, c.Reply)
				}
				x, err := file.Tensor("talker." + name + ".codes")
				if err != nil {
					t.Error(err)
					return
				}
				want, err := x.Int64s()
				if err != nil {
					t.Error(err)
					return
				}
				tapped.mu.Lock()
				codes := tapped.frames[name]
				tapped.mu.Unlock()
				if !slices.EqualFunc(codes, want, func(a int32, b int64) bool { return int64(a) == b }) {
					t.Errorf("%s: codes %v, want %v", name, codes, want)
				}
				wave, err := file.Tensor("talker." + name + ".waveform")
				if err != nil {
					t.Error(err)
					return
				}
				wantSamples, err := wave.Float32s()
				if err != nil {
					t.Error(err)
					return
				}
				if len(samples) != len(wantSamples) {
					t.Errorf("%s: %d samples, want %d", name, len(samples), len(wantSamples))
					return
				}
				for i := range samples {
					if math.Abs(float64(samples[i]-wantSamples[i])) > 1e-4 {
						t.Errorf("%s: sample %d is %v, want %v", name, i, samples[i], wantSamples[i])
						return
					}
				}
			})
		}
		all.Wait()
	}
}
