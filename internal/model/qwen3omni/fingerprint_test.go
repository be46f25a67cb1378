package qwen3omni

import "testing"

func TestFingerprintTellsModelsApart(t *testing.T) {
	tiny := Tiny()
	same := Tiny().Fingerprint()
	if got := tiny.Fingerprint(); got != same || len(got) != 16 {
		t.Errorf("fingerprints %q and %q of the same model", got, same)
	}
	c, g := *tiny.Config, *tiny.Generation
	g.Talker.MaxNewTokens++
	for what, w := range map[string]*randomWeights{
		"configuration": {seed: tinySeed, adjust: tinyAdjustment(&c)},
		"weights":       {seed: tinySeed + 1, adjust: tinyAdjustment(&c)},
	} {
		generation := tiny.Generation
		if what == "configuration" {
			generation = &g
		}
		other, err := newModel(&c, generation, w)
		if err != nil {
			t.Fatal(err)
		}
		if other.Fingerprint() == same {
			t.Errorf("other %s: the same fingerprint", what)
		}
	}
}
