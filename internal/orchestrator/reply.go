package orchestrator

import (
	"context"
	"io"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/metrics"
)

// Event is one piece of a reply, in the order in which the pieces appeared.
type Event struct {
	// Modality says which of the fields below is meant.
	Modality Modality
	// Choice is the index of the choice that the event belongs to.
	Choice int
	// Text is newly readable text and Tokens the ids it came from. Text may be
	// empty while a character is incomplete.
	Text   string
	Tokens []int32
	// Logprobs holds one entry for each of Tokens if they were asked for.
	Logprobs []engine.Logprobs
	// Samples is a chunk of sound, one channel, at Rate samples a second.
	Samples []float32
	Rate    int
	// Finish is set on the last event of the modality and choice, and StopReason with it.
	Finish     engine.FinishReason
	StopReason engine.StopReason
	// Told and More are a remote server's finish reason in its own word and what
	// it said beyond text and sound, members of the reply in JSON by name.
	Told string
	More map[string][]byte
	// Usage counts the tokens of the entry stage up to this event, of this choice
	// alone.
	Usage engine.Usage

	made time.Time // when the stage gave the sound
	held bool      // since the client was behind before, it came late
}

// StageError is the failure of a stage to go on with a request.
type StageError struct {
	Stage   int
	Name    string
	Replica int
	Err     error
}

func (e *StageError) Error() string { return "stage " + e.Name + ": " + e.Err.Error() }
func (e *StageError) Unwrap() error { return e.Err }

// Reply is the server's end of a request: it reads events and reports what it
// wrote. One goroutine uses it.
type Reply struct{ f *flight }

// Next returns the next event, io.EOF after the last one, a *StageError when a
// stage failed, an error that wraps ErrRequestTimeout when the request's time is
// up, or ctx's error. The end of a streamed reply makes it whole.
func (r *Reply) Next(ctx context.Context) (Event, error) {
	if ev, open, there := r.f.take(); there {
		return r.next(ev, open)
	}
	select {
	case ev, ok := <-r.f.events:
		r.f.woken()
		return r.next(ev, ok)
	case <-ctx.Done():
		return Event{}, context.Cause(ctx)
	case <-r.f.ctx.Done():
	}
	// The request has failed. What appeared before that is still given; a stage
	// that does not let go of the request is not waited for.
	select {
	case ev, ok := <-r.f.events:
		return r.next(ev, ok)
	default:
		if err := r.f.failure(); err != nil {
			return Event{}, err
		}
		return Event{}, context.Cause(r.f.ctx)
	}
}

// Ready says that Next will return an event, and at once.
func (r *Reply) Ready() bool { return len(r.f.events) > 0 }

func (r *Reply) next(ev Event, ok bool) (Event, error) {
	if ok {
		r.f.timeline.next(ev)
		return ev, nil
	}
	failed := r.f.failure
	if r.f.req.Streamed {
		failed = r.f.meet
	}
	if err := failed(); err != nil {
		return Event{}, err
	}
	return Event{}, io.EOF
}

// Whole says that a reply which is not streamed is about to be written: its time
// is up no more. It returns the failure of a request that has failed before.
func (r *Reply) Whole() error { return r.f.meet() }

// Context is parent's, and ends with the request's failure, too. It is for work
// that is no stage's.
func (r *Reply) Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	stop := context.AfterFunc(r.f.ctx, func() { cancel(context.Cause(r.f.ctx)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// AudioWritten reports that a chunk of a streamed reply is being handed to the
// client's writer. An empty chunk is no packet and counts for nothing.
func (r *Reply) AudioWritten(samples, rate int) {
	f := r.f
	if !f.timeline.streamed || samples == 0 {
		return
	}
	if f.timeline.recorder == nil {
		f.timeline.recorder = f.audio()
	}
	interval, ok := f.timeline.audioWritten(f.o.now(), samples, rate)
	if !ok {
		f.timeline.recorder.FirstPacket(f.timeline.ttfp(), f.req.ID)
		return
	}
	f.timeline.recorder.ChunkInterval(interval)
}

// Silent reports that nothing of the reply's sound can be heard. It must be
// called before Finish.
func (r *Reply) Silent() { r.f.timeline.silent = true }

// Finish ends the request naturally: everything was written. It must be called
// after Next has returned io.EOF; afterwards Close does nothing.
func (r *Reply) Finish() { r.f.end(r.f.reason()) }

// Close ends the request as an abort unless it has ended, and frees what it
// held in every stage.
func (r *Reply) Close() {
	r.f.end(engine.FinishAbort)
	r.f.cancel(errReplyClosed)
}

// Fail ends the request as an error that is no stage's: what the stages made
// could not be turned into the answer.
func (r *Reply) Fail() { r.f.end(engine.FinishError) }

// Usage counts the tokens of the entry stage so far, of all choices together.
// It is complete once that stage has finished.
func (r *Reply) Usage() engine.Usage { return r.f.usage(r.f.counted()) }

// Says is the finish reason in the words that the client gets: a remote server's
// own word for a stop where it has one, tool_calls for instance.
func (r *Reply) Says() string {
	reason := r.f.reason()
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	if reason == engine.FinishStop && r.f.told != "" {
		return r.f.told
	}
	return string(reason)
}

// Reason is why the request ends, as the client is told. It is final once Next
// has returned io.EOF or an error.
func (r *Reply) Reason() engine.FinishReason { return r.f.reason() }

// Summary describes a request for its log line.
type Summary struct {
	Reason   engine.FinishReason
	Duration time.Duration // arrival to end
	Queued   time.Duration // admission to dispatch, or to the end if it never came
	TTFP     time.Duration // arrival to the first audio packet of a stream; 0 if there was none
	Samples  int64
	// Audio is how long the sound is, Made the time from the last stage's first
	// work to its last sample, and Underrun the worst lag of a listener.
	Audio, Made, Underrun time.Duration
	// Failed is the stage that ended the request as an error, and Cause why; nil
	// if none did.
	Failed *StageError
	Cause  metrics.FailureCause
	Stages []StageSummary
}

// StageSummary is one stage's part of a Summary.
type StageSummary struct {
	Name    string
	Replica int
	Usage   engine.Usage
	// Start and End bound the stage's work, counted from the arrival.
	Start, End time.Duration
}

// Summary returns what is known of the request so far.
func (r *Reply) Summary() Summary { return r.f.summary() }
