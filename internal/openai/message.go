package openai

import "strings"

// Message is one turn, its parts joined.
type Message struct {
	// Role is system, user or assistant; OpenAI's developer is system.
	Role    string
	Content string
}

func decodeMessages(r *chatBody, v value) *Error {
	items, e := v.items()
	if e != nil {
		return e
	}
	if len(items) == 0 {
		return BadRequest(v.path, "must hold at least one message")
	}
	for _, item := range items {
		var m message
		if e := messageSchema.decode(&m, item); e != nil {
			return e
		}
		if m.role == "" {
			return BadRequest(item.path+".role", "is required")
		}
		if m.spoken {
			if e := m.hear(item.path + ".audio"); e != nil {
				return e
			}
		}
		if !m.given {
			return BadRequest(item.path+".content", "is required")
		}
		r.Messages = append(r.Messages, Message{Role: m.role, Content: m.content.String()})
	}
	return nil
}

// message is a Message while it is read.
type message struct {
	role       string
	content    strings.Builder
	given      bool
	spoken     bool // it has an audio object
	transcript string
}

// hear takes a spoken message's transcript as its content, unless it has one.
// The sound itself is not kept: its id alone says nothing.
func (m *message) hear(path string) *Error {
	switch {
	case m.role != "assistant":
		return BadRequest(path, "is for assistant messages")
	case m.content.Len() > 0:
		return nil
	case m.transcript == "":
		return BadRequest(path, "sounds are not kept: send the transcript of the reply with it, or as content")
	}
	m.given = true
	m.content.WriteString(m.transcript)
	return nil
}

var messageSchema = schema[message]{
	fields: map[string]field[message]{
		"role":    decodeRole,
		"content": decodeContent,
		"name":    ignoredText[message],
		"audio": func(m *message, v value) *Error {
			m.spoken = true
			return spokenSchema.decode(m, v)
		},
	},
	// What a reply's message holds beside its text, for clients that send it back.
	unsupported: map[string][]string{
		"refusal": {}, "annotations": {"[]"}, "reasoning": {`""`}, "reasoning_content": {`""`},
		"tool_calls": {"[]"}, "tool_call_id": {}, "function_call": {},
	},
}

// spokenSchema is the audio object of a reply's message that a client sends
// back.
var spokenSchema = schema[message]{fields: map[string]field[message]{
	"id":         ignoredText[message],
	"data":       ignoredText[message],
	"expires_at": func(_ *message, v value) *Error { _, e := v.integer(); return e },
	"transcript": textField(func(m *message) *string { return &m.transcript }),
}}

func decodeRole(m *message, v value) *Error {
	role, e := v.text()
	if e != nil {
		return e
	}
	switch role {
	case "developer":
		role = "system" // OpenAI's newer word for it
	case "system", "user", "assistant":
	case "tool", "function":
		return BadRequest(v.path, "%s is not supported; it must be system, developer, user or assistant", role)
	default:
		return BadRequest(v.path, "must be system, developer, user or assistant, got %q", clip(role))
	}
	m.role = role
	return nil
}

func decodeContent(m *message, v value) *Error {
	m.given = true
	if v.kind() == "a string" {
		s, e := v.text()
		m.content.WriteString(s)
		return e
	}
	items, e := v.items()
	if e != nil {
		return v.mustBe("a string or an array of parts")
	}
	for _, item := range items {
		var p part
		if e := partSchema.decode(&p, item); e != nil {
			return e
		}
		switch {
		case p.kind == "" && p.other == "":
			return BadRequest(item.path+".type", "is required")
		case p.other != "":
			return BadRequest(item.path+"."+p.other, "is not supported: the embedded engine reads text only")
		case !p.given:
			return BadRequest(item.path+".text", "is required")
		}
		m.content.WriteString(p.text)
	}
	return nil
}

// part is one part of a message's content.
type part struct {
	kind  string
	text  string
	given bool
	other string // the member that holds something else than text
}

var partSchema = schema[part]{fields: map[string]field[part]{
	"type": decodeKind,
	"text": func(p *part, v value) (e *Error) {
		p.given = true
		p.text, e = v.text()
		return e
	},
	"image_url":   otherPart("image_url"),
	"input_audio": otherPart("input_audio"),
	"audio_url":   otherPart("audio_url"),
	"video_url":   otherPart("video_url"),
	"file":        otherPart("file"),
}}

func decodeKind(p *part, v value) (e *Error) {
	if p.kind, e = v.text(); e != nil {
		return e
	}
	switch p.kind {
	case "text":
		return nil
	case "image_url", "input_audio", "audio_url", "video_url", "file",
		"image", "audio", "video", "image_embeds", "audio_embeds", "input_image":
		return BadRequest(v.path, "%s is not supported: the embedded engine reads text only", p.kind)
	}
	return BadRequest(v.path, "must be text, got %q", clip(p.kind))
}

// otherPart notes the body of a part that isn't text. The part's type, which
// may come after it, makes the better error.
func otherPart(name string) field[part] {
	return func(p *part, _ value) *Error {
		p.other = name
		return nil
	}
}
