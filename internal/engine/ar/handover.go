package ar

import (
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
)

// handover decides what the talker gets of one reply, and when. The prompt's
// rows go with the first token. A generated token is spoken once another one
// follows it and all its text is shown: so the last one, normally the
// end-of-sequence token, never is, nor is any part of a stop string.
type handover struct {
	thinker *qwen3omni.Thinker
	// Positions of the prompt that the talker reads, and those of an assistant
	// segment that the client began.
	promptRows, textRows []int

	begun       bool
	waiting     []spoken // tokens that were not handed over, the oldest first
	made, shown int      // bytes of text that were decoded and shown
}

// spoken is a token that waits to be handed over.
type spoken struct {
	id  int32
	end int // where its text ends
}

// newHandover reads from the prompt what the talker is to know of it.
func newHandover(m *qwen3omni.Model, prompt []int32) (*handover, error) {
	h := &handover{thinker: m.Thinker}
	var err error
	h.promptRows, h.textRows, err = m.Config.TalkerPromptRows(prompt)
	return h, err
}

// next takes in the newest of ids, prompt and generated tokens: how many bytes
// of text it made, and how many more are shown since. It returns what goes to
// the talker, nil if nothing does.
func (h *handover) next(ids []int32, made, shown int) engine.Payload {
	h.made += made
	h.shown += shown
	// The newest token is not among those that may go: none follows it yet.
	n := 0
	for n < len(h.waiting) && h.waiting[n].end <= h.shown {
		n++
	}
	e := &engine.Embeddings{Width: h.thinker.Decoder().Hidden()}
	if !h.begun {
		h.begun = true
		e.Prompt, e.Text = h.rows(ids, h.promptRows), h.rows(ids, h.textRows)
	}
	for _, w := range h.waiting[:n] {
		e.Text = append(e.Text, make([]float32, e.Width)...)
		h.thinker.Embed(e.Text[len(e.Text)-e.Width:], []int32{w.id})
	}
	h.waiting = h.waiting[:copy(h.waiting, h.waiting[n:])]
	h.waiting = append(h.waiting, spoken{ids[len(ids)-1], h.made})
	if e.Prompt == nil && e.Text == nil {
		return nil
	}
	return e
}

// rows are the embeddings of the ids at the given positions.
func (h *handover) rows(ids []int32, positions []int) []float32 {
	width := h.thinker.Decoder().Hidden()
	rows := make([]float32, len(positions)*width)
	for i, at := range positions {
		h.thinker.Embed(rows[i*width:(i+1)*width], ids[at:at+1])
	}
	return rows
}
