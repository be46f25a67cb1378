package say

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/limelight-omni/limelight/internal/audio"
)

// pause ends a chunk: what the server wrote at once comes in several pieces
// with less than that between them.
const pause = 5 * time.Millisecond

// Report is what a listener met.
type Report struct {
	// Rate is that of the sound, in samples a second.
	Rate int
	// Chunks counts the chunks and LateChunks those that left a gap before them.
	Chunks, LateChunks int
	// TTFP is the time from the request to the first sound, and Took that to the
	// end of the last.
	TTFP, Took time.Duration
	// Sound is how long the sound plays.
	Sound time.Duration
	// Underrun is the worst deficit of the player, and Continuous says that it did
	// not exceed continuity.DefaultThreshold.
	Underrun   time.Duration
	Continuous bool
	// Peak and RMS are the sound's level, relative to full scale.
	Peak, RMS float64
}

// RTF is the time that the sound took over the time that it plays; less than 1
// is faster than it is heard.
func (r *Report) RTF() float64 { return r.Took.Seconds() / r.Sound.Seconds() }

// Audible says what keeps a sound that came whole from being heard.
func (r *Report) Audible() error {
	switch {
	case r.Sound == 0:
		return errors.New("the sound is empty")
	case r.Peak < audio.SilentPeak:
		return fmt.Errorf("the sound is silent: its peak is %.2g of full scale", r.Peak)
	}
	return nil
}

// piece is what one read of the reply gave.
type piece struct {
	at   time.Duration
	data []byte
	err  error
}

// Say asks for a text as speech and passes its sound on to the sink as it
// comes. Each chunk is told to heard, which may be nil, as soon as it has come.
// An error means that the sound is not whole.
func Say(ctx context.Context, r Request, sink Sink, heard func(Chunk)) (*Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	body, err := r.send(ctx)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	l := &listener{sink: sink, report: &Report{}}
	tell := func() {
		if chunk, some := l.closeChunk(); some && heard != nil {
			heard(chunk)
		}
	}
	pieces := read(ctx, body, start)
	quiet := time.NewTimer(pause)
	defer quiet.Stop()
	for {
		select {
		case <-quiet.C:
			tell()
		case p := <-pieces:
			if err := l.take(p.at, p.data); err != nil {
				return nil, err
			}
			quiet.Reset(pause)
			if p.err == nil {
				continue
			}
			tell()
			if p.err != io.EOF {
				return nil, fmt.Errorf("the sound broke off after %v: %w", l.played(), p.err)
			}
			return l.report, l.finish(p.at)
		}
	}
}

// read passes on what comes, each piece with the time that it came at. The
// piece with an error is the last.
func read(ctx context.Context, body io.Reader, start time.Time) <-chan piece {
	pieces := make(chan piece)
	go func() {
		for {
			buf := make([]byte, 32<<10)
			n, err := body.Read(buf)
			select {
			case pieces <- piece{time.Since(start), buf[:n], err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return pieces
}
