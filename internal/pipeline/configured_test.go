package pipeline

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/limelight-omni/limelight/internal/config"
)

func TestConfiguredSamplingStandsOverTheModels(t *testing.T) {
	temperature, topK, most := 0.25, 3, 1<<30
	p, err := New(Options{Log: slog.New(slog.DiscardHandler), Sampling: map[string]config.Sampling{
		"thinker": {Temperature: &temperature, TopK: &topK, FrequencyPenalty: &temperature},
		"talker":  {MaxTokens: &most},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	plain, err := New(Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	got, want := p.Frontend.Sampling(), plain.Frontend.Sampling()
	want[Thinker].Temperature, want[Thinker].TopK, want[Thinker].FrequencyPenalty = temperature, topK, temperature
	want[Talker].MaxTokens = p.Frontend.talkerLen // the model's bound holds
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
}

func TestStageHasItsOwnNumberOfSequences(t *testing.T) {
	p, err := New(Options{Log: slog.New(slog.DiscardHandler), MaxNumSeqs: 3, StageSeqs: map[string]int{"talker": 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for k, want := range []int{3, 1, 3} {
		bound := 0
		for {
			b, ok := p.Orchestrator.Stages()[k].TryBind(0)
			if !ok {
				break
			}
			defer b.Release()
			bound++
		}
		if bound != want {
			t.Errorf("stage %d gave %d places, want %d", k, bound, want)
		}
	}
}
