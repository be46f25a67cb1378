package qwen3omni

import (
	"fmt"
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// TalkerInput assembles one sequence's input rows for the talker from rows of
// the thinker's embeddings, as they come to exist. The first rows, the prefill,
// are the user's messages and a nine-row head that carries the voice and the
// first spoken token; after that each frame's input has one row of the further
// text added to it. What a row holds never depends on when its text arrived. A
// TalkerInput belongs to one goroutine.
type TalkerInput struct {
	talker  *Talker
	voice   int32
	scratch Scratch
	prompt  []float32 // [rows, hidden], projected
	text    []float32 // [rows, hidden], projected
	ended   bool
}

// NewTalkerInput makes an empty input for a voice, by its name in any case. An
// unknown voice is an error that lists the voices.
func NewTalkerInput(t *Talker, voice string) (*TalkerInput, error) {
	id, ok := t.cfg.Voices[strings.ToLower(voice)]
	if !ok {
		names := make([]string, 0, len(t.cfg.Voices))
		for name := range t.cfg.Voices {
			names = append(names, name)
		}
		slices.Sort(names)
		return nil, fmt.Errorf("%q is not one of %s", voice, strings.Join(names, ", "))
	}
	return &TalkerInput{talker: t, voice: id}, nil
}

// AddPrompt adds rows of the thinker's embeddings, [n, thinker's hidden]: those
// of the user's messages, and last the three head rows of the assistant's, as
// Config.TalkerPromptRows lists them. Prompt rows come before text rows.
func (in *TalkerInput) AddPrompt(embeds []float32) {
	if len(embeds) > 0 && len(in.text) > 0 {
		panic("BUG: prompt rows after text rows")
	}
	in.prompt = in.project(in.prompt, embeds)
}

// AddText adds rows of the embeddings of spoken tokens.
func (in *TalkerInput) AddText(embeds []float32) {
	if len(embeds) > 0 && in.ended {
		panic("BUG: text rows after the text's end")
	}
	in.text = in.project(in.text, embeds)
}

// EndText says that all text rows have been added.
func (in *TalkerInput) EndText() { in.ended = true }

// Silent is true when the text has ended without a row: nothing can be spoken,
// and there will be no prefill.
func (in *TalkerInput) Silent() bool { return in.ended && len(in.text) == 0 }

func (in *TalkerInput) project(rows, embeds []float32) []float32 {
	n := len(embeds) / in.talker.text.fc1.Cols
	if n == 0 {
		return rows
	}
	at := len(rows)
	rows = slices.Grow(rows, n*in.hidden())[:at+n*in.hidden()]
	in.talker.ProjectText(&in.scratch, rows[at:], embeds, n)
	return rows
}

func (in *TalkerInput) hidden() int { return in.talker.cfg.Hidden }

// Prefill returns the first input rows, [n, hidden], once the first text row
// exists, as it is part of them.
func (in *TalkerInput) Prefill() (rows []float32, ok bool) {
	if len(in.text) == 0 {
		return nil, false
	}
	h, t := in.hidden(), in.talker
	if len(in.prompt) < headRows*h {
		panic("BUG: the prompt lacks the head of the assistant's message")
	}
	head := in.prompt[len(in.prompt)-headRows*h:]
	rows = make([]float32, 0, len(in.prompt)+(len(assistantPart{})-headRows)*h)
	rows = append(rows, in.prompt[:len(in.prompt)-headRows*h]...)
	code := make([]float32, h)
	for _, r := range in.assistantPart(head) {
		rows = append(rows, r.text...)
		if r.spoken {
			t.EmbedCode(code, r.code)
			tensor.Add(rows[len(rows)-h:], code)
		}
	}
	return rows, true
}

// PrefillRows is the length of the prefill of a prompt of which the talker reads
// so many rows, as Config.TalkerPromptRows lists them.
func PrefillRows(prompt int) int { return prompt - headRows + len(assistantPart{}) }

// assistantPart is the end of the prefill: each row is the sum of a text row
// and, from the fourth on, the embedding of a codec id.
type assistantPart [9]struct {
	text   []float32
	spoken bool
	code   int32
}

func (in *TalkerInput) assistantPart(head []float32) assistantPart {
	h, t := in.hidden(), in.talker
	c := t.cfg
	return assistantPart{
		{text: head[:h]},
		{text: head[h : 2*h]},
		{text: head[2*h : 3*h]},
		{t.ttsPad, true, c.CodecNoThink},
		{t.ttsPad, true, c.CodecThinkBOS},
		{t.ttsPad, true, c.CodecThinkEOS},
		{t.ttsPad, true, in.voice},
		{t.ttsBOS, true, c.CodecPad},
		{in.text[:h], true, c.CodecBOS},
	}
}

// TextRow returns the text row, [hidden], that is part of the input behind
// frame k (from 0): the token after those already in the input, then once the
// mark of the text's end, then padding for ever. It is false while that row
// does not exist yet; padding never comes early.
func (in *TalkerInput) TextRow(k int) (row []float32, ok bool) {
	h := in.hidden()
	at := (k + 1) * h // the first row is in the prefill
	switch {
	case at < len(in.text):
		return in.text[at : at+h], true
	case !in.ended:
		return nil, false
	case at == len(in.text):
		return in.talker.ttsEOS, true
	}
	return in.talker.ttsPad, true
}
