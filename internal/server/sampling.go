package server

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// samplingFor completes the stages' parameters: the model's defaults, then
// sampling_params_list, then the request's own fields, which mean the first
// stage. A request without a seed gets one, so that every stage can be told the
// same.
func (s *Server) samplingFor(request openai.Sampling, stages []openai.Sampling) ([]engine.Sampling, *openai.Error) {
	complete := s.model.Sampling()
	if stages != nil && len(stages) != len(complete) {
		return nil, openai.BadRequest("sampling_params_list", "must hold one object for each of the %d stages, got %d", len(complete), len(stages))
	}
	seed := randomSeed()
	if givesSeed(request.Seed) {
		seed = uint64(*request.Seed)
	}
	for k := range complete {
		complete[k].Seed = seed + uint64(k)
		if stages != nil {
			if e := s.override(k, &complete[k], stages[k], "sampling_params_list["+strconv.Itoa(k)+"]."); e != nil {
				return nil, e
			}
		}
		if k == 0 {
			if e := s.override(k, &complete[k], request, ""); e != nil {
				return nil, e
			}
		}
	}
	return complete, nil
}

// override takes over what the client set for stage k. The error names a
// parameter that the stage does not know; path is where the parameters stand.
func (s *Server) override(k int, to *engine.Sampling, set openai.Sampling, path string) *openai.Error {
	if e := s.checkStage(k, set, path); e != nil {
		return e
	}
	assign(&to.Temperature, set.Temperature)
	assign(&to.TopP, set.TopP)
	assign(&to.MinP, set.MinP)
	assign(&to.RepetitionPenalty, set.RepetitionPenalty)
	assign(&to.PresencePenalty, set.PresencePenalty)
	assign(&to.FrequencyPenalty, set.FrequencyPenalty)
	assign(&to.IgnoreEOS, set.IgnoreEOS)
	assign(&to.IncludeStop, set.IncludeStop)
	if set.TopK != nil {
		to.TopK = int(max(0, *set.TopK))
	}
	if givesSeed(set.Seed) {
		to.Seed = uint64(*set.Seed)
	}
	if set.MaxTokens != nil {
		to.MaxTokens = int(*set.MaxTokens)
	}
	if set.MinTokens != nil {
		to.MinTokens = int(*set.MinTokens)
	}
	if set.Stop != nil {
		to.Stop = set.Stop
	}
	if set.StopTokenIDs != nil {
		to.StopTokens = tokenIDs(set.StopTokenIDs)
	}
	if set.AllowedTokenIDs != nil {
		to.AllowedTokens = tokenIDs(set.AllowedTokenIDs)
	}
	if set.LogitBias != nil {
		to.LogitBias = nil
		for _, b := range set.LogitBias {
			to.LogitBias = append(to.LogitBias, engine.TokenBias{ID: int32(b.ID), Bias: float32(b.Bias)})
		}
	}
	if set.BadWords != nil {
		to.BadWords = nil
		for i, word := range set.BadWords {
			spellings := s.model.Spellings(word)
			if len(spellings) == 0 {
				return openai.BadRequest(path+"bad_words["+strconv.Itoa(i)+"]", "has no tokens")
			}
			to.BadWords = append(to.BadWords, spellings...)
		}
	}
	if r := set.Repetition; r != nil {
		to.Repetition = engine.Repetition{MaxPattern: int(r.MaxPatternSize), MinPattern: int(r.MinPatternSize), MinCount: int(r.MinCount)}
	}
	if set.Logprobs != nil {
		to.Logprobs, to.TopLogprobs = true, int(*set.Logprobs)
	}
	return nil
}

// checkStage refuses parameters that stage k can make nothing of: those of text
// at a stage that makes none, and tokens outside its vocabulary. The plain ones
// are taken at every stage, as the reference's clients send them.
func (s *Server) checkStage(k int, set openai.Sampling, path string) *openai.Error {
	stage := s.orch.Stages()[k]
	if stage.Output != orchestrator.Text {
		for _, p := range [...]struct {
			name  string
			given bool
		}{
			{"stop", len(set.Stop) > 0},
			{"include_stop_str_in_output", set.IncludeStop != nil && *set.IncludeStop},
			{"bad_words", len(set.BadWords) > 0},
			{"logprobs", set.Logprobs != nil},
		} {
			if p.given {
				return openai.BadRequest(path+p.name, "is not for stage %s, which makes no text", stage.Name)
			}
		}
	}
	vocabulary := s.model.Vocabulary(k)
	check := func(name string, id int64) *openai.Error {
		switch {
		case vocabulary == 0:
			return openai.BadRequest(path+name, "is not for stage %s, which chooses no tokens", stage.Name)
		case id >= int64(vocabulary):
			return openai.BadRequest(path+name, "%d is not a token of stage %s, which has 0 to %d", id, stage.Name, vocabulary-1)
		}
		return nil
	}
	for i, id := range set.StopTokenIDs {
		if e := check("stop_token_ids["+strconv.Itoa(i)+"]", id); e != nil {
			return e
		}
	}
	for i, id := range set.AllowedTokenIDs {
		if e := check("allowed_token_ids["+strconv.Itoa(i)+"]", id); e != nil {
			return e
		}
	}
	for _, b := range set.LogitBias {
		if e := check("logit_bias."+strconv.FormatInt(b.ID, 10), b.ID); e != nil {
			return e
		}
	}
	return nil
}

// choices is the number of choices that a request asks for. Greedy choices
// would all be the same, which vLLM refuses too. A listener hears one voice:
// sound is made of one choice only.
func choices(request openai.Sampling, first engine.Sampling, audio bool) (int, *openai.Error) {
	n := 1
	if request.N != nil {
		n = int(*request.N)
	}
	switch {
	case n > 1 && audio:
		return 0, openai.BadRequest("n", "must be 1 with audio, got %d: sound is made of one choice", n)
	case n > 1 && first.Temperature == 0:
		return 0, openai.BadRequest("n", "must be 1 with temperature 0, got %d: the choices would be the same", n)
	}
	return n, nil
}

// givesSeed says whether the client set a seed; -1 leaves it open, as in vLLM.
func givesSeed(seed *int64) bool { return seed != nil && *seed != -1 }

// tokenIDs narrows ids that are known to be in a vocabulary.
func tokenIDs(ids []int64) []int32 {
	list := make([]int32, len(ids))
	for i, id := range ids {
		list[i] = int32(id)
	}
	return list
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
