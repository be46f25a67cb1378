package qwen3omni

// Tiny makes the model limelight-tiny: the whole architecture at a size that
// speaks many times faster than real time on one core, with random weights
// from a fixed seed, so that it needs no file. Its text is a string of common
// words without sense and its speech is noise, but both end by themselves, as a
// trained model's do: a reply has typically 15 to 60 tokens, and speech goes on
// for about a second after the text's end. TinyVocabulary lists its tokens.
func Tiny() *Model {
	c := tinyConfig()
	sampling := SamplingConfig{DoSample: true, Temperature: 1, TopP: 1, RepetitionPenalty: 1}
	g := &GenerationConfig{Thinker: sampling, Talker: sampling, EOS: []int32{c.IMEnd}}
	g.Thinker.MaxNewTokens = 60
	g.Talker.MaxNewTokens = 151
	m, err := newModel(c, g, &randomWeights{seed: tinySeed, adjust: tinyAdjustment(c)})
	if err != nil {
		panic("BUG: the tiny model: " + err.Error())
	}
	return m
}

const tinySeed = 1

func tinyConfig() *Config {
	const codes = 64
	pieces := int32(len(TinyVocabulary()))
	stack := DecoderConfig{
		Hidden: 32, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 8,
		Eps: 1e-6, RopeTheta: 1e6, MaxPositions: 4096,
	}
	experts := stack
	experts.Experts, experts.ExpertsPerToken, experts.MoEIntermediate = 4, 2, 32
	experts.NormTopK, experts.SparseStep = true, 1
	talker, predictor := experts, stack
	talker.SharedIntermediate = 32
	predictor.Intermediate = 48
	return &Config{
		Thinker: ThinkerConfig{
			DecoderConfig: experts,
			Vocab:         int(pieces) + 11,
			Placeholders:  []int32{pieces + 8, pieces + 9, pieces + 10},
		},
		Talker: TalkerConfig{
			DecoderConfig:  talker,
			Vocab:          codes + controlIDs,
			Projection:     32,
			Predictor:      predictor,
			PredictorVocab: codes,
			AcceptHidden:   1,
			Groups:         16,
			CodecPad:       codes + 100,
			CodecBOS:       codes + 101,
			CodecEOS:       codes + 102,
			CodecNoThink:   codes + 107,
			CodecThinkBOS:  codes + 108,
			CodecThinkEOS:  codes + 109,
			Voices:         map[string]int32{"chelsie": codes + 253, "ethan": codes + 254, "aiden": codes + 255},
		},
		Code2Wav: Code2WavConfig{
			CodebookSize: codes, Quantizers: 16,
			Hidden: 32, Intermediate: 48, Layers: 2, Heads: 4, KVHeads: 4,
			SlidingWindow: 12, Eps: 1e-5, RopeTheta: 1e4,
			DecoderDim: 32, UpsampleRates: []int{8, 5, 4, 3}, UpsamplingRatios: []int{2, 2},
		},
		IMStart:   pieces,
		IMEnd:     pieces + 1,
		TTSPad:    pieces + 2,
		TTSBOS:    pieces + 3,
		TTSEOS:    pieces + 4,
		System:    pieces + 5,
		User:      pieces + 6,
		Assistant: pieces + 7,
		Newline:   0,
	}
}
