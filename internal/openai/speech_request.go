package openai

import (
	"math"
	"strings"
)

// SpeechRequest is the body of POST /v1/audio/speech.
type SpeechRequest struct {
	Model string
	Input string
	// Voice is voice or speaker; empty if neither is set.
	Voice string
	// Format is wav or pcm.
	Format string
	Stream bool
	Seed   *int64
	// MaxNewTokens bounds the talker's tokens; nil is the model's default.
	MaxNewTokens *int64
}

// DecodeSpeechRequest reads a speech request. The error names what is wrong.
func DecodeSpeechRequest(data []byte) (*SpeechRequest, *Error) {
	v, e := body(data)
	if e != nil {
		return nil, e
	}
	r := &SpeechRequest{Format: "wav"}
	if e := speechSchema.decode(r, v); e != nil {
		return nil, e
	}
	if strings.TrimSpace(r.Input) == "" {
		return nil, BadRequest("input", "is required and must hold text")
	}
	return r, nil
}

var speechSchema = schema[SpeechRequest]{
	fields: map[string]field[SpeechRequest]{
		"model":   textField(func(r *SpeechRequest) *string { return &r.Model }),
		"input":   textField(func(r *SpeechRequest) *string { return &r.Input }),
		"voice":   textField(func(r *SpeechRequest) *string { return &r.Voice }),
		"speaker": textField(func(r *SpeechRequest) *string { return &r.Voice }),
		"stream":  booleanField(func(r *SpeechRequest) *bool { return &r.Stream }),
		"response_format": func(r *SpeechRequest, v value) (e *Error) {
			if r.Format, e = v.text(); e != nil {
				return e
			}
			if r.Format != "wav" && r.Format != "pcm" {
				return BadRequest(v.path, "must be wav or pcm, got %q", r.Format)
			}
			return nil
		},
		"stream_format": func(_ *SpeechRequest, v value) *Error {
			format, e := v.text()
			if e == nil && format != "audio" {
				return BadRequest(v.path, "must be audio, got %q", format)
			}
			return e
		},
		"speed": func(_ *SpeechRequest, v value) *Error {
			speed, e := v.number()
			switch {
			case e != nil:
				return e
			case speed < 0.25 || speed > 4:
				return BadRequest(v.path, "must be between 0.25 and 4, got %s", v.raw)
			case speed != 1:
				return BadRequest(v.path, "is not supported other than 1")
			}
			return nil
		},
		"seed": integerField(math.MinInt64, math.MaxInt64, "an integer",
			func(r *SpeechRequest) **int64 { return &r.Seed }),
		"max_new_tokens": integerField(1, 4096, "between 1 and 4096",
			func(r *SpeechRequest) **int64 { return &r.MaxNewTokens }),
		"user": ignored[SpeechRequest],
	},
	unsupported: map[string][]string{
		"instructions": {`""`}, "task_type": {}, "language": {}, "ref_audio": {}, "ref_text": {},
		"x_vector_only_mode": {"false"}, "speaker_embedding": {}, "extra_params": {"{}"}, "initial_codec_chunk_frames": {},
	},
}
