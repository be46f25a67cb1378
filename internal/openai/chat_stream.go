package openai

import (
	"encoding/base64"
	"strconv"
)

// ChatStream writes the events of a streamed chat reply in vLLM-Omni's shape:
// text and audio events told apart by a top-level "modality", a whole WAV file
// in each audio delta. Each method appends one server-sent event to dst; none
// allocates when dst has room.
//
// The finish reason of a reply goes with the last event of the modality that
// finishes last, and with no other one: a client that stops reading there has
// everything. AppendText and AppendAudio take it, empty while the reply goes on.
// Of several choices, which are text alone, each has its own.
type ChatStream struct {
	// envelope is `data: {"id":...,"choices":[`, which every event begins with.
	envelope []byte
	// continuousUsage says that each event has the usage so far.
	continuousUsage bool
	hasRole         []bool // by choice: the event that names its role has gone
}

// NewChatStream starts the events of reply id, created at unix seconds by
// model. With continuous usage each event carries the usage so far.
func NewChatStream(id, model string, created int64, continuousUsage bool) *ChatStream {
	envelope := appendEnvelope(nil, "chat.completion.chunk", id, model, created)
	return &ChatStream{
		envelope:        envelope,
		continuousUsage: continuousUsage,
	}
}

// AppendText appends a text delta, with the event that names the role before
// the choice's first one.
func (s *ChatStream) AppendText(dst []byte, t TextPiece, u Usage) []byte {
	for len(s.hasRole) <= t.Index {
		s.hasRole = append(s.hasRole, false)
	}
	if !s.hasRole[t.Index] {
		s.hasRole[t.Index] = true
		dst = s.delta(dst, t.Index)
		dst = append(dst, `"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null,"modality":"text"`...)
		dst = s.end(dst, NewUsage(u.PromptTokens, 0))
	}
	dst = s.delta(dst, t.Index)
	dst = append(dst, `"content":`...)
	dst = appendJSON(dst, t.Text)
	dst = appendMore(dst, t.More)
	dst = append(dst, `},"logprobs":`...)
	dst = t.appendLogprobs(dst)
	dst = append(dst, `,"finish_reason":`...)
	dst = appendFinish(dst, t.Finish)
	if t.Finish != "" {
		dst = append(dst, `,"stop_reason":`...)
		dst = t.appendStop(dst)
	}
	dst = append(dst, `,"token_ids":null}],"modality":"text","metrics":{}`...)
	return s.end(dst, u)
}

// AppendAudio appends an audio delta: a whole WAV file, or nothing for an event
// that only says how the reply ended. Without continuous usage the event counts
// the prompt alone, as the reference's does.
func (s *ChatStream) AppendAudio(dst, wav []byte, finish string, u Usage) []byte {
	dst = s.delta(dst, 0)
	dst = append(dst, `"role":"assistant","content":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, wav)
	dst = append(dst, `"},"logprobs":null,"finish_reason":`...)
	dst = appendFinish(dst, finish)
	dst = append(dst, `,"stop_reason":null,"token_ids":null}],"modality":"audio","usage":`...)
	if !s.continuousUsage {
		u = NewUsage(u.PromptTokens, 0)
	}
	dst = u.append(dst)
	return append(dst, "}\n\n"...)
}

// AppendUsage appends the event of stream_options.include_usage.
func (s *ChatStream) AppendUsage(dst []byte, u Usage) []byte {
	dst = append(dst, s.envelope...)
	dst = append(dst, `],"usage":`...)
	dst = u.append(dst)
	return append(dst, "}\n\n"...)
}

// delta begins an event, up to the members of a choice's delta.
func (s *ChatStream) delta(dst []byte, index int) []byte {
	dst = append(dst, s.envelope...)
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	return append(dst, `,"delta":{`...)
}

// end closes an event, with the usage so far if it was asked for.
func (s *ChatStream) end(dst []byte, u Usage) []byte {
	if s.continuousUsage {
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
