package openai

import (
	"encoding/base64"
	"strconv"
)

// SpokenReply is a whole chat reply with sound in OpenAI's shape: one choice,
// whose message has no content but an audio with its transcript.
type SpokenReply struct {
	ID, Model string
	Created   int64 // Unix seconds
	AudioID   string
	// Sound is a file, or raw samples, in the format that was asked for.
	Sound      []byte
	Transcript string
	// Logprobs holds one entry for each token of the transcript, if they were
	// asked for.
	Logprobs []Logprobs
	Finish   string
	Usage    Usage
}

// Body is the reply's JSON.
func (r *SpokenReply) Body() []byte {
	dst := make([]byte, 0, 512+len(r.Transcript)+base64.StdEncoding.EncodedLen(len(r.Sound)))
	dst = append(dst, `{"id":`...)
	dst = appendJSON(dst, r.ID)
	dst = append(dst, `,"object":"chat.completion","created":`...)
	dst = strconv.AppendInt(dst, r.Created, 10)
	dst = append(dst, `,"model":`...)
	dst = appendJSON(dst, r.Model)
	dst = append(dst, `,"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"audio":{"id":`...)
	dst = appendJSON(dst, r.AudioID)
	dst = append(dst, `,"data":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, r.Sound)
	dst = append(dst, `","expires_at":`...)
	dst = strconv.AppendInt(dst, r.Created+audioExpiry, 10)
	dst = append(dst, `,"transcript":`...)
	dst = appendJSON(dst, r.Transcript)
	dst = append(dst, `}},"logprobs":`...)
	dst = appendLogprobs(dst, r.Logprobs)
	dst = append(dst, `,"finish_reason":`...)
	dst = appendFinish(dst, r.Finish)
	dst = append(dst, `}],"usage":`...)
	dst = r.Usage.append(dst)
	return append(dst, '}')
}
