package openai

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// An event of a stream is a few members of known names around a few letters of
// text, and a server in front of others reads a hundred thousand of them a second.
// So their pieces are found as a body's are. Whatever is not as all servers write
// it, members of another type, given twice, or in capital letters, is left to
// encoding/json, which decides.

// scan reads an event into c, which is empty but for what known has. It is false
// when the event has to be left to encoding/json; c is spoilt then.
func (c *ChatChunk) scan(data []byte, known *ChatChunk) bool {
	if !utf8.Valid(data) || !valid(data) {
		return false
	}
	var s memberScan
	return s.begin(data) && s.each(func() bool {
		switch string(s.name) {
		case "id":
			return s.once(1) && scanText(&c.ID, s.value, known.ID)
		case "model":
			return s.once(2) && scanText(&c.Model, s.value, known.Model)
		case "choices":
			return s.once(4) && c.scanChoices(s.value)
		case "modality":
			return s.once(8) && scanText(&c.Modality, s.value, known.Modality)
		case "usage":
			return s.once(16) && scanOther(&c.Usage, s.value)
		case "metrics":
			return s.once(32) && scanOther(&c.Metrics, s.value)
		case "error":
			return string(s.value) == "null"
		default:
			return s.lower()
		}
	})
}

func (c *ChatChunk) scanChoices(list []byte) bool {
	if list[0] != '[' {
		return false
	}
	text := list[1:]
	for text = text[space(text):]; text[0] != ']'; {
		var raw []byte
		raw, text = piece(text)
		c.Choices = append(c.Choices, ChatChoice{})
		if !c.Choices[len(c.Choices)-1].scan(raw) {
			return false
		}
	}
	return true
}

func (c *ChatChoice) scan(data []byte) bool {
	var s memberScan
	return s.begin(data) && s.each(func() bool {
		switch string(s.name) {
		case "index":
			return s.once(1) && scanIndex(&c.Index, s.value)
		case "delta":
			return s.once(2) && c.Delta.scan(s.value)
		case "finish_reason":
			return s.once(4) && scanText(&c.FinishReason, s.value, "stop")
		case "logprobs":
			c.Logprobs = kept(s.value)
			return s.once(8)
		case "stop_reason":
			c.StopReason = kept(s.value)
			return s.once(16)
		default:
			return s.lower()
		}
	})
}

func (d *ChatDelta) scan(data []byte) bool {
	var s memberScan
	return s.begin(data) && s.each(func() bool {
		switch string(s.name) {
		case "role":
			return s.once(1) && scanText(&d.Role, s.value, "assistant")
		case "content":
			return s.once(2) && scanText(&d.Content, s.value, "")
		case "audio":
			return s.once(4) && scanAudio(&d.Audio, s.value)
		default:
			if bytes.IndexByte(s.name, '\\') >= 0 {
				return false
			}
			if string(s.value) == "null" {
				delete(d.More, string(s.name)) // of a name given twice the last counts
				return true
			}
			if d.More == nil {
				d.More = map[string]json.RawMessage{}
			}
			d.More[string(s.name)] = bytes.Clone(s.value)
			return true
		}
	})
}

func scanAudio(place **ChatAudio, data []byte) bool {
	if string(data) == "null" {
		return true
	}
	var s memberScan
	if !s.begin(data) {
		return false
	}
	a := new(ChatAudio)
	*place = a
	return s.each(func() bool {
		switch string(s.name) {
		case "id":
			return s.once(1) && scanText(&a.ID, s.value, "")
		case "data":
			return s.once(2) && scanText(&a.Data, s.value, "")
		case "transcript":
			return s.once(4) && scanText(&a.Transcript, s.value, "")
		case "expires_at":
			return s.once(8) && json.Unmarshal(s.value, &a.ExpiresAt) == nil
		default:
			return s.lower()
		}
	})
}

// memberScan goes through the members of an object in valid JSON.
type memberScan struct {
	rest        []byte
	name, value []byte // the name without its quotes
	seen        uint
}

// begin is false if data is no object.
func (s *memberScan) begin(data []byte) bool {
	data = data[space(data):]
	if data[0] != '{' {
		return false
	}
	s.rest = data[1:]
	s.rest = s.rest[space(s.rest):]
	return true
}

// each takes the members in turn, until one is not as all servers write it.
func (s *memberScan) each(take func() bool) bool {
	for s.next() {
		if !take() {
			return false
		}
	}
	return true
}

// next finds the next member, if there is one.
func (s *memberScan) next() bool {
	if s.rest[0] != '"' {
		return false
	}
	n := stringLength(s.rest)
	s.name, s.rest = s.rest[1:n-1], s.rest[n:]
	s.rest = s.rest[space(s.rest)+1:] // the colon
	s.value, s.rest = piece(s.rest)
	return true
}

// once is false when it is asked a second time for a member.
func (s *memberScan) once(member uint) bool {
	again := s.seen&member != 0
	s.seen |= member
	return !again
}

// lower says that the member's name can't stand for another one to encoding/json,
// for which capital letters and escapes would do.
func (s *memberScan) lower() bool {
	for _, c := range s.name {
		if c >= 'A' && c <= 'Z' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// scanText reads a string or null; likely is what it may well be, which then
// needs no memory.
func scanText(place *string, raw []byte, likely string) bool {
	if raw[0] != '"' {
		return string(raw) == "null"
	}
	if text := raw[1 : len(raw)-1]; bytes.IndexByte(text, '\\') >= 0 {
		return json.Unmarshal(raw, place) == nil
	} else if string(text) == likely {
		*place = likely
	} else {
		*place = string(text)
	}
	return true
}

func scanIndex(place *int, raw []byte) bool {
	if len(raw) == 1 && raw[0]-'0' <= 9 {
		*place = int(raw[0] - '0')
		return true
	}
	return json.Unmarshal(raw, place) == nil
}

// scanOther reads an object or null.
func scanOther[T any](place **T, raw []byte) bool {
	switch string(raw) {
	case "null":
		return true
	case "{}":
		*place = new(T)
		return true
	}
	return json.Unmarshal(raw, place) == nil
}

var null = json.RawMessage("null")

// kept is a copy of raw, which is valid no longer than the event.
func kept(raw []byte) json.RawMessage {
	if string(raw) == "null" {
		return null[:len(null):len(null)]
	}
	return bytes.Clone(raw)
}
