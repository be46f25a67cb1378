package orchestrator

import (
	"errors"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/metrics"
)

// note keeps what the books need of one output of stage k for choice i, and
// returns that choice's tokens so far.
func (f *flight) note(k, i int, out engine.Output) engine.Usage {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := &f.legs[k]
	l.lastOutput = f.o.now()
	tokens, seconds := made(out)
	l.tokens += tokens
	l.seconds += seconds
	if f.ended != "" { // what comes after the end of an abort or a failure is wasted, too
		f.o.work[k].Wasted(metrics.FinishedReason(f.ended), tokens, seconds)
	}
	if audio, ok := out.Payload.(*engine.Audio); ok && k == f.req.Final {
		f.frames += int64(len(audio.Samples))
		f.rate, f.sample = audio.Rate, l.lastOutput
	}
	if !l.gave && (tokens > 0 || seconds > 0 || out.Text != "" || out.Payload != nil) {
		l.gave = true
		l.recorder.FirstOutput(l.lastOutput.Sub(l.firstInput))
	}
	c := &l.choices[i]
	c.ways.came(k, out.Course, &l.inputs, l.lastOutput)
	c.usage.CompletionTokens += len(out.Tokens)
	if out.Finish != "" {
		c.finish = out.Finish
		if out.Told != "" {
			f.told = out.Told
		}
		c.usage = out.Usage
	}
	return c.usage
}

// made is what one output is worth: tokens, of which codec frames are a kind,
// and seconds of audio.
func made(out engine.Output) (tokens int, seconds float64) {
	tokens = len(out.Tokens)
	switch p := out.Payload.(type) {
	case *engine.Frames:
		tokens += len(p.Codes) / max(1, p.Groups)
	case *engine.Audio:
		seconds = float64(len(p.Samples)) / float64(max(1, p.Rate))
	}
	return tokens, seconds
}

func (f *flight) usage(k int) engine.Usage {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.legs[k].usage()
}

// usage counts the stage's tokens: each prompt once, however many choices it has.
func (l *leg) usage() (sum engine.Usage) {
	for _, c := range l.choices {
		if c.first {
			sum.PromptTokens += c.usage.PromptTokens
		}
		sum.CompletionTokens += c.usage.CompletionTokens
	}
	return sum
}

// reason is the first reason other than stop in the order of the stages, and of
// the choices: the thinker's, or the talker's if it was cut short; stop if none
// was.
func (f *flight) reason() engine.FinishReason {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != "" {
		return f.ended
	}
	for k := f.req.Entry; k <= f.req.Final; k++ {
		for _, c := range f.legs[k].choices {
			if c.finish != "" && c.finish != engine.FinishStop {
				return c.finish
			}
		}
	}
	return engine.FinishStop
}

// end is the one end of a request. Only the first call counts.
func (f *flight) end(reason engine.FinishReason) {
	now := f.o.now()
	f.mu.Lock()
	if f.ended != "" {
		f.mu.Unlock()
		return
	}
	f.ended, f.endAt = reason, now
	f.client.done(now)
	for k, l := range f.legs {
		f.o.work[k].Wasted(metrics.FinishedReason(reason), l.tokens, l.seconds)
	}
	failure := f.err
	f.stopDeadline()
	f.mu.Unlock()

	switch reason {
	case engine.FinishAbort:
	case engine.FinishError:
		f.recordFailure(failure)
	default:
		f.recordPath()
		f.recordAudio()
	}
	// Last, so that whoever reads of an end can read everything about it next.
	f.o.requests.Ended(metrics.FinishedReason(reason), now.Sub(f.req.Arrived), f.req.ID)
	f.o.leave(f)
}

// recordFailure counts the end of a request as an error: of a stage, or of none
// if its time was up while no stage worked for it. Without a failure the last
// stage gave what no reply could be made of.
func (f *flight) recordFailure(failure error) {
	var at *StageError
	var up *expired
	if errors.As(failure, &up) {
		f.o.requests.Expired(up.part)
	}
	switch {
	case failure == nil:
		f.o.work[f.req.Final].Failed(metrics.CauseReply)
	case errors.As(failure, &at):
		f.o.work[at.Stage].Failed(cause(at.Err))
	}
}

// recordAudio observes the audio families of a request that ended naturally:
// all of them, or the reason why there was no sound.
func (f *flight) recordAudio() {
	if !f.audible() {
		return
	}
	f.mu.Lock()
	l, frames, rate, last, skip := f.legs[f.req.Final], f.frames, f.rate, f.sample, f.skip
	f.mu.Unlock()
	audio := f.audio()
	switch {
	case frames > 0:
		audio.Finished(frames, rate, last.Sub(l.firstInput))
		if underrun, cause, ok := f.timeline.underrun(); ok {
			audio.Played(underrun, cause)
		}
		if f.timeline.silent {
			audio.Silent()
		}
	case skip != "":
		audio.Skipped(metrics.SkipReason(skip))
	default:
		audio.Skipped(metrics.NoAudioData)
	}
}

// audio is the recorder of the replica that makes the request's sound. The
// last stage was bound: it is even when nothing came for it.
func (f *flight) audio() *metrics.AudioRecorder {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.o.metrics.Audio(f.req.Final, f.legs[f.req.Final].binding.Replica.ID)
}

func (f *flight) summary() Summary {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := Summary{Reason: f.ended, Duration: f.endAt.Sub(f.req.Arrived), Samples: f.frames, TTFP: f.timeline.ttfp()}
	if f.ended == engine.FinishError {
		errors.As(f.err, &s.Failed)
		if s.Cause = metrics.CauseReply; f.err != nil {
			s.Cause = cause(f.err)
		}
	}
	if f.frames > 0 {
		s.Audio = time.Duration(f.frames) * time.Second / time.Duration(max(1, f.rate))
		s.Made = f.sample.Sub(f.legs[f.req.Final].firstInput)
		s.Underrun, _, _ = f.timeline.underrun()
	}
	since := func(t time.Time) time.Duration {
		if t.IsZero() {
			return 0
		}
		return t.Sub(f.req.Arrived)
	}
	if f.dispatched.IsZero() {
		s.Queued = f.endAt.Sub(f.admitted)
		return s
	}
	s.Queued = f.dispatched.Sub(f.admitted)
	for k, l := range f.legs {
		if l.binding == nil {
			continue
		}
		s.Stages = append(s.Stages, StageSummary{
			Name: f.o.stages[k].Name, Replica: l.binding.Replica.ID, Usage: l.usage(),
			Start: since(l.firstInput), End: since(l.lastOutput),
		})
	}
	return s
}
