// Package engine says what a stage's engine is to the rest of Limelight: it
// takes a request, is fed payloads as the previous stage produces them, and
// gives outputs as they appear. The orchestrator drives every engine through
// this one interface and cannot tell an embedded one from a remote one.
package engine

import (
	"context"
	"errors"
	"fmt"
)

// Engine runs one replica of one stage. Its methods may be called from any
// goroutine.
type Engine interface {
	// Start opens a stream for one request. It does not wait for a place: a
	// request that finds the engine full waits inside it. The error wraps
	// ErrClosed after Close, or says what is wrong with the request.
	Start(req Request) (Stream, error)
	// Close ends every open stream with ErrClosed and frees the engine's
	// memory. It returns when the engine's work has stopped.
	Close() error
}

// Stream is one request's conversation with one engine. One goroutine may
// send while another receives.
type Stream interface {
	// Send feeds the next payload from the previous stage. It waits while the
	// stream's intake is full, and returns ctx's error if that comes first.
	Send(ctx context.Context, p Payload) error
	// CloseSend says that no payload follows.
	CloseSend()
	// Recv returns the next output. The output whose Finish is set is the last
	// one; after it, and after an error, Recv must not be called again.
	Recv(ctx context.Context) (Output, error)
	// Abort drops the request. Everything it held is free when Done closes. It
	// does nothing to a stream that has ended.
	Abort()
	// Done is closed when the engine holds nothing for the request any more.
	Done() <-chan struct{}
}

// Output is one step's result for one request.
type Output struct {
	// Text is the newly readable text; it may be empty while Tokens is not.
	Text string
	// Tokens are the newly generated token ids.
	Tokens []int32
	// Logprobs holds one entry for each of Tokens if the request asked for log
	// probabilities; otherwise it is nil.
	Logprobs []Logprobs
	// Payload is for the next stage or, from the last stage, for the client.
	// It may be nil.
	Payload Payload
	// Finish is set on the last output only, and StopReason with it.
	Finish     FinishReason
	StopReason StopReason
	// Usage is set on the last output only.
	Usage Usage
	// Told is the finish reason in a remote server's own word, "tool_calls" for
	// instance, and More what it said beyond text and sound: members of the reply
	// by name, in JSON. Both are for the client and mean nothing to a pipeline.
	Told string
	More map[string][]byte
	// Course says how the output came to be.
	Course Course
}

// Usage counts one stage's tokens for one request.
type Usage struct {
	PromptTokens     int
	CompletionTokens int
}

// FinishReason says why a stage, or a whole request, ended.
type FinishReason string

// The closed set of finish reasons, as vLLM has it.
const (
	FinishStop       FinishReason = "stop"
	FinishLength     FinishReason = "length"
	FinishAbort      FinishReason = "abort"
	FinishError      FinishReason = "error"
	FinishRepetition FinishReason = "repetition"
)

// Errors that streams and engines return.
var (
	// ErrClosed is returned by an engine that was closed.
	ErrClosed = errors.New("engine is closed")
	// ErrLost is wrapped by the error of a request whose engine, in another
	// process, was lost with it.
	ErrLost = errors.New("engine was lost")
	// ErrAborted is returned by Send and Recv of an aborted stream.
	ErrAborted = errors.New("request was aborted")
)

// RejectedError is a stage's refusal of the payload it was handed: the request
// cannot go on at that stage, the engine itself is well. Reason is one of the
// audio skip reasons of the metrics page, "malformed_codec" for instance.
type RejectedError struct {
	Reason string
	Err    error
}

func (e *RejectedError) Error() string { return fmt.Sprintf("%s: %v", e.Reason, e.Err) }
func (e *RejectedError) Unwrap() error { return e.Err }
