package qwen3omni

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// otherConfig is a configuration that shares no count and no flag with setA:
// odd widths, tied embeddings, dense layers both by list and by step, experts'
// weights that do not sum to one, other groups and rates.
func otherConfig() *Config {
	stack := DecoderConfig{Hidden: 30, Layers: 5, Heads: 6, KVHeads: 3, HeadDim: 6, Eps: 1e-5, RopeTheta: 5e4, MaxPositions: 512}
	thinker := stack
	thinker.Experts, thinker.ExpertsPerToken, thinker.MoEIntermediate, thinker.SparseStep = 5, 2, 18, 2
	thinker.DenseLayers = []int{3}
	thinker.Intermediate = 33
	talker := stack
	talker.Hidden, talker.Layers, talker.Heads, talker.KVHeads, talker.HeadDim = 20, 2, 3, 3, 10
	talker.Experts, talker.ExpertsPerToken, talker.MoEIntermediate, talker.SparseStep = 7, 3, 11, 1
	talker.SharedIntermediate = 13
	predictor := stack
	predictor.Hidden, predictor.Layers, predictor.Heads, predictor.KVHeads, predictor.HeadDim = 20, 1, 2, 1, 10
	predictor.Intermediate = 17
	return &Config{
		Thinker: ThinkerConfig{DecoderConfig: thinker, Vocab: 101, TiedEmbeddings: true, Placeholders: []int32{90, 91, 92}},
		Talker: TalkerConfig{
			DecoderConfig: talker, Vocab: 32 + controlIDs, Projection: 25,
			Predictor: predictor, PredictorVocab: 40, AcceptHidden: 3, Groups: 5,
			CodecPad: 50, CodecBOS: 51, CodecEOS: 52, CodecNoThink: 53, CodecThinkBOS: 54, CodecThinkEOS: 55,
			Voices: map[string]int32{"one": 60},
		},
		Code2Wav: Code2WavConfig{
			CodebookSize: 40, Quantizers: 5, Hidden: 12, Intermediate: 20, Layers: 1, Heads: 3, KVHeads: 1,
			SlidingWindow: 5, Eps: 1e-6, RopeTheta: 1e3, DecoderDim: 12, UpsampleRates: []int{3, 2}, UpsamplingRatios: []int{2},
		},
		IMStart: 80, IMEnd: 81, System: 82, User: 83, Assistant: 84, TTSPad: 85, TTSBOS: 86, TTSEOS: 87,
	}
}

// drawnModel makes a model of random weights and returns these, too.
func drawnModel(t *testing.T, c *Config, seed uint64) (*Model, map[string]stored) {
	t.Helper()
	g, err := ParseGenerationConfig([]byte("{}"), c)
	if err != nil {
		t.Fatal(err)
	}
	r := newRecorder(seed)
	m, err := newModel(c, g, r)
	if err != nil {
		t.Fatal(err)
	}
	return m, r.drawn
}

func randomPrompt(c *Config, seed uint64) []int32 {
	r := rand.New(rand.NewPCG(seed, 5))
	ids := []int32{c.IMStart, c.User, c.Newline}
	for range 12 {
		ids = append(ids, int32(r.IntN(70)))
	}
	return append(append(ids, c.IMEnd, c.Newline), c.AssistantHead()...)
}

// A folder in another shape, spelled as transformers 5 does and cut into
// shards, computes what the weights it was written from compute.
func TestAnyShapeIsLoadedFromShards(t *testing.T) {
	drawn, tensors := drawnModel(t, otherConfig(), 7)
	tensors["thinker.audio_tower.conv1.weight"] = stored{[]int{2, 2}, make([]float32, 4)} // ignored
	dir := t.TempDir()
	writeShards(t, dir, tensors, "F32", 3)
	write(t, dir, "config.json", treeJSON(t, configTree(drawn.Config, true)))
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()

	prompt := randomPrompt(drawn.Config, 1)
	if !slices.Equal(bits(logits(drawn, prompt)), bits(logits(loaded, prompt))) {
		t.Error("the thinkers differ")
	}
	ids, embeds, _ := generate(loaded, prompt, 10)
	if len(ids) != len(prompt)+10 {
		t.Fatalf("%d ids", len(ids))
	}
	run := func(m *Model) speech { return speak(m, wholeInput(t, m, "One", prompt, embeds), 12, 1.1, nil) }
	want, got := run(drawn), run(loaded)
	if got.frames == 0 || !slices.Equal(got.codes, want.codes) || !slices.Equal(bits(got.stepLogits), bits(want.stepLogits)) {
		t.Errorf("the talkers differ: codes %v, want %v", got.codes, want.codes)
	}
	sound, err := loaded.Code2Wav.NewStream().Decode(loaded.Code2Wav.NewScratch(), nil, got.codes)
	if err != nil || len(sound) == 0 {
		t.Errorf("%d samples, error %v", len(sound), err)
	}
}

// Bfloat16 weights are used as they are stored: the numbers are those of the
// same weights, rounded, in float32.
func TestBFloat16WeightsComputeAsTheirFloat32Values(t *testing.T) {
	tensors := readStored(t, loadSetA(t))
	short, long := t.TempDir(), t.TempDir()
	write(t, short, "model.safetensors", encode(t, tensors, "BF16"))
	for name, x := range tensors {
		rounded := make([]float32, len(x.data))
		for i, v := range x.data {
			rounded[i] = math.Float32frombits(uint32(bfloat16(v)) << 16)
		}
		tensors[name] = stored{x.shape, rounded}
	}
	write(t, long, "model.safetensors", encode(t, tensors, "F32"))
	var models []*Model
	for _, dir := range []string{short, long} {
		write(t, dir, "config.json", treeJSON(t, readSetAConfig(t)))
		m, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		models = append(models, m)
	}
	g := openGolden(t)
	prompt, embeds := g.ids("talker.c0.input_ids"), g.floats("talker.c0.thinker_embed")
	if !slices.Equal(bits(logits(models[0], prompt)), bits(logits(models[1], prompt))) {
		t.Error("the thinkers differ")
	}
	var spoken [2]speech
	for i, m := range models {
		spoken[i] = speak(m, wholeInput(t, m, "aiden", prompt, embeds), 10, 1, nil)
	}
	if !slices.Equal(bits(spoken[0].stepLogits), bits(spoken[1].stepLogits)) || !slices.Equal(bits(spoken[0].predictorLogits), bits(spoken[1].predictorLogits)) {
		t.Error("the talkers differ")
	}
	if slices.Equal(bits(logits(models[0], prompt)), bits(logits(loadSetA(t), prompt))) {
		t.Error("rounding the weights changed nothing")
	}
}
