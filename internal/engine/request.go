package engine

// Request is one request as one stage sees it.
type Request struct {
	// ID is the external request id, the one in logs and in the client's hands.
	ID string
	// Tokens is the prompt of a stage that starts from text. It is nil for a
	// stage that is fed by the previous one.
	Tokens []int32
	// Voice names the speaker of a stage that speaks; empty is the model's
	// default.
	Voice string
	// Handover says that a later stage reads this stage's payloads. A stage
	// whose request ends here leaves Output.Payload nil.
	Handover bool
	// Sampling holds the stage's sampling parameters, complete: defaults have
	// been filled in.
	Sampling Sampling
}

// Message is one turn of a conversation, as plain text.
type Message struct {
	// Role is "system", "user" or "assistant".
	Role    string
	Content string
}

// Sampling holds the parameters of one stage's token choice.
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
	// tokens that occurred before; 1 is off.
	RepetitionPenalty float64
	// Seed makes the choices repeatable. Whoever leaves it open draws one
	// before the request reaches an engine.
	Seed uint64
	// MaxTokens bounds the generated tokens; at least 1.
	MaxTokens int
	// IgnoreEOS goes on after an end-of-sequence token.
	IgnoreEOS bool
}
