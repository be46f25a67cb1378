package say

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/metrics/continuity"
)

// maxHeader bounds how far into a reply the sound may begin.
const maxHeader = 64 << 10

// Chunk is sound that came in one go.
type Chunk struct {
	// At is when it began to come, counted from the request.
	At time.Duration
	// Sound is how long it plays.
	Sound time.Duration
	// Late is how long the player had been without sound when it came: the
	// deficit of package continuity.
	Late time.Duration
}

// Sink takes the sound: its rate first, then 16-bit PCM.
type Sink interface {
	Begin(rate int) error
	io.Writer
}

// listener takes in the bytes of one reply. What it counts as a chunk is for
// the eye; the player gets every piece with its own time.
type listener struct {
	sink   Sink
	report *Report

	header  []byte // of the WAV, while it is not complete
	odd     []byte // half a sample
	samples []float32
	player  continuity.Player
	meter   audio.Meter
	chunk   Chunk // that is coming
	open    bool  // there is one
}

// take takes in a piece of the reply.
func (l *listener) take(at time.Duration, data []byte) error {
	if l.report.Rate == 0 {
		l.header = append(l.header, data...)
		format, sound, err := audio.ParseWAVHeader(l.header)
		switch {
		case errors.Is(err, audio.ErrShortWAV) && len(l.header) < maxHeader:
			return nil
		case err != nil:
			return err
		case format.Channels != 1 || format.BitsPerSample != 8*audio.BytesPerSample:
			return fmt.Errorf("the sound has %d channels of %d bits; one of 16 was asked for", format.Channels, format.BitsPerSample)
		}
		l.report.Rate = format.Rate
		l.player = continuity.NewPlayer(format.Rate, audio.BytesPerSample, 1)
		if err := l.sink.Begin(format.Rate); err != nil {
			return err
		}
		data = l.header[sound:]
	}
	if len(data) == 0 {
		return nil
	}
	if !l.player.Heard() {
		l.report.TTFP = at
	}
	late := l.player.Chunk(at, len(data))
	if !l.open {
		l.open, l.chunk = true, Chunk{At: at}
	}
	l.chunk.Late = max(l.chunk.Late, late)
	return l.pcm(data)
}

// pcm takes in whole samples and keeps the half one.
func (l *listener) pcm(data []byte) error {
	if len(l.odd) > 0 {
		data = append(l.odd, data...)
	}
	whole := len(data) - len(data)%audio.BytesPerSample
	l.samples = audio.AppendFloat32(l.samples[:0], data[:whole])
	l.meter.Add(l.samples)
	l.chunk.Sound += time.Duration(len(l.samples)) * time.Second / time.Duration(l.report.Rate)
	_, err := l.sink.Write(data[:whole])
	l.odd = append([]byte(nil), data[whole:]...)
	return err
}

// closeChunk ends the chunk that is coming, if there is one.
func (l *listener) closeChunk() (Chunk, bool) {
	if !l.open {
		return Chunk{}, false
	}
	l.open = false
	l.report.Chunks++
	if l.chunk.Late > 0 {
		l.report.LateChunks++
	}
	return l.chunk, true
}

// finish completes the report of a reply that came whole.
func (l *listener) finish(at time.Duration) error {
	r := l.report
	r.Took = at
	if r.Rate == 0 {
		return audio.ErrShortWAV
	}
	if len(l.odd) > 0 {
		return errors.New("the sound ends in half a sample")
	}
	r.Sound = l.played()
	r.Peak, r.RMS = l.meter.Level()
	verdict := l.player.Result(continuity.DefaultThreshold)
	r.Underrun, r.Continuous = verdict.Underrun, verdict.OK
	return nil
}

// played is how long the sound so far plays.
func (l *listener) played() time.Duration {
	if l.report.Rate == 0 {
		return 0
	}
	return time.Duration(float64(l.meter.Samples()) / float64(l.report.Rate) * float64(time.Second))
}
