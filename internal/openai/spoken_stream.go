package openai

import (
	"encoding/base64"
	"strconv"
)

// SpokenStream writes the events of a streamed chat reply with sound in
// OpenAI's shape: one choice, whose delta.audio holds the next piece of the
// transcript or of the sound. The pieces of sound are 16-bit PCM; joined, they
// are the whole sound. Each method appends one server-sent event to dst; none
// allocates when dst has room.
//
// The first event names the role and the audio's id, which stand in no other
// one: some readers join every string member of the deltas. The last one says
// when the id expires, and how the reply ended.
type SpokenStream struct {
	// delta is `data: {"id":...,"choices":[{"index":0,"delta":{`.
	delta []byte
	// envelope is delta up to the choices.
	envelope []byte
	audioID  string
	created  int64
	usage    UsageEvents
	began    bool
}

// NewSpokenStream starts the events of reply id with sound audioID, created at
// unix seconds by model.
func NewSpokenStream(id, audioID, model string, created int64, usage UsageEvents) *SpokenStream {
	envelope := appendEnvelope(nil, "chat.completion.chunk", id, model, created)
	return &SpokenStream{
		envelope: envelope,
		delta:    append(envelope[:len(envelope):len(envelope)], `{"index":0,"delta":{`...),
		audioID:  audioID, created: created, usage: usage,
	}
}

// AppendTranscript appends the next words that are spoken, with the log
// probabilities of their tokens if they were asked for.
func (s *SpokenStream) AppendTranscript(dst []byte, text string, logprobs []Logprobs, u Usage) []byte {
	dst = s.open(dst)
	dst = append(dst, `"transcript":`...)
	dst = appendJSON(dst, text)
	dst = append(dst, `}}`...)
	if logprobs != nil {
		dst = append(dst, `,"logprobs":`...)
		dst = appendLogprobs(dst, logprobs)
	}
	dst = append(dst, `,"finish_reason":null}]`...)
	return s.end(dst, u)
}

// AppendSound appends the next samples, as 16-bit PCM.
func (s *SpokenStream) AppendSound(dst, pcm []byte, u Usage) []byte {
	dst = s.open(dst)
	dst = append(dst, `"data":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, pcm)
	dst = append(dst, `"}},"finish_reason":null}]`...)
	return s.end(dst, u)
}

// AppendEnd appends the event that ends the reply, and the event of
// stream_options.include_usage if it was asked for.
func (s *SpokenStream) AppendEnd(dst []byte, finish string, u Usage) []byte {
	dst = s.open(dst)
	dst = append(dst, `"expires_at":`...)
	dst = strconv.AppendInt(dst, s.created+audioExpiry, 10)
	dst = append(dst, `}},"finish_reason":`...)
	dst = appendFinish(dst, finish)
	dst = append(dst, `}]`...)
	return s.usage.last(s.end(dst, u), s.envelope, u)
}

// open begins an event, up to the members of its delta.audio.
func (s *SpokenStream) open(dst []byte) []byte {
	dst = append(dst, s.delta...)
	if s.began {
		return append(dst, `"audio":{`...)
	}
	s.began = true
	dst = append(dst, `"role":"assistant","content":null,"refusal":null,"audio":{"id":`...)
	dst = appendJSON(dst, s.audioID)
	return append(dst, ',')
}

// end closes an event, with its count of tokens.
func (s *SpokenStream) end(dst []byte, u Usage) []byte { return s.usage.end(dst, u) }
