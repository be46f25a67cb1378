package qwen3omni

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// at returns the object at a path of a configuration's tree.
func at(tree map[string]any, path ...string) map[string]any {
	for _, name := range path {
		tree = tree[name].(map[string]any)
	}
	return tree
}

func TestConfigSpellingsOfTransformers4And5AreTheSame(t *testing.T) {
	want := otherConfig()
	for _, v5 := range []bool{false, true} {
		got, err := ParseConfig(treeJSON(t, configTree(want, v5)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("v5 %v (-want +got):\n%s", v5, diff)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	tree := readSetAConfig(t)
	thinker := at(tree, "thinker_config", "text_config")
	for _, name := range []string{"head_dim", "norm_topk_prob", "decoder_sparse_step", "mlp_only_layers", "tie_word_embeddings", "max_position_embeddings", "hidden_act", "intermediate_size"} {
		delete(thinker, name)
	}
	at(tree, "thinker_config")["tie_word_embeddings"] = true
	talker := at(tree, "talker_config", "text_config")
	delete(talker, "norm_topk_prob")
	talker["mlp_only_layers"] = []int{0} // of no effect in the talker
	at(tree, "talker_config")["speaker_id"] = map[string]int{"Zoe": 300, "Abe": 301}
	c, err := ParseConfig(treeJSON(t, tree))
	if err != nil {
		t.Fatal(err)
	}
	th := c.Thinker
	if th.HeadDim != 16 || !th.NormTopK || th.SparseStep != 1 || th.DenseLayers != nil || !th.TiedEmbeddings || th.MaxPositions != 32768 {
		t.Errorf("thinker %+v", th)
	}
	if c.Talker.NormTopK || c.Talker.dense(0) {
		t.Errorf("talker %+v", c.Talker)
	}
	if want := []string{"abe", "zoe"}; !slices.Equal(c.Voices(), want) {
		t.Errorf("voices %v, want %v", c.Voices(), want)
	}
	if want := []int32{300, 22, 198}; !slices.Equal(c.AssistantHead(), want) {
		t.Errorf("assistant head %v, want %v", c.AssistantHead(), want)
	}
}

func TestDenseLayersAreThoseListedAndThoseOffTheStep(t *testing.T) {
	c := DecoderConfig{Experts: 4, SparseStep: 2, DenseLayers: []int{3}}
	var dense []int
	for layer := range 6 {
		if c.dense(layer) {
			dense = append(dense, layer)
		}
	}
	if want := []int{0, 2, 3, 4}; !slices.Equal(dense, want) {
		t.Errorf("dense layers %v, want %v", dense, want)
	}
}

func TestConfigErrorsNameTheField(t *testing.T) {
	set := func(value any, path ...string) func(map[string]any) {
		return func(tree map[string]any) {
			last := len(path) - 1
			at(tree, path[:last]...)[path[last]] = value
		}
	}
	remove := func(path ...string) func(map[string]any) {
		return func(tree map[string]any) {
			last := len(path) - 1
			delete(at(tree, path[:last]...), path[last])
		}
	}
	const thinker, talker, text, predictor, wav = "thinker_config", "talker_config", "text_config", "code_predictor_config", "code2wav_config"
	for _, c := range []struct {
		change func(map[string]any)
		want   string
	}{
		{set([]string{"LlamaForCausalLM"}, "architectures"), "architectures: LlamaForCausalLM is not supported; Limelight's embedded engine runs Qwen3OmniMoeForConditionalGeneration"},
		{remove("architectures"), "architectures: is missing"},
		{set(false, "enable_audio_output"), "enable_audio_output: must be true: the embedded engine runs models that speak"},
		{remove(thinker), "thinker_config: is missing"},
		{set(3, thinker), "thinker_config: must be an object"},
		{remove(talker, text, "hidden_size"), "talker_config.text_config.hidden_size: is missing"},
		{set(nil, talker, text, "hidden_size"), "talker_config.text_config.hidden_size: is missing"},
		{set(0, talker, text, "hidden_size"), "talker_config.text_config.hidden_size: must be positive"},
		{set(-64, thinker, text, "hidden_size"), "thinker_config.text_config.hidden_size: must be positive"},
		{set("64", thinker, text, "hidden_size"), "thinker_config.text_config.hidden_size: must be a whole number"},
		{set(64.5, thinker, text, "hidden_size"), "thinker_config.text_config.hidden_size: must be a whole number"},
		{set(1<<25, thinker, text, "vocab_size"), "thinker_config.text_config.vocab_size: must be at most 16777216"},
		{set(5000, thinker, text, "num_hidden_layers"), "thinker_config.text_config.num_hidden_layers: must be at most 4096"},
		{set(3, thinker, text, "num_key_value_heads"), "thinker_config.text_config.num_key_value_heads: 3 does not divide num_attention_heads 4"},
		{set(7, thinker, text, "head_dim"), "thinker_config.text_config.head_dim: 7 is odd"},
		{func(tree map[string]any) {
			delete(at(tree, talker, text), "head_dim")
			at(tree, talker, text)["num_attention_heads"] = 5
		}, "talker_config.text_config.head_dim: is missing, and hidden_size 48 is not a multiple of num_attention_heads 5"},
		{remove(thinker, text, "num_experts"), "thinker_config.text_config.num_experts: is missing"},
		{set(9, thinker, text, "num_experts_per_tok"), "thinker_config.text_config.num_experts_per_tok: 9 is more than the 8 experts"},
		{set(0, talker, text, "num_experts"), "talker_config.text_config.num_experts: must be positive"},
		{set(0, thinker, text, "decoder_sparse_step"), "thinker_config.text_config.decoder_sparse_step: must be positive"},
		{func(tree map[string]any) {
			at(tree, thinker, text)["mlp_only_layers"] = []int{1}
			delete(at(tree, thinker, text), "intermediate_size")
		}, "thinker_config.text_config.intermediate_size: is missing"},
		{remove(thinker, text, "rope_theta"), "thinker_config.text_config.rope_theta: is missing"},
		{set(-1, talker, text, "rope_theta"), "talker_config.text_config.rope_theta: must be positive"},
		{set("yarn", thinker, text, "rope_scaling", "rope_type"), `thinker_config.text_config.rope_scaling.rope_type: "yarn" is not supported`},
		{set("gelu", talker, predictor, "hidden_act"), `talker_config.code_predictor_config.hidden_act: "gelu" is not supported`},
		{set(true, thinker, text, "attention_bias"), "thinker_config.text_config.attention_bias: true is not supported"},
		{set(true, thinker, text, "use_sliding_window"), "thinker_config.text_config.use_sliding_window: true is not supported"},
		{set([]string{"sliding_attention"}, talker, predictor, "layer_types"), "talker_config.code_predictor_config.layer_types: only full_attention is supported"},
		{set("yes", thinker, text, "norm_topk_prob"), "thinker_config.text_config.norm_topk_prob: must be true or false"},
		{set(1024, talker, text, "vocab_size"), "talker_config.text_config.vocab_size: must be more than 1024: that many ids are no codes"},
		{set(32, talker, "thinker_hidden_size"), "talker_config.thinker_hidden_size: is 32, the thinker's hidden_size 64; they must be equal"},
		{set(5, talker, "accept_hidden_layer"), "talker_config.accept_hidden_layer: 5 is not one of the thinker's 4 layers"},
		{set(32, talker, predictor, "hidden_size"), "talker_config.code_predictor_config.hidden_size: is 32, the talker's 48; they must be equal"},
		{set(8, talker, predictor, "num_code_groups"), "talker_config.code_predictor_config.num_code_groups: is 8, talker_config.num_code_groups 16; they must be equal"},
		{set(8, wav, "num_quantizers"), "code2wav_config.num_quantizers: is 8, talker_config.num_code_groups 16; they must be equal"},
		{set(63, wav, "codebook_size"), "code2wav_config.codebook_size: is 63, talker_config.code_predictor_config.vocab_size 64; they must be equal"},
		{set(1089, talker, text, "vocab_size"), "code2wav_config.codebook_size: is 64, the talker has 65 codes"},
		{set(1088, talker, "codec_eos_token_id"), "talker_config.codec_eos_token_id: 1088 is not in the vocabulary of 1088"},
		{set(map[string]int{}, talker, "speaker_id"), "talker_config.speaker_id: must not be empty"},
		{set(-1, talker, "speaker_id", "ethan"), "talker_config.speaker_id.ethan: -1 is not in the vocabulary of 1088"},
		{set(320, "im_end_token_id"), "im_end_token_id: 320 is not in the vocabulary of 320"},
		{remove("tts_pad_token_id"), "tts_pad_token_id: is missing"},
		{set([]int{}, wav, "upsample_rates"), "code2wav_config.upsample_rates: must not be empty"},
		{set([]int{8, 0}, wav, "upsample_rates"), "code2wav_config.upsample_rates: must be positive"},
		{set(40, wav, "decoder_dim"), "code2wav_config.decoder_dim: 40 cannot be halved 4 times, once for each of upsample_rates"},
		{set(30, wav, "hidden_size"), "code2wav_config.hidden_size: 30 is not a multiple of num_attention_heads 4"},
	} {
		tree := readSetAConfig(t)
		c.change(tree)
		_, err := ParseConfig(treeJSON(t, tree))
		if err == nil || err.Error() != "config.json: "+c.want {
			t.Errorf("got  %v\nwant config.json: %s", err, c.want)
		}
	}
}

func TestConfigThatIsNoObjectIsAnError(t *testing.T) {
	for text, want := range map[string]string{
		"":           "config.json: unexpected end of JSON input",
		"null":       "config.json: must be an object",
		`{"a": 1`:    "config.json: unexpected end of JSON input",
		`["a", "b"]`: "config.json: json: cannot unmarshal array into Go value of type map[string]json.RawMessage",
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	data, err := os.ReadFile(setA + "/config.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(strings.Replace(string(data), "16", "0", 3)))
	f.Add([]byte(`{"architectures":["Qwen3OmniMoeForConditionalGeneration"],"thinker_config":{"text_config":{}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "config.json: ") {
				t.Errorf("error %q does not name the file", err)
			}
			return
		}
		if c.Thinker.Heads%c.Thinker.KVHeads != 0 || int(c.CodecEOS()) >= c.Talker.Vocab {
			t.Errorf("accepted %+v", c)
		}
	})
}
