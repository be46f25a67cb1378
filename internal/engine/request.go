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
	// Entry says that the request starts at this stage.
	Entry bool
	// Relay is the client's request for a stage that hands it on to another
	// server; nil where every stage is embedded.
	Relay *Relay
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

// Relay is a client's request as it came, for stages that hand it on.
type Relay struct {
	// Model is the name of the model that the client asked for.
	Model string
	// Body is the request's JSON.
	Body []byte
	// Clips are its recordings.
	Clips []Clip
}

// Clip is a recording to be written down.
type Clip struct {
	// Data is the file, Format its kind as a file name's ending, wav for instance.
	Data   []byte
	Format string
	// Fields are further parameters of the client, names and values.
	Fields [][2]string
}

// Message is one turn of a conversation, as plain text.
type Message struct {
	// Role is "system", "user" or "assistant".
	Role    string
	Content string
}
