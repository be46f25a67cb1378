package server

import (
	"context"

	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// mediaTypes are the content types of the formats of speech.
var mediaTypes = map[string]string{
	openai.FormatWAV: "audio/wav",
	openai.FormatPCM: "audio/pcm",
	"flac":           "audio/flac",
	"opus":           "audio/ogg",
	"mp3":            "audio/mpeg",
	"aac":            "audio/aac",
}

// encodeError is a sound that could not be put into the format that was asked
// for, although the format could be made when the request came.
type encodeError struct{ err error }

func (e *encodeError) Error() string { return e.err.Error() }
func (e *encodeError) Unwrap() error { return e.err }

// checkFormat refuses a format that can't be made here; param is where the
// client named it. No format is any.
func (s *Server) checkFormat(c *call, param, format string) *openai.Error {
	switch format {
	case "", openai.FormatWAV, openai.FormatPCM, openai.FormatPCM16:
		return nil
	}
	if err := s.encoder.Check(c.r.Context(), format); err != nil {
		return openai.BadRequest(param, "%v; wav and raw PCM are always there", err)
	}
	return nil
}

// sound is a whole sound in a format. A client that leaves, or a request whose
// time is up, ends the encoder.
func (s *Server) sound(c *call, reply *orchestrator.Reply, format string, rate int, samples []float32) ([]byte, error) {
	switch format {
	case openai.FormatWAV:
		return c.meter.AppendWAV(nil, rate, samples), nil
	case openai.FormatPCM, openai.FormatPCM16:
		return c.meter.AppendS16LE(nil, samples), nil
	}
	ctx, stop := reply.Context(c.r.Context())
	defer stop()
	file, err := s.encoder.Encode(ctx, format, rate, c.meter.AppendS16LE(nil, samples))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, &encodeError{err}
	}
	return file, nil
}
