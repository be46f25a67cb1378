package orchestrator

import (
	"time"

	"github.com/limelight-omni/limelight/metrics/continuity"
)

// bytesPerSample is the width of the PCM that clients get.
const bytesPerSample = 2

// timeline follows the audio of one streamed reply as the server hands it to
// the client's writer. The server's goroutine alone uses it.
type timeline struct {
	arrived  time.Time
	streamed bool

	first  time.Time // the first non-empty chunk
	player continuity.Player
}

// audioWritten takes a chunk in. It is true for the first one.
func (t *timeline) audioWritten(now time.Time, samples, rate int) bool {
	if !t.streamed || samples == 0 {
		return false
	}
	first := t.first.IsZero()
	if first {
		t.first = now
		t.player = continuity.NewPlayer(rate, bytesPerSample, 1)
	}
	t.player.Chunk(now.Sub(t.arrived), samples*bytesPerSample)
	return first
}

// ttfp is the time to the first packet, 0 if there was none.
func (t *timeline) ttfp() time.Duration {
	if t.first.IsZero() {
		return 0
	}
	return t.first.Sub(t.arrived)
}

// underrun is the listener's worst lag; false if there was no listener.
func (t *timeline) underrun() (time.Duration, bool) {
	return t.player.Result(continuity.DefaultThreshold).Underrun, t.player.Heard()
}
