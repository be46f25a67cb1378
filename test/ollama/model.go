package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// The shapes of the model: Qwen3's architecture, as small as it stays one.
const (
	layers  = 2
	hidden  = 64
	heads   = 4
	kvHeads = 2
	headDim = 16
	ffn     = 128
	context = 512 // tokens
)

// Types of tokens in tokenizer.ggml.token_type.
const (
	tokenNormal  = 1
	tokenControl = 3
)

// vocabulary is the model's tokens and their types: the printable characters of
// ASCII and the line feed in the spelling of byte-level BPE, so that whatever the
// weights choose is text; one merged pair; and Qwen's control tokens, of which
// <|im_end|> ends a reply.
func vocabulary() (tokens []string, types []int32, end uint32) {
	for c := '!'; c <= '~'; c++ {
		tokens = append(tokens, string(c))
	}
	tokens = append(tokens, "Ġ", "Ċ", "th") // the space and the line feed
	for range tokens {
		types = append(types, tokenNormal)
	}
	for _, control := range []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"} {
		end = uint32(len(tokens))
		tokens, types = append(tokens, control), append(types, tokenControl)
	}
	return tokens, types, end
}

// header describes the model and its tokenizer.
func header() []pair {
	tokens, types, end := vocabulary()
	return []pair{
		{"general.architecture", "qwen3"},
		{"general.name", "random-qwen3"},
		{"general.file_type", uint32(1)}, // mostly float16
		{"qwen3.block_count", uint32(layers)},
		{"qwen3.context_length", uint32(context)},
		{"qwen3.embedding_length", uint32(hidden)},
		{"qwen3.feed_forward_length", uint32(ffn)},
		{"qwen3.attention.head_count", uint32(heads)},
		{"qwen3.attention.head_count_kv", uint32(kvHeads)},
		{"qwen3.attention.key_length", uint32(headDim)},
		{"qwen3.attention.value_length", uint32(headDim)},
		{"qwen3.attention.layer_norm_rms_epsilon", float32(1e-6)},
		{"qwen3.rope.freq_base", float32(1e6)},
		{"tokenizer.ggml.model", "gpt2"},
		{"tokenizer.ggml.pre", "qwen2"},
		{"tokenizer.ggml.tokens", tokens},
		{"tokenizer.ggml.token_type", types},
		{"tokenizer.ggml.merges", []string{"t h"}},
		{"tokenizer.ggml.add_bos_token", false},
		{"tokenizer.ggml.bos_token_id", end - 2},
		{"tokenizer.ggml.eos_token_id", end},
	}
}

// weights are the model's tensors: matrices of float16, normally distributed with
// a variance of one over their inputs, and norms of float32 ones.
func weights(rng *rand.Rand) []tensor {
	tokens, _, _ := vocabulary()
	vocab := uint64(len(tokens))
	matrix := func(name string, in, out uint64) tensor {
		data := make([]byte, 0, 2*in*out)
		for range in * out {
			data = binary.LittleEndian.AppendUint16(data, float16(float32(rng.NormFloat64()/math.Sqrt(float64(in)))))
		}
		return tensor{name + ".weight", []uint64{in, out}, ggmlF16, data}
	}
	norm := func(name string, size uint64) tensor {
		var data []byte
		for range size {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(1))
		}
		return tensor{name + ".weight", []uint64{size}, ggmlF32, data}
	}
	all := []tensor{matrix("token_embd", hidden, vocab)}
	for i := range layers {
		block := fmt.Sprintf("blk.%d.", i)
		all = append(all,
			norm(block+"attn_norm", hidden),
			matrix(block+"attn_q", hidden, heads*headDim),
			matrix(block+"attn_k", hidden, kvHeads*headDim),
			matrix(block+"attn_v", hidden, kvHeads*headDim),
			norm(block+"attn_q_norm", headDim),
			norm(block+"attn_k_norm", headDim),
			matrix(block+"attn_output", heads*headDim, hidden),
			norm(block+"ffn_norm", hidden),
			matrix(block+"ffn_gate", hidden, ffn),
			matrix(block+"ffn_up", hidden, ffn),
			matrix(block+"ffn_down", ffn, hidden),
		)
	}
	return append(all, norm("output_norm", hidden), matrix("output", hidden, vocab))
}

// float16 is f in IEEE 754's half precision, cut towards zero. Weights are well
// below its largest number; what is below its smallest normal one becomes zero.
func float16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	exponent := int(bits>>23&0xff) - 127 + 15
	if exponent <= 0 {
		return sign
	}
	return sign | uint16(exponent)<<10 | uint16(bits>>13&0x3ff)
}

// modelfile tells Ollama of the GGUF file at path: Qwen's form of a conversation,
// and one thread, since the model is smaller than what waking a second one costs.
func modelfile(path string) string {
	return strings.Join([]string{
		"FROM " + path,
		`TEMPLATE """{{ range .Messages }}<|im_start|>{{ .Role }}`,
		`{{ .Content }}<|im_end|>`,
		`{{ end }}<|im_start|>assistant`,
		`"""`,
		"PARAMETER num_thread 1",
		fmt.Sprintf("PARAMETER num_ctx %d", context),
		"",
	}, "\n")
}
