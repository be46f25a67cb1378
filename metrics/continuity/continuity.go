// Package continuity says whether a listener heard gaps. It simulates a player
// that starts with the first chunk and plays on at the sound's own rate, and
// compares each chunk's arrival with the moment the player needed it. Servers
// and load generators share it, so that they mean the same by an underrun.
package continuity

import (
	"strconv"
	"time"
)

// DefaultThreshold is the deficit up to which a listener notices nothing.
const DefaultThreshold = 100 * time.Millisecond

// Player simulates one listener. For chunk i, which arrives at t[i],
//
//	deficit[i] = (t[i] - t[0]) - (bytes[0] + ... + bytes[i-1]) / bytesPerSecond
//
// and the underrun is the largest positive deficit (compute_continuity_stats in
// vLLM-Omni's audio_continuity.py). There is no buffering before the start. The
// clock is not moved after a stall: as long as the producer has not caught up,
// one late chunk makes later ones late too, and the underrun is the worst lag,
// not the sum of the gaps. What follows the last chunk is not looked at. Chunks
// without bytes are no chunks.
//
// The zero Player is not usable; a Player made with a rate that is not positive
// never reports an underrun.
type Player struct {
	bytesPerSecond int
	started        bool
	start          time.Duration
	received       int64
	underrun       time.Duration
	events         int
}

// NewPlayer makes a player of PCM with the given rate in samples a second,
// bytes per sample, and channels.
func NewPlayer(rate, width, channels int) Player {
	p := Player{}
	if rate > 0 && width > 0 && channels > 0 {
		p.bytesPerSecond = rate * width * channels
	}
	return p
}

// Chunk takes the arrival of a chunk in; arrivals count from any one origin
// and do not go back. It returns the chunk's deficit, 0 if it came in time.
func (p *Player) Chunk(at time.Duration, bytes int) time.Duration {
	if bytes <= 0 || p.bytesPerSecond == 0 {
		return 0
	}
	if !p.started {
		p.started, p.start = true, at
		p.received = int64(bytes)
		return 0
	}
	needed := time.Duration(float64(p.received) / float64(p.bytesPerSecond) * float64(time.Second))
	deficit := max(0, at-p.start-needed)
	if deficit > 0 {
		p.events++
		p.underrun = max(p.underrun, deficit)
	}
	p.received += int64(bytes)
	return deficit
}

// Heard says whether any chunk arrived.
func (p *Player) Heard() bool { return p.started }

// Result returns what the listener met so far.
func (p *Player) Result(threshold time.Duration) Result {
	return Result{Underrun: p.underrun, Events: p.events, OK: p.underrun <= threshold}
}

// Result is a listener's verdict.
type Result struct {
	// Underrun is the worst deficit, 0 if every chunk came in time.
	Underrun time.Duration
	// Events counts the chunks that came late.
	Events int
	// OK says that the underrun did not exceed the threshold; equal is OK.
	OK bool
}

// Simulate plays chunks that arrived at the given times. Without chunks, with
// lists of different lengths, or with a rate that is not positive, nothing was
// late: the result is zero and OK.
func Simulate(arrivals []time.Duration, bytes []int, rate, width, channels int, threshold time.Duration) Result {
	p := NewPlayer(rate, width, channels)
	if len(arrivals) == len(bytes) {
		for i, at := range arrivals {
			p.Chunk(at, bytes[i])
		}
	}
	return p.Result(threshold)
}

// ThresholdLabel is a threshold as the threshold_ms label has it: whole
// milliseconds, rounded.
func ThresholdLabel(threshold time.Duration) string {
	return strconv.FormatInt(threshold.Round(time.Millisecond).Milliseconds(), 10)
}
