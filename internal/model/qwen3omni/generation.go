package qwen3omni

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

const generationFile = "generation_config.json"

// GenerationConfig holds the defaults for sampling: those of the reference
// implementation, changed by the model's generation_config.json.
type GenerationConfig struct {
	Thinker, Talker SamplingConfig
	// EOS are the ids at which the thinker ends a reply: eos_token_id, by default
	// the end of a message. The talker's is Config.CodecEOS.
	EOS []int32
}

// SamplingConfig holds one stage's defaults. The file has them under these
// names for the thinker (thinker_max_new_tokens and thinker_eos_token_id come
// before the plain names), for the talker with the prefix talker_.
type SamplingConfig struct {
	DoSample          bool    // do_sample: false means greedy; default false, talker true
	Temperature       float64 // temperature; default 1, talker 0.9
	TopP              float64 // top_p; default 1
	TopK              int     // top_k, 0 for all; default 50
	RepetitionPenalty float64 // repetition_penalty; default 1, talker 1.05
	MaxNewTokens      int     // max_new_tokens; default 1024, talker 4096
}

// ThinkerEOS lists the ids that end a reply.
func (g *GenerationConfig) ThinkerEOS() []int32 { return slices.Clone(g.EOS) }

// LoadGenerationConfig reads the generation_config.json of a model folder,
// where there is one.
func LoadGenerationConfig(dir string, c *Config) (*GenerationConfig, error) {
	data, err := os.ReadFile(filepath.Join(dir, generationFile))
	if errors.Is(err, fs.ErrNotExist) {
		data = []byte("{}")
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", generationFile, err)
	}
	return ParseGenerationConfig(data, c)
}

// ParseGenerationConfig reads a generation_config.json. Errors name the field.
func ParseGenerationConfig(data []byte, c *Config) (*GenerationConfig, error) {
	f := parseFields(generationFile, data)
	g := &GenerationConfig{
		Thinker: SamplingConfig{Temperature: 1, TopP: 1, TopK: 50, RepetitionPenalty: 1, MaxNewTokens: 1024},
		Talker:  SamplingConfig{DoSample: true, Temperature: 0.9, TopP: 1, TopK: 50, RepetitionPenalty: 1.05, MaxNewTokens: 4096},
		EOS:     []int32{c.IMEnd},
	}
	parseSampling(f, "", &g.Thinker)
	parseSampling(f, "talker_", &g.Talker)
	if name := "thinker_max_new_tokens"; f.has(name) {
		g.Thinker.MaxNewTokens = f.positive(name)
	}
	for _, name := range []string{"thinker_eos_token_id", "eos_token_id"} {
		if f.has(name) {
			g.EOS = parseEOS(f, name, c.Thinker.Vocab)
			break
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return g, nil
}

func parseSampling(f fields, prefix string, s *SamplingConfig) {
	s.DoSample = f.flag(prefix+"do_sample", s.DoSample)
	s.Temperature = f.optionalFloat(prefix+"temperature", s.Temperature)
	if s.Temperature < 0 {
		f.fail(prefix+"temperature", "must not be negative")
	}
	s.TopP = f.optionalFloat(prefix+"top_p", s.TopP)
	if s.TopP <= 0 || s.TopP > 1 {
		f.fail(prefix+"top_p", "must be more than 0 and at most 1")
	}
	s.TopK = f.optional(prefix+"top_k", s.TopK)
	s.RepetitionPenalty = f.optionalFloat(prefix+"repetition_penalty", s.RepetitionPenalty)
	if s.RepetitionPenalty <= 0 {
		f.fail(prefix+"repetition_penalty", "must be positive")
	}
	if name := prefix + "max_new_tokens"; f.has(name) {
		s.MaxNewTokens = f.positive(name)
	}
}

// parseEOS reads one id or a list.
func parseEOS(f fields, name string, vocab int) []int32 {
	var ids []int32
	var one int32
	if json.Unmarshal(f.members[name], &one) == nil {
		ids = []int32{one}
	} else {
		f.read(name, &ids, "an id or a list of ids")
	}
	if len(ids) == 0 {
		f.fail(name, "must not be empty")
	}
	for _, id := range ids {
		if id < 0 || int(id) >= vocab {
			f.fail(name, "%d is not in the vocabulary of %d", id, vocab)
		}
	}
	return ids
}
