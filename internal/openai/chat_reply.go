package openai

import (
	"encoding/base64"
	"strconv"
)

// audioExpiry is how long after a reply its audio id is valid, in seconds. The
// id can't be used; the field is there since clients expect it.
const audioExpiry = 86400

// ChatReply is a whole chat reply in vLLM-Omni's shape: a choice for each text,
// and one for the audio, which has index 0 as the text that it speaks.
type ChatReply struct {
	ID, Model string
	Created   int64 // Unix seconds
	Usage     Usage

	// Texts holds the text of each choice; it is empty if the client asked for
	// audio alone.
	Texts []TextPiece

	// HasAudio says that the client asked for audio.
	HasAudio    bool
	AudioID     string
	WAV         []byte
	AudioFinish string
}

// Body is the reply's JSON.
func (r *ChatReply) Body() []byte {
	size := 512 + base64.StdEncoding.EncodedLen(len(r.WAV))
	for _, t := range r.Texts {
		size += 256 + len(t.Text)
	}
	dst := make([]byte, 0, size)
	dst = append(dst, `{"id":`...)
	dst = appendJSON(dst, r.ID)
	dst = append(dst, `,"object":"chat.completion","created":`...)
	dst = strconv.AppendInt(dst, r.Created, 10)
	dst = append(dst, `,"model":`...)
	dst = appendJSON(dst, r.Model)
	dst = append(dst, `,"choices":[`...)
	for i, t := range r.Texts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"index":`...)
		dst = strconv.AppendInt(dst, int64(t.Index), 10)
		dst = append(dst, `,"message":{"role":"assistant","content":`...)
		dst = appendJSON(dst, t.Text)
		dst = appendMore(dst, t.More)
		dst = append(dst, `},"logprobs":`...)
		dst = t.appendLogprobs(dst)
		dst = append(dst, `,"finish_reason":`...)
		dst = appendFinish(dst, t.Finish)
		dst = append(dst, `,"stop_reason":`...)
		dst = t.appendStop(dst)
		dst = append(dst, '}')
	}
	if r.HasAudio {
		if len(r.Texts) > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"index":0,"message":{"role":"assistant","content":null,"audio":{"id":`...)
		dst = appendJSON(dst, r.AudioID)
		dst = append(dst, `,"data":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, r.WAV)
		dst = append(dst, `","expires_at":`...)
		dst = strconv.AppendInt(dst, r.Created+audioExpiry, 10)
		dst = append(dst, `,"transcript":""}},"logprobs":null,"finish_reason":`...)
		dst = appendFinish(dst, r.AudioFinish)
		dst = append(dst, `,"stop_reason":null}`...)
	}
	dst = append(dst, `],"usage":`...)
	dst = r.Usage.append(dst)
	return append(dst, `,"metrics":null}`...)
}
