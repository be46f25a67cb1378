package engine

import "time"

// Request is one request as one stage sees it.
type Request struct {
	// ID is the external request id, the one in logs and in the client's hands.
	ID string
	// Arrived is when the request reached the server; zero stands for the time of
	// Start, as behind the first stage.
	Arrived time.Time
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
	// Choice is the request's index among the choices that its client asked for
	// from one prompt, and Group what these have in common; nil for the only one.
	Choice int
	Group  *Group
}

// Message is one turn of a conversation, as plain text.
type Message struct {
	// Role is "system", "user" or "assistant".
	Role    string
	Content string
}
