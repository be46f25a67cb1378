package qwen3omni

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// stored is a tensor to be written to a checkpoint.
type stored struct {
	shape []int
	data  []float32
}

// recorder draws random weights and remembers them by name.
type recorder struct {
	randomWeights
	drawn map[string]stored
}

func newRecorder(seed uint64) *recorder {
	r := &recorder{drawn: map[string]stored{}}
	r.seed = seed
	r.adjust = func(name string, data []float32, shape []int) {
		r.drawn[name] = stored{slices.Clone(shape), data}
	}
	return r
}

// readStored reads all tensors of a model folder.
func readStored(t *testing.T, m *Model) map[string]stored {
	t.Helper()
	r := newRecorder(0)
	if _, err := newModel(m.Config, m.Generation, r); err != nil {
		t.Fatal(err)
	}
	for name := range r.drawn {
		x, err := m.checkpoint.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		r.drawn[name] = stored{x.Shape, data}
	}
	return r.drawn
}

// bfloat16 rounds to the nearest, ties to even, as checkpoints are converted.
func bfloat16(v float32) uint16 {
	b := math.Float32bits(v)
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// encode makes a safetensors file.
func encode(t *testing.T, tensors map[string]stored, dtype string) []byte {
	t.Helper()
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		x := tensors[name]
		from := data.Len()
		for _, v := range x.data {
			if dtype == "BF16" {
				binary.Write(&data, binary.LittleEndian, bfloat16(v))
			} else {
				binary.Write(&data, binary.LittleEndian, v)
			}
		}
		header[name] = map[string]any{"dtype": dtype, "shape": x.shape, "data_offsets": []int{from, data.Len()}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, bytes.Repeat([]byte(" "), 7-(len(text)+7)%8)...)
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(file, text...), data.Bytes()...)
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeShards writes tensors to several files and their index.
func writeShards(t *testing.T, dir string, tensors map[string]stored, dtype string, shards int) {
	t.Helper()
	parts := make([]map[string]stored, shards)
	index := map[string]string{}
	file := func(i int) string { return "model-" + string(rune('a'+i)) + ".safetensors" }
	for i, name := range slices.Sorted(maps.Keys(tensors)) {
		at := i % shards
		if parts[at] == nil {
			parts[at] = map[string]stored{}
		}
		parts[at][name] = tensors[name]
		index[name] = file(at)
	}
	for i, part := range parts {
		write(t, dir, file(i), encode(t, part, dtype))
	}
	text, err := json.Marshal(map[string]any{"metadata": map[string]int{"total_size": 0}, "weight_map": index})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "model.safetensors.index.json", text)
}

// readSetAConfig returns setA's config.json as a tree.
func readSetAConfig(t *testing.T) map[string]any {
	t.Helper()
	data, err := os.ReadFile(setA + "/config.json")
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// stackJSON is a stack's configuration as a file has it. Transformers 5 has
// other names for some of it.
func stackJSON(c *DecoderConfig, vocab, intermediate int, v5 bool) map[string]any {
	out := map[string]any{
		"vocab_size": vocab, "hidden_size": c.Hidden, "num_hidden_layers": c.Layers,
		"num_attention_heads": c.Heads, "num_key_value_heads": c.KVHeads,
		"rms_norm_eps": c.Eps, "hidden_act": "silu",
		"max_position_embeddings": c.MaxPositions,
	}
	if intermediate > 0 {
		out["intermediate_size"] = intermediate
	}
	if c.HeadDim*c.Heads != c.Hidden {
		out["head_dim"] = c.HeadDim
	}
	if v5 {
		out["rope_parameters"] = map[string]any{"rope_theta": c.RopeTheta, "rope_type": "default"}
	} else {
		out["rope_theta"] = c.RopeTheta
		out["rope_scaling"] = nil
	}
	if c.Experts == 0 {
		return out
	}
	if v5 {
		out["num_local_experts"] = c.Experts
	} else {
		out["num_experts"] = c.Experts
	}
	out["num_experts_per_tok"] = c.ExpertsPerToken
	out["moe_intermediate_size"] = c.MoEIntermediate
	out["norm_topk_prob"] = c.NormTopK
	out["decoder_sparse_step"] = c.SparseStep
	if c.DenseLayers != nil {
		out["mlp_only_layers"] = c.DenseLayers
	}
	if c.SharedIntermediate > 0 {
		out["shared_expert_intermediate_size"] = c.SharedIntermediate
	}
	return out
}

// configTree writes a configuration as a file's tree.
func configTree(c *Config, v5 bool) map[string]any {
	text := stackJSON(&c.Thinker.DecoderConfig, c.Thinker.Vocab, c.Thinker.Intermediate, v5)
	text["tie_word_embeddings"] = c.Thinker.TiedEmbeddings
	thinker := map[string]any{"text_config": text}
	for i, name := range []string{"audio_token_id", "image_token_id", "video_token_id"} {
		if i < len(c.Thinker.Placeholders) {
			thinker[name] = c.Thinker.Placeholders[i]
		}
	}
	predictor := stackJSON(&c.Talker.Predictor, c.Talker.PredictorVocab, c.Talker.Predictor.Intermediate, v5)
	predictor["num_code_groups"] = c.Talker.Groups
	w := &c.Code2Wav
	code2wav := map[string]any{
		"codebook_size": w.CodebookSize, "num_quantizers": w.Quantizers, "hidden_size": w.Hidden,
		"intermediate_size": w.Intermediate, "num_hidden_layers": w.Layers, "num_attention_heads": w.Heads,
		"num_key_value_heads": w.KVHeads, "sliding_window": w.SlidingWindow, "rms_norm_eps": w.Eps,
		"rope_theta": w.RopeTheta, "decoder_dim": w.DecoderDim, "upsample_rates": w.UpsampleRates,
		"upsampling_ratios": w.UpsamplingRatios,
	}
	return map[string]any{
		"architectures":  []string{architecture},
		"thinker_config": thinker,
		"talker_config": map[string]any{
			"text_config":           stackJSON(&c.Talker.DecoderConfig, c.Talker.Vocab, c.Talker.Projection, v5),
			"code_predictor_config": predictor,
			"num_code_groups":       c.Talker.Groups,
			"thinker_hidden_size":   c.Thinker.Hidden,
			"accept_hidden_layer":   c.Talker.AcceptHidden,
			"codec_pad_id":          c.Talker.CodecPad,
			"codec_bos_id":          c.Talker.CodecBOS,
			"codec_eos_token_id":    c.Talker.CodecEOS,
			"codec_nothink_id":      c.Talker.CodecNoThink,
			"codec_think_bos_id":    c.Talker.CodecThinkBOS,
			"codec_think_eos_id":    c.Talker.CodecThinkEOS,
			"speaker_id":            c.Talker.Voices,
		},
		"code2wav_config":    code2wav,
		"im_start_token_id":  c.IMStart,
		"im_end_token_id":    c.IMEnd,
		"system_token_id":    c.System,
		"user_token_id":      c.User,
		"assistant_token_id": c.Assistant,
		"tts_pad_token_id":   c.TTSPad,
		"tts_bos_token_id":   c.TTSBOS,
		"tts_eos_token_id":   c.TTSEOS,
	}
}

func treeJSON(t *testing.T, tree map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var _ weights = (*recorder)(nil)

// logits runs a whole sequence through the thinker and returns all scores.
func logits(m *Model, ids []int32) []float32 {
	th, d := m.Thinker, m.Thinker.Decoder()
	x := make([]float32, len(ids)*d.Hidden())
	th.Embed(x, ids)
	d.Forward(d.NewScratch(), x, []Segment{{Rows: len(ids), Blocks: []int32{0}}}, d.NewKVCache(1, len(ids)))
	out := make([]float32, len(ids)*th.Vocab())
	th.Logits(out, x, len(ids))
	return out
}
