package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Forward says how a client's request is changed on its way to another server
// of the API. Whatever it does not name passes as the client wrote it, members
// that Limelight does not know included.
type Forward struct {
	// Model replaces the model's name; empty leaves it.
	Model string
	// Set replaces or adds members, by name.
	Set map[string]any
	// Drop removes members.
	Drop []string
	// Transcripts replace the input_audio parts of the messages by text, in
	// their order; nil leaves the parts as they are.
	Transcripts []string
}

// Apply returns the changed body. Members keep their order.
func (f Forward) Apply(body []byte) ([]byte, error) {
	set := make(map[string]json.RawMessage, len(f.Set)+1)
	for name, v := range f.Set {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("member %s: %w", name, err)
		}
		set[name] = raw
	}
	if f.Model != "" {
		set["model"] = appendJSON(nil, f.Model)
	}
	out := make([]byte, 0, len(body)+64)
	out = append(out, '{')
	member := func(name string, raw []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(appendJSON(out, name), ':')
		out = append(out, raw...)
	}
	e := members(value{raw: body}, func(name string, m value) *Error {
		if raw, replaced := set[name]; replaced {
			member(name, raw)
			delete(set, name)
			return nil
		}
		switch {
		case slices.Contains(f.Drop, name):
			return nil
		case name == "messages" && f.Transcripts != nil:
			raw, e := transcribed(m, f.Transcripts)
			if e != nil {
				return e
			}
			m.raw = raw
		}
		member(name, m.raw)
		return nil
	})
	if e != nil {
		return nil, e
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		member(name, set[name])
	}
	return append(out, '}'), nil
}

// transcribed returns the messages with their input_audio parts replaced.
func transcribed(messages value, transcripts []string) ([]byte, *Error) {
	items, e := messages.items()
	if e != nil {
		return nil, e
	}
	out := []byte{'['}
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		first := true
		out = append(out, '{')
		e := members(item, func(name string, m value) *Error {
			if !first {
				out = append(out, ',')
			}
			first = false
			out = append(appendJSON(out, name), ':')
			if name != "content" || m.kind() != "an array" {
				out = append(out, m.raw...)
				return nil
			}
			parts, e := m.items()
			if e != nil {
				return e
			}
			out = append(out, '[')
			for j, part := range parts {
				if j > 0 {
					out = append(out, ',')
				}
				if partKind(part.raw) != "input_audio" {
					out = append(out, part.raw...)
					continue
				}
				if len(transcripts) == 0 {
					return BadRequest(part.path, "has no transcript")
				}
				out = append(appendJSON(append(out, `{"type":"text","text":`...), transcripts[0]), '}')
				transcripts = transcripts[1:]
			}
			out = append(out, ']')
			return nil
		})
		if e != nil {
			return nil, e
		}
		out = append(out, '}')
	}
	return append(out, ']'), nil
}

func partKind(raw []byte) string {
	var part struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(raw, &part) != nil {
		return ""
	}
	return part.Type
}

// Clip is a recording inside a chat request.
type Clip struct {
	// Data is the file, Format what it is: wav or mp3.
	Data   []byte
	Format string
}

// Clips returns the recordings of a chat request's input_audio parts, in order.
func Clips(body []byte) ([]Clip, *Error) {
	var request struct {
		Messages []struct {
			Content json.RawMessage `json:"content"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, BadRequest("messages", "%v", err)
	}
	var clips []Clip
	for i, m := range request.Messages {
		if content := bytes.TrimSpace(m.Content); len(content) == 0 || content[0] != '[' {
			continue
		}
		var parts []struct {
			Type       string `json:"type"`
			InputAudio *struct {
				Data   []byte `json:"data"`
				Format string `json:"format"`
			} `json:"input_audio"`
		}
		path := fmt.Sprintf("messages[%d].content", i)
		if err := json.Unmarshal(m.Content, &parts); err != nil {
			return nil, BadRequest(path, "%v", err)
		}
		for j, p := range parts {
			if p.Type != "input_audio" {
				continue
			}
			path := fmt.Sprintf("%s[%d].input_audio", path, j)
			switch {
			case p.InputAudio == nil || len(p.InputAudio.Data) == 0:
				return nil, BadRequest(path+".data", "is required: a recording in base64")
			case p.InputAudio.Format != "wav" && p.InputAudio.Format != "mp3":
				return nil, BadRequest(path+".format", "must be wav or mp3, got %q", clip(p.InputAudio.Format))
			}
			clips = append(clips, Clip{Data: p.InputAudio.Data, Format: p.InputAudio.Format})
		}
	}
	return clips, nil
}
