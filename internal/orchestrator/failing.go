package orchestrator

import (
	"errors"

	"github.com/limelight-omni/limelight/internal/engine"
)

// interrupted decides what an error at stage k means for the request: nothing
// new when the request, or its audio, is over already; silence when the last
// stage rejected its input before any sound; a failure otherwise.
func (f *flight) interrupted(k int, err error) {
	if f.stageContext(k).Err() != nil {
		return
	}
	var rejected *engine.RejectedError
	if k == f.req.Final && errors.As(err, &rejected) && f.skipAudio(rejected.Reason) {
		return
	}
	f.fail(k, err)
}

// skipAudio ends the audio of a request that has had none yet. It is false
// when the client has been given sound.
func (f *flight) skipAudio(reason string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.frames > 0 {
		return false
	}
	f.skip = reason
	f.cancelSilent(errAudioRejected)
	return true
}

// fail ends the request as an error of stage k, unless it has ended.
func (f *flight) fail(k int, err error) {
	f.mu.Lock()
	replica := 0
	if b := f.legs[k].binding; b != nil {
		replica = b.Replica.ID
	}
	f.mu.Unlock()
	f.failWith(&StageError{Stage: k, Name: f.o.stages[k].Name, Replica: replica, Err: err})
}

// failWith ends the request as an error, unless it has ended.
func (f *flight) failWith(failure error) {
	f.mu.Lock()
	if f.err == nil && f.ended == "" {
		f.err = failure
	}
	f.mu.Unlock()
	f.end(engine.FinishError)
	f.cancel(failure)
}

// failure is the error that ended the request, or nil.
func (f *flight) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
