package remote

import (
	"errors"
	"fmt"
	"io"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/engine"
)

// readSize is the most that is taken from a server at once: half a second of
// sound at 24 kHz. What has come is passed on without waiting for more.
const readSize = 24 << 10

// maxWAVHeader bounds how far into a stream the sound may begin.
const maxWAVHeader = 64 << 10

// sound turns the bytes of a streamed reply into samples: raw 16-bit
// little-endian PCM of one channel, or a WAV file of it, which says its own
// rate.
type sound struct {
	rate    int
	wav     bool
	started bool   // a WAV's header has been read
	rest    []byte // a header that is not complete, or half a sample
}

var errNotWAV = errors.New("the sound is neither 16-bit PCM of one channel nor a WAV file of it")

// take returns the samples that the bytes complete.
func (s *sound) take(data []byte) (*engine.Audio, error) {
	s.rest = append(s.rest, data...)
	if s.wav && !s.started {
		format, header, err := audio.ParseWAVHeader(s.rest)
		switch {
		case errors.Is(err, audio.ErrShortWAV) && len(s.rest) < maxWAVHeader:
			return nil, nil
		case err != nil:
			return nil, err
		case format.Channels != 1 || format.BitsPerSample != 8*audio.BytesPerSample:
			return nil, fmt.Errorf("%w: %d channels of %d bits", errNotWAV, format.Channels, format.BitsPerSample)
		}
		s.started, s.rate = true, format.Rate
		s.rest = append(s.rest[:0], s.rest[header:]...)
	}
	whole := len(s.rest) - len(s.rest)%audio.BytesPerSample
	if whole == 0 {
		return nil, nil
	}
	a := &engine.Audio{Samples: audio.AppendFloat32(nil, s.rest[:whole]), Rate: s.rate}
	s.rest = append(s.rest[:0], s.rest[whole:]...)
	return a, nil
}

// read passes a body on as it comes. Each piece of sound goes to put.
func (s *sound) read(body io.Reader, put func(*engine.Audio) error) error {
	buf := make([]byte, readSize)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			a, bad := s.take(buf[:n])
			if bad != nil {
				return bad
			}
			if a != nil {
				if err := put(a); err != nil {
					return err
				}
			}
		}
		if err == io.EOF {
			if s.wav && !s.started && len(s.rest) > 0 {
				return audio.ErrShortWAV
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}
