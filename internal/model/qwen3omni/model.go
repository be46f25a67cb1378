package qwen3omni

import (
	"errors"
	"fmt"

	"github.com/limelight-omni/limelight/internal/model/safetensors"
)

// Model is a whole model: configuration, defaults for sampling, and the three
// parts. It is read-only and may be shared by any number of engines.
type Model struct {
	Config     *Config
	Generation *GenerationConfig
	Thinker    *Thinker
	Talker     *Talker
	Code2Wav   *Code2Wav

	checkpoint *safetensors.Checkpoint // nil if the weights are not from disk
}

// Load opens a Hugging Face model folder. The weights are mapped, so that
// loading is quick and memory is shared; the files must not change until Close.
// Every tensor that the model needs is checked; others, such as the audio and
// vision towers', are ignored. Errors name the folder, the file and the field
// or tensor.
func Load(dir string) (*Model, error) {
	m, err := load(dir)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", dir, err)
	}
	return m, nil
}

func load(dir string) (*Model, error) {
	c, err := LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	g, err := LoadGenerationConfig(dir, c)
	if err != nil {
		return nil, err
	}
	checkpoint, err := safetensors.Open(dir)
	if err != nil {
		return nil, err
	}
	m, err := newModel(c, g, &checkpointWeights{checkpoint: checkpoint})
	if err != nil {
		return nil, errors.Join(err, checkpoint.Close())
	}
	m.checkpoint = checkpoint
	return m, nil
}

func newModel(c *Config, g *GenerationConfig, w weights) (*Model, error) {
	m := &Model{Config: c, Generation: g, Thinker: newThinker(&c.Thinker, w)}
	m.Talker = newTalker(c, m.Thinker, w)
	if err := w.err(); err != nil {
		return nil, err
	}
	var err error
	if m.Code2Wav, err = newCode2Wav(c.Code2Wav, w); err != nil {
		return nil, err
	}
	return m, nil
}

// Close gives the weights back. The model must not be used afterwards.
func (m *Model) Close() error {
	if m.checkpoint == nil {
		return nil
	}
	return m.checkpoint.Close()
}
