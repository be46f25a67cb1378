package openai

import (
	"math"
	"strings"
)

// SpeechRequest is the body of POST /v1/audio/speech.
type SpeechRequest struct {
	// Model is empty when the client named none.
	Model string
	// Input is the text to speak; it holds more than white space.
	Input string
	// Voice is voice or speaker, and VoiceParam the one of the two that it was
	// read from; both are empty if neither is set.
	Voice, VoiceParam string
	// Format is wav, pcm, flac, opus, mp3 or aac; wav if the client named none.
	// A stream has one of the first two.
	Format string
	Stream bool
	Seed   *int64
	// MaxNewTokens bounds the talker's tokens, 1 to 4096; nil is the model's
	// default.
	MaxNewTokens *int64
}

// DecodeSpeechRequest reads a speech request. The error names what is wrong and
// where.
func DecodeSpeechRequest(data []byte) (*SpeechRequest, *Error) {
	v, e := body(data)
	if e != nil {
		return nil, e
	}
	b := speechBody{SpeechRequest: SpeechRequest{Format: FormatWAV}}
	if e := speechSchema.decode(&b, v); e != nil {
		return nil, e
	}
	if strings.TrimSpace(b.Input) == "" {
		return nil, BadRequest("input", "is required and must hold text")
	}
	if b.Stream && b.Format != FormatWAV && b.Format != FormatPCM {
		return nil, BadRequest("response_format", "%s can't be streamed: with stream it must be wav or pcm", b.Format)
	}
	if b.Voice, b.VoiceParam, e = oneVoice(b.voice, "voice", b.speaker); e != nil {
		return nil, e
	}
	return &b.SpeechRequest, nil
}

// speechBody is a SpeechRequest while it is read.
type speechBody struct {
	SpeechRequest
	voice, speaker string
}

var speechSchema = schema[speechBody]{
	fields: map[string]field[speechBody]{
		"model":           textField(func(r *speechBody) *string { return &r.Model }),
		"input":           textField(func(r *speechBody) *string { return &r.Input }),
		"voice":           textField(func(r *speechBody) *string { return &r.voice }),
		"speaker":         textField(func(r *speechBody) *string { return &r.speaker }),
		"stream":          booleanField(func(r *speechBody) *bool { return &r.Stream }),
		"response_format": formatField(speechFormats, func(r *speechBody) *string { return &r.Format }),
		"stream_format":   decodeStreamFormat,
		"speed":           decodeSpeed,
		"seed":            integerField(math.MinInt64, math.MaxInt64, func(r *speechBody) **int64 { return &r.Seed }),
		"max_new_tokens":  integerField(1, 4096, func(r *speechBody) **int64 { return &r.MaxNewTokens }),
		"user":            ignoredText[speechBody],
	},
	unsupported: map[string][]string{
		"instructions": {`""`}, "task_type": {}, "language": {`""`, `"Auto"`, `"auto"`}, "sample_rate": {},
		"ref_audio": {}, "ref_audio_2": {}, "ref_text": {}, "references": {"[]"}, "x_vector_only_mode": {"false"}, "speaker_embedding": {"[]"},
		"ambient_sound": {}, "duration_seconds": {}, "word_timestamps": {"false"}, "non_streaming_mode": {},
		"initial_codec_chunk_frames": {}, "extra_params": {"{}"},
	},
}

func decodeStreamFormat(_ *speechBody, v value) *Error {
	format, e := v.text()
	if e == nil && format != "audio" {
		return BadRequest(v.path, "must be audio, got %q", clip(format))
	}
	return e
}

func decodeSpeed(_ *speechBody, v value) *Error {
	speed, e := v.number()
	switch {
	case e != nil:
		return e
	case speed < 0.25 || speed > 4:
		return BadRequest(v.path, "must be between 0.25 and 4, got %s", clip(string(v.raw)))
	case speed != 1:
		return BadRequest(v.path, "is not supported other than 1")
	}
	return nil
}
