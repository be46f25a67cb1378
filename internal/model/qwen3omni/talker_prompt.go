package qwen3omni

import (
	"errors"
	"slices"
)

// headRows is the length of a message's head: im_start, role, newline.
const headRows = 3

// TalkerPromptRows finds the positions of a prompt that the talker reads. Rows
// are those of the user messages, in order, and then the three head rows of the
// assistant message that the prompt ends with; text are that message's further
// rows, which are the beginning of what is spoken. Other messages are not read.
// A message begins at im_start; its role is the id behind it. It is an error if
// the prompt does not end with an assistant message that has its whole head, or
// if a user message has a placeholder for audio, image or video input.
func (c *Config) TalkerPromptRows(ids []int32) (rows, text []int, err error) {
	for start := 0; start < len(ids); {
		if ids[start] != c.IMStart {
			start++
			continue
		}
		end := start + 1
		for end < len(ids) && ids[end] != c.IMStart {
			end++
		}
		role := int32(-1)
		if start+1 < end {
			role = ids[start+1]
		}
		switch {
		case role == c.User:
			for at := start; at < end; at++ {
				if slices.Contains(c.Thinker.Placeholders, ids[at]) {
					return nil, nil, errors.New("prompt: audio, image and video input cannot be spoken about: the embedded engine reads text")
				}
				rows = append(rows, at)
			}
		case role == c.Assistant && end == len(ids) && end-start >= headRows:
			for at := start; at < end; at++ {
				if at < start+headRows {
					rows = append(rows, at)
				} else {
					text = append(text, at)
				}
			}
			return rows, text, nil
		}
		start = end
	}
	return nil, nil, errors.New("prompt: it does not end with the head of an assistant message, so nothing can be spoken")
}
