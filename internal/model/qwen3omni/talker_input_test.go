package qwen3omni

import (
	"slices"
	"testing"
)

func TestTalkerPromptRows(t *testing.T) {
	c := loadSetA(t).Config
	const start, end, system, user, assistant, newline, tool = 300, 301, 20, 21, 22, 23, 24
	for _, test := range []struct {
		name       string
		ids        []int32
		rows, text []int
	}{
		{"one user message", []int32{start, user, newline, 5, end, newline, start, assistant, newline}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, nil},
		{"system is not read", []int32{start, system, newline, 5, end, newline, start, user, newline, 6, start, assistant, newline}, []int{6, 7, 8, 9, 10, 11, 12}, nil},
		{"past replies are not read", []int32{start, user, 1, start, assistant, newline, 7, start, user, 2, start, assistant, newline}, []int{0, 1, 2, 7, 8, 9, 10, 11, 12}, nil},
		{"a role that is not known is not read", []int32{start, tool, newline, 9, start, assistant, newline}, []int{4, 5, 6}, nil},
		{"ids before the first message are not read", []int32{8, 8, start, assistant, newline}, []int{2, 3, 4}, nil},
		{"a reply that is begun", []int32{start, user, 1, start, assistant, newline, 30, 31}, []int{0, 1, 2, 3, 4, 5}, []int{6, 7}},
		{"a message without a role", []int32{start, start, assistant, newline}, []int{1, 2, 3}, nil},
	} {
		rows, text, err := c.TalkerPromptRows(test.ids)
		if err != nil || !slices.Equal(rows, test.rows) || !slices.Equal(text, test.text) {
			t.Errorf("%s: rows %v, text %v, error %v; want %v and %v", test.name, rows, text, err, test.rows, test.text)
		}
	}

	const silent = "prompt: it does not end with the head of an assistant message, so nothing can be spoken"
	for _, test := range []struct {
		name string
		ids  []int32
		want string
	}{
		{"no ids", nil, silent},
		{"no message", []int32{1, 2, 3}, silent},
		{"user last", []int32{start, assistant, newline, 1, start, user, newline, 5}, silent},
		{"half a head", []int32{start, user, newline, start, assistant}, silent},
		{"im_start last", []int32{start, assistant, newline, 1, start}, silent},
		{"an image", []int32{start, user, newline, 308, start, assistant, newline}, "prompt: audio, image and video input cannot be spoken about: the embedded engine reads text"},
	} {
		if _, _, err := c.TalkerPromptRows(test.ids); err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %s", test.name, err, test.want)
		}
	}
}

func TestUnknownVoiceIsAnErrorThatListsTheVoices(t *testing.T) {
	m := loadSetA(t)
	_, err := NewTalkerInput(m.Talker, "bob")
	if want := `"bob" is not one of aiden, chelsie, ethan`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, err := NewTalkerInput(m.Talker, "Ethan"); err != nil {
		t.Errorf("voices are found in any case, but: %v", err)
	}
}

func TestTalkerInputWaitsForTextAndNeverPadsEarly(t *testing.T) {
	m := loadSetA(t)
	h := m.Thinker.Decoder().Hidden()
	rows := sequences(m.Thinker.Decoder(), 8)[0]
	in, err := NewTalkerInput(m.Talker, "aiden")
	if err != nil {
		t.Fatal(err)
	}
	row := func(k int) []float32 {
		r, ok := in.TextRow(k)
		if !ok {
			return nil
		}
		return r
	}
	in.AddPrompt(rows[:2*h])
	in.AddPrompt(rows[2*h : 5*h])
	in.AddText(nil)
	if _, ok := in.Prefill(); ok || in.Silent() {
		t.Error("a prefill without text, or silence before the text's end")
	}
	in.AddText(rows[5*h : 6*h])
	prefill, ok := in.Prefill()
	if want := (2 + 9) * m.Talker.Decoder().Hidden(); !ok || len(prefill) != want {
		t.Errorf("prefill of %d elements, %v; want %d", len(prefill), ok, want)
	}
	if row(0) != nil {
		t.Error("a text row that does not exist yet")
	}
	in.AddText(rows[6*h : 8*h])
	second := slices.Clone(row(1))
	if row(0) == nil || second == nil || row(2) != nil {
		t.Error("two further rows of text must give rows 0 and 1, no more")
	}
	in.EndText()
	again, _ := in.Prefill()
	if !slices.Equal(again, prefill) || !slices.Equal(row(1), second) {
		t.Error("rows changed when text came")
	}
	if !slices.Equal(row(2), m.Talker.ttsEOS) || !slices.Equal(row(3), m.Talker.ttsPad) || !slices.Equal(row(400), m.Talker.ttsPad) {
		t.Error("behind the text must come the mark of its end, once, and then padding")
	}
}

func TestTextThatEndsWithoutARowIsSilent(t *testing.T) {
	m := loadSetA(t)
	in, err := NewTalkerInput(m.Talker, "aiden")
	if err != nil {
		t.Fatal(err)
	}
	in.AddPrompt(sequences(m.Thinker.Decoder(), 3)[0])
	in.EndText()
	if _, ok := in.Prefill(); ok || !in.Silent() {
		t.Error("nothing can be spoken, but the input says otherwise")
	}
}

// One row of text is enough: its successor is the mark of the text's end.
func TestASingleTextRowCanBeSpoken(t *testing.T) {
	m := loadSetA(t)
	in, err := NewTalkerInput(m.Talker, "aiden")
	if err != nil {
		t.Fatal(err)
	}
	rows := sequences(m.Thinker.Decoder(), 4)[0]
	h := m.Thinker.Decoder().Hidden()
	in.AddPrompt(rows[:3*h])
	in.AddText(rows[3*h:])
	in.EndText()
	if row, ok := in.TextRow(0); !ok || !slices.Equal(row, m.Talker.ttsEOS) {
		t.Error("row 0 is not the mark of the text's end")
	}
	if out := speak(m, in, 5, 1, nil); out.frames == 0 {
		t.Error("no frames")
	}
}

func TestSuppressLeavesCodesAndTheEndOfSpeech(t *testing.T) {
	m := loadSetA(t)
	scores := make([]float32, m.Talker.Vocab())
	for i := range scores {
		scores[i] = float32(i)
	}
	m.Talker.Suppress(scores)
	for i, v := range scores {
		allowed := i < 64 || i == 166
		if allowed && v != float32(i) || !allowed && v > -1e30 {
			t.Errorf("score of id %d is %v", i, v)
		}
	}
}
