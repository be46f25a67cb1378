package qwen3omni

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	configFile   = "config.json"
	architecture = "Qwen3OmniMoeForConditionalGeneration"

	// controlIDs is how many ids at the end of the talker's vocabulary are no
	// codes. The number is part of the architecture, not of the configuration.
	controlIDs = 1024
	// newlineID is "\n" in the vocabulary that all Qwen tokenizers share.
	newlineID = 198
)

// LoadConfig reads the config.json of a model folder.
func LoadConfig(dir string) (*Config, error) {
	data, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	return ParseConfig(data)
}

// ParseConfig reads a config.json as transformers 4 or 5 writes it. It refuses
// what the forward passes do not implement; errors name the field.
func ParseConfig(data []byte) (*Config, error) {
	f := parseFields(configFile, data)
	checkArchitecture(f)
	c := &Config{}
	thinker := f.object("thinker_config")
	c.Thinker = parseThinker(thinker)
	talker := f.object("talker_config")
	c.Talker = parseTalker(talker, &c.Thinker)
	code2wav := f.object("code2wav_config")
	c.Code2Wav = parseCode2Wav(code2wav)

	c.IMStart = f.id("im_start_token_id", c.Thinker.Vocab)
	c.IMEnd = f.id("im_end_token_id", c.Thinker.Vocab)
	c.System = f.id("system_token_id", c.Thinker.Vocab)
	c.User = f.id("user_token_id", c.Thinker.Vocab)
	c.Assistant = f.id("assistant_token_id", c.Thinker.Vocab)
	c.TTSPad = f.id("tts_pad_token_id", c.Thinker.Vocab)
	c.TTSBOS = f.id("tts_bos_token_id", c.Thinker.Vocab)
	c.TTSEOS = f.id("tts_eos_token_id", c.Thinker.Vocab)
	if c.Thinker.Vocab > newlineID {
		c.Newline = newlineID
	}
	if !f.flag("enable_audio_output", true) {
		f.fail("enable_audio_output", "must be true: the embedded engine runs models that speak")
	}

	// Where a frame's codes go from one part to the next, the parts must agree.
	if n := c.Talker.Groups; c.Code2Wav.Quantizers != n {
		code2wav.fail("num_quantizers", "is %d, talker_config.num_code_groups %d; they must be equal", c.Code2Wav.Quantizers, n)
	}
	if n := c.Code2Wav.CodebookSize; c.Talker.PredictorVocab != n {
		code2wav.fail("codebook_size", "is %d, talker_config.code_predictor_config.vocab_size %d; they must be equal", n, c.Talker.PredictorVocab)
	} else if c.Talker.Vocab-controlIDs > n {
		code2wav.fail("codebook_size", "is %d, the talker has %d codes", n, c.Talker.Vocab-controlIDs)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func checkArchitecture(f fields) {
	var names []string
	f.read("architectures", &names, "a list of strings")
	if !slices.Contains(names, architecture) {
		f.fail("architectures", "%s is not supported; Limelight's embedded engine runs %s", strings.Join(names, ", "), architecture)
	}
}

func parseThinker(f fields) ThinkerConfig {
	text := f.object("text_config")
	c := ThinkerConfig{DecoderConfig: parseDecoder(text), Vocab: text.positive("vocab_size")}
	c.TiedEmbeddings = text.flag("tie_word_embeddings", f.flag("tie_word_embeddings", false))
	parseExperts(text, &c.DecoderConfig, true)
	c.SparseStep = text.optional("decoder_sparse_step", 1)
	text.bound("decoder_sparse_step", c.SparseStep, 1)
	if text.has("mlp_only_layers") {
		text.read("mlp_only_layers", &c.DenseLayers, "a list of whole numbers")
	}
	if text.err() == nil {
		for layer := range c.Layers {
			if c.dense(layer) {
				c.Intermediate = text.positive("intermediate_size")
				break
			}
		}
	}
	for _, name := range []string{"audio_token_id", "image_token_id", "video_token_id"} {
		if f.has(name) {
			c.Placeholders = append(c.Placeholders, f.id(name, c.Vocab))
		}
	}
	return c
}

func parseTalker(f fields, thinker *ThinkerConfig) TalkerConfig {
	text := f.object("text_config")
	c := TalkerConfig{
		DecoderConfig: parseDecoder(text),
		Vocab:         text.positive("vocab_size"),
		Projection:    text.positive("intermediate_size"),
		Groups:        f.positive("num_code_groups"),
		AcceptHidden:  f.optional("accept_hidden_layer", 0),
	}
	parseExperts(text, &c.DecoderConfig, false)
	c.SparseStep = 1 // every layer of the talker has experts, whatever the file says
	text.bound("num_experts", c.Experts, 1)
	c.SharedIntermediate = text.positive("shared_expert_intermediate_size")
	if c.Vocab <= controlIDs {
		text.fail("vocab_size", "must be more than %d: that many ids are no codes", controlIDs)
	}
	if n := f.positive("thinker_hidden_size"); n != thinker.Hidden {
		f.fail("thinker_hidden_size", "is %d, the thinker's hidden_size %d; they must be equal", n, thinker.Hidden)
	}
	if c.AcceptHidden > thinker.Layers {
		f.fail("accept_hidden_layer", "%d is not one of the thinker's %d layers", c.AcceptHidden, thinker.Layers)
	}

	p := f.object("code_predictor_config")
	c.Predictor = parseDecoder(p)
	c.PredictorVocab = p.positive("vocab_size")
	c.Predictor.Intermediate = p.positive("intermediate_size")
	if c.Predictor.Hidden != c.Hidden {
		p.fail("hidden_size", "is %d, the talker's %d; they must be equal", c.Predictor.Hidden, c.Hidden)
	}
	if n := p.positive("num_code_groups"); n != c.Groups {
		p.fail("num_code_groups", "is %d, talker_config.num_code_groups %d; they must be equal", n, c.Groups)
	}
	f.bound("num_code_groups", c.Groups, 2)

	c.CodecPad = f.id("codec_pad_id", c.Vocab)
	c.CodecBOS = f.id("codec_bos_id", c.Vocab)
	c.CodecEOS = f.id("codec_eos_token_id", c.Vocab)
	c.CodecNoThink = f.id("codec_nothink_id", c.Vocab)
	c.CodecThinkBOS = f.id("codec_think_bos_id", c.Vocab)
	c.CodecThinkEOS = f.id("codec_think_eos_id", c.Vocab)
	voices := f.object("speaker_id")
	c.Voices = make(map[string]int32, len(voices.members))
	for name := range voices.members {
		c.Voices[strings.ToLower(name)] = voices.id(name, c.Vocab)
	}
	if len(c.Voices) == 0 {
		f.fail("speaker_id", "must not be empty")
	}
	return c
}

func parseCode2Wav(f fields) Code2WavConfig {
	c := Code2WavConfig{
		CodebookSize:     f.positive("codebook_size"),
		Quantizers:       f.positive("num_quantizers"),
		Hidden:           f.positive("hidden_size"),
		Intermediate:     f.positive("intermediate_size"),
		Layers:           f.layers("num_hidden_layers"),
		Heads:            f.positive("num_attention_heads"),
		KVHeads:          f.positive("num_key_value_heads"),
		SlidingWindow:    f.positive("sliding_window"),
		Eps:              float32(f.float("rms_norm_eps")),
		RopeTheta:        parseRope(f),
		DecoderDim:       f.positive("decoder_dim"),
		UpsampleRates:    f.positives("upsample_rates"),
		UpsamplingRatios: f.positives("upsampling_ratios"),
	}
	checkActivation(f)
	if c.Heads > 0 {
		if c.Hidden%c.Heads != 0 {
			f.fail("hidden_size", "%d is not a multiple of num_attention_heads %d", c.Hidden, c.Heads)
		}
		checkHeads(f, c.Heads, c.KVHeads, c.Hidden/c.Heads)
	}
	if n := len(c.UpsampleRates); n >= 24 || c.DecoderDim%(1<<n) != 0 {
		f.fail("decoder_dim", "%d cannot be halved %d times, once for each of upsample_rates", c.DecoderDim, n)
	}
	return c
}
