package openai

import (
	"encoding/base64"
	"strconv"
)

// ChatStream writes the events of a streamed chat reply in vLLM-Omni's shape:
// text and audio events told apart by a top-level "modality", a whole WAV file
// in each audio delta. Each method appends one server-sent event to dst; none
// allocates when dst has room.
type ChatStream struct {
	// head is `data: {"id":...,"choices":[{"index":0,"delta":` of each event.
	head []byte
	// bare is the same up to the choices.
	bare  []byte
	usage bool
	role  bool // the event with the role has gone
}

// NewChatStream starts the events of reply id, created at unix seconds by
// model. With continuous usage each event carries the usage so far.
func NewChatStream(id, model string, created int64, continuousUsage bool) *ChatStream {
	bare := append([]byte(`data: {"id":`), appendJSON(nil, id)...)
	bare = append(bare, `,"object":"chat.completion.chunk","created":`...)
	bare = strconv.AppendInt(bare, created, 10)
	bare = append(bare, `,"model":`...)
	bare = appendJSON(bare, model)
	bare = append(bare, `,"choices":[`...)
	head := append(bare[:len(bare):len(bare)], `{"index":0,"delta":{`...)
	return &ChatStream{head: head, bare: bare, usage: continuousUsage}
}

// AppendText appends a text delta, with the event that names the role before
// the first one. Finish is the finish reason, empty while the reply goes on.
func (s *ChatStream) AppendText(dst []byte, text, finish string, u Usage) []byte {
	if !s.role {
		s.role = true
		dst = append(dst, s.head...)
		dst = append(dst, `"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null,"modality":"text"`...)
		dst = s.end(dst, u)
	}
	dst = append(dst, s.head...)
	dst = append(dst, `"content":`...)
	dst = appendJSON(dst, text)
	dst = append(dst, `},"logprobs":null,"finish_reason":`...)
	dst = appendFinish(dst, finish)
	if finish != "" {
		dst = append(dst, `,"stop_reason":null`...)
	}
	dst = append(dst, `,"token_ids":null}],"modality":"text","metrics":{}`...)
	return s.end(dst, u)
}

// AppendAudio appends an audio delta: a whole WAV file, or nothing for an event
// that only says how the audio ended.
func (s *ChatStream) AppendAudio(dst, wav []byte, finish string, u Usage) []byte {
	dst = append(dst, s.head...)
	dst = append(dst, `"role":"assistant","content":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, wav)
	dst = append(dst, `"},"logprobs":null,"finish_reason":`...)
	dst = appendFinish(dst, finish)
	dst = append(dst, `,"stop_reason":null,"token_ids":null}],"modality":"audio","usage":`...)
	if !s.usage { // the reference counts no completion tokens here
		u = NewUsage(u.PromptTokens, 0)
	}
	dst = u.append(dst)
	return append(dst, "}\n\n"...)
}

// AppendUsage appends the event of stream_options.include_usage.
func (s *ChatStream) AppendUsage(dst []byte, u Usage) []byte {
	dst = append(dst, s.bare...)
	dst = append(dst, `],"usage":`...)
	dst = u.append(dst)
	return append(dst, "}\n\n"...)
}

// end closes an event, with the usage so far if it was asked for.
func (s *ChatStream) end(dst []byte, u Usage) []byte {
	if s.usage {
		dst = append(dst, `,"usage":`...)
		dst = u.append(dst)
	}
	return append(dst, "}\n\n"...)
}

func appendFinish(dst []byte, finish string) []byte {
	if finish == "" {
		return append(dst, "null"...)
	}
	return appendJSON(dst, finish)
}

// AppendError appends a failure as an event of a stream whose status has gone.
func AppendError(dst []byte, e *Error) []byte {
	dst = append(dst, "data: "...)
	dst = append(dst, e.Body()...)
	return append(dst, "\n\n"...)
}

// AppendDone appends the event that ends every stream.
func AppendDone(dst []byte) []byte { return append(dst, "data: [DONE]\n\n"...) }
