package openai

import (
	"maps"
	"strings"
)

// ChatRequest is the body of POST /v1/chat/completions.
type ChatRequest struct {
	// Model is empty when the client named none.
	Model    string
	Messages []Message
	// Text and Audio are the modalities; both are false when the client named
	// none.
	Text, Audio bool
	// Voice is audio.voice or speaker; empty if neither is set.
	Voice  string
	Stream bool
	// IncludeUsage and ContinuousUsage are members of stream_options.
	IncludeUsage, ContinuousUsage bool
	// Sampling holds the request-level parameters, which mean the first stage.
	Sampling Sampling
	// Stages holds one entry for each object of sampling_params_list; nil if
	// there is none.
	Stages []Sampling
}

// Message is one turn, its parts joined.
type Message struct {
	// Role is system, user or assistant.
	Role    string
	Content string
}

// DecodeChatRequest reads a chat request. The error names what is wrong.
func DecodeChatRequest(data []byte) (*ChatRequest, *Error) {
	v, e := body(data)
	if e != nil {
		return nil, e
	}
	r := &ChatRequest{}
	if e := chatSchema.decode(r, v); e != nil {
		return nil, e
	}
	if r.Messages == nil {
		return nil, BadRequest("messages", "is required")
	}
	return r, nil
}

var chatSchema = func() schema[ChatRequest] {
	fields := samplingFields(func(r *ChatRequest) *Sampling { return &r.Sampling })
	maps.Copy(fields, map[string]field[ChatRequest]{
		"model":                 textField(func(r *ChatRequest) *string { return &r.Model }),
		"messages":              decodeMessages,
		"modalities":            decodeModalities,
		"audio":                 func(r *ChatRequest, v value) *Error { return audioSchema.decode(r, v) },
		"speaker":               textField(func(r *ChatRequest) *string { return &r.Voice }),
		"stream":                booleanField(func(r *ChatRequest) *bool { return &r.Stream }),
		"stream_options":        func(r *ChatRequest, v value) *Error { return streamSchema.decode(r, v) },
		"max_tokens":            maxTokens,
		"max_completion_tokens": maxTokens,
		"sampling_params_list":  decodeStages,
		"user":                  ignored[ChatRequest],
		"metadata":              ignored[ChatRequest],
		"service_tier":          ignored[ChatRequest],
		"safety_identifier":     ignored[ChatRequest],
		"prompt_cache_key":      ignored[ChatRequest],
	})
	unsupported := maps.Clone(unsupportedSampling)
	maps.Copy(unsupported, map[string][]string{
		"tools": {"[]"}, "tool_choice": {`"none"`}, "functions": {"[]"}, "function_call": {`"none"`},
		"parallel_tool_calls": {"true", "false"},
		"response_format":     {`{"type":"text"}`},
		"store":               {"false"},
		"prediction":          {}, "reasoning_effort": {}, "verbosity": {}, "web_search_options": {},
		"language": {}, "mm_processor_kwargs": {"{}"}, "chat_template": {}, "chat_template_kwargs": {"{}"},
		"add_generation_prompt": {"true"}, "continue_final_message": {"false"}, "echo": {"false"},
		"documents": {"[]"}, "add_special_tokens": {"false"}, "priority": {"0"}, "return_stage_metrics": {"false"},
		"initial_codec_chunk_frames": {}, "kv_transfer_params": {}, "include_reasoning": {"true", "false"},
	})
	return schema[ChatRequest]{fields: fields, unsupported: unsupported}
}()

var audioSchema = schema[ChatRequest]{fields: map[string]field[ChatRequest]{
	"voice": textField(func(r *ChatRequest) *string { return &r.Voice }),
	"format": func(_ *ChatRequest, v value) *Error {
		format, e := v.text()
		if e == nil && format != "wav" {
			return BadRequest(v.path, "must be wav, got %q", format)
		}
		return e
	},
}}

var streamSchema = schema[ChatRequest]{
	fields: map[string]field[ChatRequest]{
		"include_usage":          booleanField(func(r *ChatRequest) *bool { return &r.IncludeUsage }),
		"continuous_usage_stats": booleanField(func(r *ChatRequest) *bool { return &r.ContinuousUsage }),
	},
	unsupported: map[string][]string{"include_obfuscation": {"false"}},
}

var maxTokens = integerField(1, maxInt32, "at least 1", func(r *ChatRequest) **int64 { return &r.Sampling.MaxTokens })

func decodeStages(r *ChatRequest, v value) *Error {
	items, e := v.items()
	if e != nil {
		return e
	}
	r.Stages = make([]Sampling, len(items))
	for i, item := range items {
		if e := stageSampling.decode(&r.Stages[i], item); e != nil {
			return e
		}
	}
	return nil
}

func decodeModalities(r *ChatRequest, v value) *Error {
	items, e := v.items()
	if e != nil {
		return e
	}
	if len(items) == 0 {
		return BadRequest(v.path, "must name at least one of text and audio")
	}
	for _, item := range items {
		name, e := item.text()
		if e != nil {
			return e
		}
		switch name {
		case "text":
			r.Text = true
		case "audio":
			r.Audio = true
		default:
			return BadRequest(item.path, "must be text or audio, got %q", name)
		}
	}
	return nil
}

func decodeMessages(r *ChatRequest, v value) *Error {
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
		if !m.given {
			return BadRequest(item.path+".content", "is required")
		}
		r.Messages = append(r.Messages, Message{Role: m.role, Content: m.content.String()})
	}
	return nil
}

// message is a Message while it is read.
type message struct {
	role    string
	content strings.Builder
	given   bool
}

var messageSchema = schema[message]{
	fields: map[string]field[message]{
		"role": func(m *message, v value) *Error {
			role, e := v.text()
			if e != nil {
				return e
			}
			switch role {
			case "developer":
				role = "system" // OpenAI's newer word for it
			case "system", "user", "assistant":
			default:
				return BadRequest(v.path, "must be system, developer, user or assistant, got %q", role)
			}
			m.role = role
			return nil
		},
		"content":     decodeContent,
		"name":        ignored[message],
		"refusal":     ignored[message],
		"annotations": ignored[message],
	},
	unsupported: map[string][]string{"tool_calls": {"[]"}, "tool_call_id": {}, "function_call": {}, "audio": {}, "reasoning_content": {`""`}},
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
		if p.kind == "" {
			return BadRequest(item.path+".type", "is required")
		}
		if !p.given {
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
}

var partSchema = schema[part]{fields: map[string]field[part]{
	"type": func(p *part, v value) (e *Error) {
		if p.kind, e = v.text(); e != nil {
			return e
		}
		switch p.kind {
		case "text":
			return nil
		case "image_url", "input_audio", "audio_url", "video_url", "file", "image", "audio", "video":
			return BadRequest(v.path, "%s is not supported: the model reads text only", p.kind)
		}
		return BadRequest(v.path, "must be text, got %q", p.kind)
	},
	"text": func(p *part, v value) (e *Error) {
		p.given = true
		p.text, e = v.text()
		return e
	},
	"image_url": otherPart, "input_audio": otherPart, "audio_url": otherPart, "video_url": otherPart, "file": otherPart,
}}

// otherPart refuses the body of a part that isn't text, whether or not its
// type came first.
func otherPart(_ *part, v value) *Error {
	return BadRequest(v.path, "is not supported: the model reads text only")
}
