package qwen3omni

// NewDummyThinker is the dummy of 83 million weights as a model that only
// thinks, and that no token ends.
func NewDummyThinker() *Model {
	config := &languageModels[1].config
	return &Model{
		Config:     &Config{Thinker: *config},
		Generation: &GenerationConfig{},
		Thinker:    newThinker(config, newDummyWeights()),
	}
}
