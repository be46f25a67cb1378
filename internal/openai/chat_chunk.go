package openai

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// ChatChunk is one event of a streamed chat reply as its reader sees it, in
// vLLM-Omni's shape or in OpenAI's.
type ChatChunk struct {
	ID      string       `json:"id"`
	Model   string       `json:"model"`
	Choices []ChatChoice `json:"choices"`
	// Modality is text or audio; empty where the server doesn't say, as OpenAI's.
	Modality string       `json:"modality"`
	Usage    *Usage       `json:"usage"`
	Metrics  *ChatMetrics `json:"metrics"`
}

// ChatMetrics is what vLLM-Omni counts in an event.
type ChatMetrics struct {
	NumTokensOut *int `json:"num_tokens_out"`
}

// ChatChoice is what an event says of one choice.
type ChatChoice struct {
	Index int       `json:"index"`
	Delta ChatDelta `json:"delta"`
	// FinishReason is empty while the reply goes on.
	FinishReason string `json:"finish_reason"`
	// Logprobs and StopReason are as the server wrote them; they may be null.
	Logprobs   json.RawMessage `json:"logprobs"`
	StopReason json.RawMessage `json:"stop_reason"`
}

// ChatDelta is what an event adds to a choice.
type ChatDelta struct {
	Role    string
	Content string
	// Audio is OpenAI's place for sound and for what it says.
	Audio *ChatAudio
	// More holds the members that are none of these, tool_calls for instance, as
	// the server wrote them; nil if there are none. Nulls are left out.
	More map[string]json.RawMessage
}

// ChatAudio is a piece of sound in OpenAI's shape.
type ChatAudio struct {
	ID         string `json:"id"`
	Data       string `json:"data"`
	Transcript string `json:"transcript"`
	ExpiresAt  int64  `json:"expires_at"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *ChatDelta) UnmarshalJSON(raw []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return err
	}
	*d = ChatDelta{}
	for name, m := range members {
		var err error
		switch {
		case string(m) == "null":
		case name == "role":
			err = json.Unmarshal(m, &d.Role)
		case name == "content":
			err = json.Unmarshal(m, &d.Content)
		case name == "audio":
			err = json.Unmarshal(m, &d.Audio)
		default:
			if d.More == nil {
				d.More = map[string]json.RawMessage{}
			}
			d.More[name] = m
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// DecodeChatChunk reads the data of an event other than Done. Members that it
// doesn't know are passed over. An event that reports a failure is returned as
// its *Error.
func DecodeChatChunk(data []byte) (*ChatChunk, error) {
	c := new(ChatChunk)
	if err := c.Decode(data); err != nil {
		return nil, err
	}
	return c, nil
}

// Decode is DecodeChatChunk into a chunk that may hold the event before, whose
// memory is used again. Nothing of data is kept.
func (c *ChatChunk) Decode(data []byte) error {
	known := *c
	clear(known.Choices)
	*c = ChatChunk{Choices: known.Choices[:0]}
	if c.scan(data, &known) {
		return nil
	}
	return c.decode(data)
}

// decode is Decode by encoding/json.
func (c *ChatChunk) decode(data []byte) error {
	var event struct {
		ChatChunk
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return fmt.Errorf("chat chunk: %w", err)
	}
	if len(event.Error) > 0 && string(event.Error) != "null" {
		return ParseError(0, data)
	}
	*c = event.ChatChunk
	return nil
}

// Text is the text that the chunk adds to the reply.
func (c *ChatChunk) Text() string {
	if c.Modality == "audio" {
		return ""
	}
	var text string
	for i := range c.Choices {
		text += c.Choices[i].Delta.Content
	}
	return text
}

// FinishReason is why the reply ended; empty while it goes on.
func (c *ChatChunk) FinishReason() string {
	for i := range c.Choices {
		if reason := c.Choices[i].FinishReason; reason != "" {
			return reason
		}
	}
	return ""
}

// AppendAudio appends the sound that the chunk adds to the reply: a whole WAV
// file from vLLM-Omni, bytes in the format that was asked for from OpenAI.
func (c *ChatChunk) AppendAudio(dst []byte) ([]byte, error) {
	for i := range c.Choices {
		delta := &c.Choices[i].Delta
		data := ""
		switch {
		case delta.Audio != nil:
			data = delta.Audio.Data
		case c.Modality == "audio":
			data = delta.Content
		}
		var err error
		if dst, err = base64.StdEncoding.AppendDecode(dst, []byte(data)); err != nil {
			return dst, fmt.Errorf("chat chunk: audio: %w", err)
		}
	}
	return dst, nil
}
