package openai

import (
	"encoding/base64"
	"strconv"
)

// audioExpiry is how long after a reply its audio id is valid, in seconds. The
// id can't be used; the field is there since clients expect it.
const audioExpiry = 86400

// ChatReply is a whole chat reply in vLLM-Omni's shape: one choice for the text
// and one for the audio, both with index 0.
type ChatReply struct {
	ID, Model string
	Created   int64 // Unix seconds
	Usage     Usage

	// HasText says that the client asked for text.
	HasText    bool
	Text       string
	TextFinish string

	// HasAudio says that the client asked for audio.
	HasAudio    bool
	AudioID     string
	WAV         []byte
	AudioFinish string
}

// Body is the reply's JSON.
func (r *ChatReply) Body() []byte {
	dst := make([]byte, 0, 512+len(r.Text)+base64.StdEncoding.EncodedLen(len(r.WAV)))
	dst = append(dst, `{"id":`...)
	dst = appendJSON(dst, r.ID)
	dst = append(dst, `,"object":"chat.completion","created":`...)
	dst = strconv.AppendInt(dst, r.Created, 10)
	dst = append(dst, `,"model":`...)
	dst = appendJSON(dst, r.Model)
	dst = append(dst, `,"choices":[`...)
	if r.HasText {
		dst = append(dst, `{"index":0,"message":{"role":"assistant","content":`...)
		dst = appendJSON(dst, r.Text)
		dst = append(dst, `},"logprobs":null,"finish_reason":`...)
		dst = appendFinish(dst, r.TextFinish)
		dst = append(dst, `,"stop_reason":null}`...)
	}
	if r.HasAudio {
		if r.HasText {
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
