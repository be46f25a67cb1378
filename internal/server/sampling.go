package server

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/openai"
)

// samplingFor completes the stages' parameters: the model's defaults, then
// sampling_params_list, then the request's own fields, which mean the first
// stage. A request without a seed gets one, so that every stage can be told the
// same.
func samplingFor(defaults []engine.Sampling, request openai.Sampling, stages []openai.Sampling) ([]engine.Sampling, *openai.Error) {
	if stages != nil && len(stages) != len(defaults) {
		return nil, openai.BadRequest("sampling_params_list", "must hold one object for each of the %d stages, got %d", len(defaults), len(stages))
	}
	seed := randomSeed()
	if request.Seed != nil {
		seed = uint64(*request.Seed)
	}
	complete := make([]engine.Sampling, len(defaults))
	for k, s := range defaults {
		s.Seed = seed + uint64(k)
		if stages != nil {
			override(&s, stages[k])
		}
		if k == 0 {
			override(&s, request)
		}
		complete[k] = s
	}
	return complete, nil
}

// override takes over what the client set. It sets fewer tokens than the
// model's bound, or as many, but never more.
func override(s *engine.Sampling, set openai.Sampling) {
	assign(&s.Temperature, set.Temperature)
	assign(&s.TopP, set.TopP)
	assign(&s.MinP, set.MinP)
	assign(&s.RepetitionPenalty, set.RepetitionPenalty)
	assign(&s.IgnoreEOS, set.IgnoreEOS)
	if set.TopK != nil {
		s.TopK = int(max(0, *set.TopK))
	}
	if set.Seed != nil {
		s.Seed = uint64(*set.Seed)
	}
	if set.MaxTokens != nil {
		s.MaxTokens = int(*set.MaxTokens)
	}
}

func assign[T any](to *T, set *T) {
	if set != nil {
		*to = *set
	}
}

func randomSeed() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}
