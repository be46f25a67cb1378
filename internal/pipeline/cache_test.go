package pipeline

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine/ar"
)

func TestKVCacheBoundsTheLengthOfSequences(t *testing.T) {
	o := Options{Log: slog.New(slog.DiscardHandler), Engines: map[string]EngineConfig{
		"thinker": {BlockSize: 8, Blocks: 10},
		"talker":  {BlockSize: 8, KVCacheBytes: 1 << 20},
	}}
	p, _ := start(t, o)
	talker := 8 * int((1<<20)/p.Frontend.model.Talker.Decoder().KVBlockBytes(8))
	if p.Frontend.MaxModelLen() != 80 || p.Frontend.talkerLen != talker {
		t.Errorf("the thinker takes %d tokens, the talker %d; want 80 and %d", p.Frontend.MaxModelLen(), p.Frontend.talkerLen, talker)
	}
	for k, s := range p.Frontend.Sampling()[:2] {
		if most := []int{80, talker}[k]; s.MaxTokens > most {
			t.Errorf("stage %d makes %d tokens of %d by default", k, s.MaxTokens, most)
		}
	}
	o.Engines["talker"] = EngineConfig{KVCacheBytes: 100}
	if p, err := New(o); err == nil || !strings.HasPrefix(err.Error(), "stage talker: a KV cache of 100 bytes holds no block") {
		t.Errorf("New = %v, %v", p, err)
	}
}

func TestSpokenPromptTakesUpWhatTheTalkerIsAskedToPrefill(t *testing.T) {
	prefilled := make(chan int, 1)
	p, _ := start(t, Options{Listener: func(stage, _ int) ar.Listener {
		if stage != Talker {
			return ar.Listener{}
		}
		return ar.Listener{Admitted: func(l *ar.Life) { prefilled <- l.PromptTokens }}
	}})
	req := request(p, 2)
	taken, most, err := p.Frontend.SpokenPrompt(req.Tokens)
	if err != nil || most != p.Frontend.talkerLen {
		t.Fatalf("%d of %d, %v", taken, most, err)
	}
	ask(t, p, req)
	if got := <-prefilled; got != taken {
		t.Errorf("the talker prefilled %d rows, SpokenPrompt has %d", got, taken)
	}
}
