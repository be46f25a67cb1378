package orchestrator

import (
	"time"

	"github.com/limelight-omni/limelight/metrics"
	"github.com/limelight-omni/limelight/metrics/continuity"
)

// bytesPerSample is the width of the PCM that clients get.
const bytesPerSample = 2

// timeline follows the audio of one streamed reply as the server hands it to
// the client's writer. The server's goroutine alone uses it.
type timeline struct {
	arrived  time.Time
	streamed bool

	recorder *metrics.AudioRecorder // since the first chunk; nil with statistics off

	first, last time.Time // the first and the newest non-empty chunk
	player      continuity.Player

	// Of the newest event with sound: when it was made, and whether that was
	// late because the client was behind.
	made time.Time
	held bool

	worst  time.Duration // the worst lag of a chunk, and what it came of
	cause  metrics.UnderrunCause
	silent bool // nothing of the sound can be heard
}

// next takes in an event that the server is given.
func (t *timeline) next(ev Event) {
	if len(ev.Samples) > 0 {
		t.made, t.held = ev.made, ev.held
	}
}

// audioWritten takes a chunk in. It returns the time since the chunk before; ok
// is false for the first one.
func (t *timeline) audioWritten(now time.Time, samples, rate int) (interval time.Duration, ok bool) {
	first := t.first.IsZero()
	if first {
		t.first, t.last = now, now
		t.player = continuity.NewPlayer(rate, bytesPerSample, 1)
	}
	deficit := t.player.Chunk(now.Sub(t.arrived), samples*bytesPerSample)
	if deficit > t.worst {
		t.worst, t.cause = deficit, metrics.LateProduction
		if needed := now.Add(-deficit); t.held || !t.made.After(needed) {
			t.cause = metrics.SlowClient
		}
	}
	interval, t.last = now.Sub(t.last), now
	return interval, !first
}

// ttfp is the time to the first packet, 0 if there was none.
func (t *timeline) ttfp() time.Duration {
	if t.first.IsZero() {
		return 0
	}
	return t.first.Sub(t.arrived)
}

// underrun is the listener's worst lag and what it came of; false if there was
// no listener.
func (t *timeline) underrun() (time.Duration, metrics.UnderrunCause, bool) {
	return t.player.Result(continuity.DefaultThreshold).Underrun, t.cause, t.player.Heard()
}
