package openai

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// DecodeRelayedChat reads of a chat request what the server in front of another
// one has to know: whom it is for, what comes back, and how. Every other member
// passes, known to Limelight or not: the server behind judges it.
func DecodeRelayedChat(data []byte) (*ChatRequest, *Error) {
	v, e := body(data)
	if e != nil {
		return nil, e
	}
	var b chatBody
	if e := relayedSchema.decode(&b, v); e != nil {
		return nil, e
	}
	if b.Messages == nil {
		return nil, BadRequest("messages", "is required")
	}
	if b.Voice, b.VoiceParam, e = oneVoice(b.voice, "audio.voice", b.speaker); e != nil {
		return nil, e
	}
	if e := b.joinAudio(); e != nil {
		return nil, e
	}
	return &b.ChatRequest, nil
}

var relayedSchema = func() schema[chatBody] {
	fields := map[string]field[chatBody]{"messages": relayedMessages}
	for _, name := range []string{"model", "modalities", "audio", "speaker", "stream", "stream_options", "n", "seed"} {
		fields[name] = chatSchema.fields[name]
	}
	return schema[chatBody]{fields: fields, passes: true}
}()

// relayedMessages only sees that there is one.
func relayedMessages(r *chatBody, v value) *Error {
	items, e := v.items()
	if e != nil {
		return e
	}
	if len(items) == 0 {
		return BadRequest(v.path, "must hold at least one message")
	}
	r.Messages = []Message{}
	return nil
}

// Affinity is the same for all turns of a conversation: it is made of the first
// two messages of a chat request that was read before. It is 0 for anything
// else.
func Affinity(body []byte) uint64 {
	h := xxhash.New()
	some := false
	members(value{raw: body}, func(name string, m value) *Error {
		if name != "messages" {
			return nil
		}
		items, e := m.items()
		for _, item := range items[:min(2, len(items))] {
			some = true
			h.Write(item.raw)
			h.Write([]byte{0})
		}
		return e
	})
	if !some {
		return 0
	}
	return max(1, h.Sum64())
}

// DecodeRelayedSpeech reads of a speech request what the server in front of
// another one has to know.
func DecodeRelayedSpeech(data []byte) (*SpeechRequest, *Error) {
	v, e := body(data)
	if e != nil {
		return nil, e
	}
	b := speechBody{SpeechRequest: SpeechRequest{Format: "wav"}}
	if e := relayedSpeechSchema.decode(&b, v); e != nil {
		return nil, e
	}
	if b.Input == "" {
		return nil, BadRequest("input", "is required and must hold text")
	}
	if b.Voice, b.VoiceParam, e = oneVoice(b.voice, "voice", b.speaker); e != nil {
		return nil, e
	}
	return &b.SpeechRequest, nil
}

var relayedSpeechSchema = func() schema[speechBody] {
	fields := map[string]field[speechBody]{}
	for _, name := range []string{"model", "input", "voice", "speaker", "stream", "response_format"} {
		fields[name] = speechSchema.fields[name]
	}
	return schema[speechBody]{fields: fields, passes: true}
}()

// appendMore appends further members of a delta or a message, as another server
// wrote them; members that stand elsewhere are left out.
func appendMore(dst []byte, more map[string][]byte) []byte {
	if len(more) == 0 {
		return dst
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		if name == "logprobs" || name == "stop_reason" {
			continue
		}
		dst = append(dst, ',')
		dst = append(appendJSON(dst, name), ':')
		dst = append(dst, more[name]...)
	}
	return dst
}

// MoreOf gathers the further members of a stream's deltas into those of a whole
// reply: texts are joined, lists too, elements with the same index into one.
type MoreOf struct{ members map[string]any }

// Add takes the members of one delta in. What is not JSON is left out.
func (m *MoreOf) Add(more map[string][]byte) {
	for name, raw := range more {
		var v any
		if json.Unmarshal(raw, &v) != nil {
			continue
		}
		if m.members == nil {
			m.members = map[string]any{}
		}
		m.members[name] = joined(m.members[name], v)
	}
}

// Members returns what was gathered, nil if there was nothing.
func (m *MoreOf) Members() map[string][]byte {
	if m.members == nil {
		return nil
	}
	all := map[string][]byte{}
	for name, v := range m.members {
		if raw, err := json.Marshal(v); err == nil {
			all[name] = raw
		}
	}
	return all
}

// joined is a value with what a further delta says of it.
func joined(old, add any) any {
	switch add := add.(type) {
	case string:
		if s, ok := old.(string); ok {
			return s + add
		}
	case map[string]any:
		if o, ok := old.(map[string]any); ok {
			for name, v := range add {
				// These name a thing; they are said once, or again in full.
				if name == "index" || name == "id" || name == "type" {
					o[name] = v
					continue
				}
				o[name] = joined(o[name], v)
			}
			return o
		}
	case []any:
		o, _ := old.([]any)
		for _, v := range add {
			o = joinedElement(o, v)
		}
		return o
	}
	return add
}

// joinedElement puts an element to the one that has its index, or to the end.
func joinedElement(list []any, v any) []any {
	if m, ok := v.(map[string]any); ok {
		if index, ok := m["index"]; ok {
			for i, other := range list {
				if o, ok := other.(map[string]any); ok && o["index"] == index {
					list[i] = joined(o, m)
					return list
				}
			}
		}
	}
	return append(list, v)
}
