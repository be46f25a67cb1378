// Package qwen3omni runs Qwen3-Omni-MoE from a Hugging Face model folder, in
// float32 on the CPU: the thinker, which writes text, the talker with its code
// predictor, which turns the text's embeddings into codec frames, and code2wav,
// which turns frames into sound. All names of tensors and configuration fields
// are those of the published checkpoints.
package qwen3omni

import (
	"maps"
	"slices"
)

// Config is a model's config.json, as far as the forward passes need it.
type Config struct {
	Thinker  ThinkerConfig
	Talker   TalkerConfig
	Code2Wav Code2WavConfig

	// Ids of the thinker's vocabulary.
	IMStart, IMEnd          int32 // im_start_token_id, im_end_token_id: around each message
	System, User, Assistant int32 // system_token_id ...: the role, which follows IMStart
	TTSPad, TTSBOS, TTSEOS  int32 // tts_pad_token_id ...: marks in the talker's text
	// Newline is the id of "\n", which ends a message's head. The file does not
	// hold it: ParseConfig sets 198, where the tokenizers of all Qwen models have
	// it, or 0 in a vocabulary that is smaller. A tokenizer that differs must set
	// it.
	Newline int32
}

// DecoderConfig describes one transformer stack.
type DecoderConfig struct {
	Hidden    int     // hidden_size
	Layers    int     // num_hidden_layers
	Heads     int     // num_attention_heads
	KVHeads   int     // num_key_value_heads
	HeadDim   int     // head_dim, or Hidden/Heads
	Eps       float32 // rms_norm_eps
	RopeTheta float64 // rope_theta
	// MaxPositions is max_position_embeddings: the longest sequence that the
	// model was made for. It is 32768 where the file is silent.
	MaxPositions int

	Intermediate int // intermediate_size: inner width of a dense layer's MLP

	// A stack with experts has a mixture of them in each layer l, except where l
	// is in DenseLayers or l+1 is no multiple of SparseStep.
	Experts            int   // num_experts; 0 for none
	ExpertsPerToken    int   // num_experts_per_tok
	MoEIntermediate    int   // moe_intermediate_size: inner width of an expert
	SharedIntermediate int   // shared_expert_intermediate_size; 0 for no shared expert
	NormTopK           bool  // norm_topk_prob: chosen experts' weights sum to one
	SparseStep         int   // decoder_sparse_step
	DenseLayers        []int // mlp_only_layers
}

// dense says whether a layer has one MLP rather than experts.
func (c *DecoderConfig) dense(layer int) bool {
	return c.Experts == 0 || (layer+1)%c.SparseStep != 0 || slices.Contains(c.DenseLayers, layer)
}

// ExpertLayers is the number of layers that have experts.
func (c *DecoderConfig) ExpertLayers() int {
	n := 0
	for layer := range c.Layers {
		if !c.dense(layer) {
			n++
		}
	}
	return n
}

// ThinkerConfig is the thinker_config of config.json.
type ThinkerConfig struct {
	DecoderConfig
	Vocab          int
	TiedEmbeddings bool // tie_word_embeddings: the head is the embedding table
	// Placeholders are the ids that stand for audio, image and video input.
	Placeholders []int32
}

// TalkerConfig is the talker_config of config.json.
type TalkerConfig struct {
	DecoderConfig
	Vocab          int // codec ids: codes, then control ids and speakers
	Projection     int // text_config.intermediate_size: inner width of the two projections
	Predictor      DecoderConfig
	PredictorVocab int // code_predictor_config.vocab_size: codes of one residual group
	AcceptHidden   int // accept_hidden_layer: the thinker layer whose states stand for multimodal input
	Groups         int // num_code_groups: codes of one frame

	// Ids of the talker's vocabulary.
	CodecPad, CodecBOS, CodecEOS               int32
	CodecNoThink, CodecThinkBOS, CodecThinkEOS int32
	// Voices are the ids of the speakers, by name in lower case.
	Voices map[string]int32
}

// Code2WavConfig is the code2wav_config of config.json.
type Code2WavConfig struct {
	CodebookSize     int     // codebook_size: codes of one quantizer
	Quantizers       int     // num_quantizers: codes of one frame
	Hidden           int     // hidden_size
	Intermediate     int     // intermediate_size: inner width of the transformer's MLP
	Layers           int     // num_hidden_layers
	Heads            int     // num_attention_heads; a head has Hidden/Heads elements
	KVHeads          int     // num_key_value_heads
	SlidingWindow    int     // sliding_window: keys that a query sees, itself included
	Eps              float32 // rms_norm_eps
	RopeTheta        float64 // rope_theta
	DecoderDim       int     // decoder_dim: channels behind the first convolution; halved by each upsample rate
	UpsampleRates    []int   // upsample_rates: strides of the decoder's transposed convolutions
	UpsamplingRatios []int   // upsampling_ratios: strides of the ConvNeXt stages before it
}

// CodecEOS is the talker's id for the end of speech.
func (c *Config) CodecEOS() int32 { return c.Talker.CodecEOS }

// DefaultVoice is the speaker of requests that name none: Ethan, as in the
// reference, or the first one of a model without him.
func (c *Config) DefaultVoice() string {
	const usual = "ethan"
	if _, ok := c.Talker.Voices[usual]; ok {
		return usual
	}
	return c.Voices()[0]
}

// Voices lists the speakers' names, sorted.
func (c *Config) Voices() []string { return slices.Sorted(maps.Keys(c.Talker.Voices)) }

// AssistantHead returns the ids that open an assistant message.
func (c *Config) AssistantHead() []int32 { return []int32{c.IMStart, c.Assistant, c.Newline} }
