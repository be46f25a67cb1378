package openai

import (
	"slices"
	"strings"
)

// Names of the formats that sound is sent in. Raw PCM has one name in chats
// and another in speech requests, as in OpenAI's API.
const (
	FormatWAV   = "wav"
	FormatPCM   = "pcm"   // speech: signed 16-bit little-endian samples without a header
	FormatPCM16 = "pcm16" // chats: the same
)

var (
	chatFormats   = []string{FormatWAV, FormatPCM16, "flac", "opus", "mp3", "aac"}
	speechFormats = []string{FormatWAV, FormatPCM, "flac", "opus", "mp3", "aac"}
)

// formatField reads one of the formats.
func formatField[T any](formats []string, place func(*T) *string) field[T] {
	return func(r *T, v value) *Error {
		format, e := v.text()
		if e != nil {
			return e
		}
		if !slices.Contains(formats, format) {
			return BadRequest(v.path, "must be one of %s, got %q", strings.Join(formats, ", "), clip(format))
		}
		*place(r) = format
		return nil
	}
}

// audioSchema is the audio object of a chat request.
var audioSchema = schema[chatBody]{fields: map[string]field[chatBody]{
	"voice":  textField(func(r *chatBody) *string { return &r.voice }),
	"format": formatField(chatFormats, func(r *chatBody) *string { return &r.AudioFormat }),
}}

func decodeAudio(r *chatBody, v value) *Error {
	r.AudioObject = true
	return audioSchema.decode(r, v)
}

// joinAudio completes a request that has the audio object.
func (b *chatBody) joinAudio() *Error {
	if !b.AudioObject {
		return nil
	}
	switch {
	case b.Audio:
	case b.Text:
		return BadRequest("audio", `is for replies with sound, but modalities does not hold "audio"`)
	default: // who says what the sound is to be like wants sound
		b.Text, b.Audio = true, true
	}
	switch {
	case b.Stream && b.AudioFormat == "":
		b.AudioFormat = FormatPCM16
	case b.Stream && b.AudioFormat != FormatPCM16:
		return BadRequest("audio.format", "%s can't be streamed: with stream it must be pcm16", b.AudioFormat)
	case b.AudioFormat == "":
		b.AudioFormat = FormatWAV
	}
	return nil
}
