package engine

// Sampling holds the parameters of one stage's token choice. Their meanings,
// and the order in which they are applied, are vLLM's.
type Sampling struct {
	// Temperature divides the logits; 0 is greedy.
	Temperature float64
	// TopP keeps the smallest set of tokens whose probability reaches it; 1 is off.
	TopP float64
	// TopK keeps the k likeliest tokens; 0 is off.
	TopK int
	// MinP drops tokens below this fraction of the likeliest one's probability; 0 is off.
	MinP float64
	// RepetitionPenalty divides positive and multiplies negative logits of
	// tokens that occurred before, in the prompt too; 1 is off.
	RepetitionPenalty float64
	// PresencePenalty is taken from the logits of tokens that were generated
	// before, FrequencyPenalty as often as they were; 0 is off.
	PresencePenalty, FrequencyPenalty float64
	// LogitBias is added to the logits of single tokens.
	LogitBias []TokenBias
	// AllowedTokens are the only ones that may be chosen; empty is all.
	AllowedTokens []int32
	// BadWords are token sequences that are never completed.
	BadWords [][]int32
	// Seed makes the choices repeatable. Whoever leaves it open draws one
	// before the request reaches an engine.
	Seed uint64

	// MaxTokens bounds the generated tokens; at least 1.
	MaxTokens int
	// MinTokens is how many tokens are generated before anything but MaxTokens
	// may end the request: until then, tokens that end it cannot be chosen.
	MinTokens int
	// IgnoreEOS goes on after an end-of-sequence token.
	IgnoreEOS bool
	// Stop holds strings that end the request when they appear in its text. The
	// text ends before the string, or with it if IncludeStop is set.
	Stop        []string
	IncludeStop bool
	// StopTokens end the request as an end-of-sequence token does.
	StopTokens []int32
	// Repetition ends a request that has come to repeat itself.
	Repetition Repetition

	// Logprobs asks for the log probability of each generated token, and
	// TopLogprobs for those of as many of the likeliest ones.
	Logprobs    bool
	TopLogprobs int
}

// TokenBias is what is added to one token's logit.
type TokenBias struct {
	ID   int32
	Bias float32
}

// Repetition is a limit on how a request may repeat itself: it ends as
// FinishRepetition when its newest tokens are MinCount times the same pattern
// of MinPattern to MaxPattern tokens. A MaxPattern of 0 is off.
type Repetition struct {
	MaxPattern, MinPattern, MinCount int
}

// Logprobs tells how likely one generated token was, and what was likelier.
// Log probabilities are those of the model's own scores, before the sampling
// parameters change them.
type Logprobs struct {
	// Chosen is the token that was generated.
	Chosen TokenLogprob
	// Top holds the likeliest tokens, the likeliest first.
	Top []TokenLogprob
}

// TokenLogprob is one token's log probability.
type TokenLogprob struct {
	ID int32
	// Text holds the token's bytes, which alone need not be whole characters. It
	// is empty for a token without text.
	Text string
	// Logprob is the natural logarithm of its probability, Rank its place by
	// probability, 1 for the likeliest.
	Logprob float32
	Rank    int
}

// StopReason says which of the request's own conditions stopped it: a string,
// a token, or a word for another one. The zero value means none: the
// end-of-sequence token or the maximum of tokens.
type StopReason struct {
	Text    string
	Token   int32
	IsToken bool // Token is meant, not Text
}

// RepetitionDetected is the text of the stop reason of FinishRepetition.
const RepetitionDetected = "repetition_detected"
