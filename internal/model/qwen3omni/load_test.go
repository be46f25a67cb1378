package qwen3omni

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestLoadErrorsNameFolderFileAndTensor(t *testing.T) {
	tensors := readStored(t, loadSetA(t))
	whole, err := os.ReadFile(setA + "/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	without := func(name string) []byte {
		kept := map[string]stored{}
		for n, x := range tensors {
			if n != name {
				kept[n] = x
			}
		}
		return encode(t, kept, "F32")
	}
	reshaped := func(name string, shape ...int) []byte {
		changed := map[string]stored{}
		for n, x := range tensors {
			if n == name {
				x.shape = shape
			}
			changed[n] = x
		}
		return encode(t, changed, "F32")
	}
	for _, c := range []struct {
		name    string
		weights []byte
		want    string
	}{
		{"a missing matrix of the thinker", without("thinker.lm_head.weight"), "model.safetensors: thinker.lm_head.weight: is missing"},
		{"a missing expert", without("thinker.model.layers.3.mlp.experts.7.up_proj.weight"), "model.safetensors: thinker.model.layers.3.mlp.experts.7.up_proj.weight: is missing"},
		{"a missing norm of the talker", without("talker.model.norm.weight"), "model.safetensors: talker.model.norm.weight: is missing"},
		{"a missing head of the code predictor", without("talker.code_predictor.lm_head.14.weight"), "model.safetensors: talker.code_predictor.lm_head.14.weight: is missing"},
		{"a missing projection", without("talker.hidden_projection.linear_fc2.bias"), "model.safetensors: talker.hidden_projection.linear_fc2.bias: is missing"},
		{"a missing tensor of code2wav", without("code2wav.decoder.6.conv.bias"), "model.safetensors: code2wav.decoder.6.conv.bias: is missing"},
		{"a transposed matrix", reshaped("talker.codec_head.weight", 48, 1088), "model.safetensors: talker.codec_head.weight: shape is [48 1088], must be [1088 48]"},
		{"a flattened matrix", reshaped("thinker.model.layers.0.self_attn.q_proj.weight", 96*64), "model.safetensors: thinker.model.layers.0.self_attn.q_proj.weight: shape is [6144], must be [96 64]"},
		{"a norm that is too long", reshaped("thinker.model.norm.weight", 2, 32), "model.safetensors: thinker.model.norm.weight: shape is [2 32], must be [64]"},
		{"a file cut short", whole[:len(whole)-1], "is it truncated?"},
		{"a file cut in its header", whole[:1000], "is longer than the file; is it truncated?"},
		{"an empty file", nil, "model.safetensors: 0 bytes are too few for a safetensors file"},
		{"integers for floats", []byte(strings.Replace(string(whole), `"talker.model.norm.weight":{"dtype":"F32"`, `"talker.model.norm.weight":{"dtype":"U32"`, 1)), "model.safetensors: talker.model.norm.weight: dtype is U32, must be F32 or BF16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "config.json", treeJSON(t, readSetAConfig(t)))
			write(t, dir, "model.safetensors", c.weights)
			_, err := Load(dir)
			if err == nil || !strings.HasPrefix(err.Error(), "model "+dir+": model.safetensors: ") || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("error %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestLoadErrorsOfAFolderThatLacksFiles(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "model "+dir+": config.json: ") {
		t.Errorf("without a configuration: %v", err)
	}
	write(t, dir, "config.json", treeJSON(t, readSetAConfig(t)))
	want := "model " + dir + ": neither model.safetensors nor model.safetensors.index.json: file does not exist"
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) || err.Error() != want {
		t.Errorf("without weights: %v, want %s", err, want)
	}
	write(t, dir, "generation_config.json", []byte("{"))
	want = "model " + dir + ": generation_config.json: unexpected end of JSON input"
	if _, err := Load(dir); err == nil || err.Error() != want {
		t.Errorf("with half a generation_config.json: %v, want %s", err, want)
	}
}
