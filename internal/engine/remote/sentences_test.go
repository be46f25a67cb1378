package remote

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextIsCutIntoSentencesHoweverItArrives(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                     nil,
		"Hello":                                {"Hello"},
		"It is 3.14 or so. Is it? Yes, it is!": {"It is 3.14 or so.", "Is it? Yes, it is!"},
		"Hm. Well. We shall see about that.":   {"Hm. Well. We shall see about that."},
		"A first line\nand a second one\n":     {"A first line", "and a second one"},
		"今天天气非常好，我们一起去公园吧。你觉得这个主意怎么样呢？好的":         {"今天天气非常好，我们一起去公园吧。", "你觉得这个主意怎么样呢？", "好的"},
		"an \xff odd byte is no end. but this is": {"an \xff odd byte is no end.", "but this is"},
	} {
		for size := 1; size <= len(text)+1; size++ {
			var s sentences
			var got []string
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				got = append(got, s.add(rest[:n])...)
				rest = rest[n:]
			}
			if tail := s.flush(); tail != "" {
				got = append(got, tail)
			}
			if !utf8.ValidString(text) || size < utf8.UTFMax && len(text) > utf8.RuneCountInString(text) {
				continue // a character in pieces is the decoder's business
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q by %d: %q, want %q", text, size, got, want)
			}
		}
	}
}

func TestTextWithoutAnEndIsCutAtAWord(t *testing.T) {
	var s sentences
	pieces := s.add(strings.Repeat("word ", 200))
	for _, p := range pieces {
		if n := utf8.RuneCountInString(p); n > maxSentence || !strings.HasSuffix(p, "word") {
			t.Errorf("%d characters: %q", n, p)
		}
	}
	if len(pieces) != 2 {
		t.Errorf("%d pieces", len(pieces))
	}
	if pieces := s.add(strings.Repeat("x", 1000)); len(pieces) != 3 || len(pieces[2]) != maxSentence {
		t.Errorf("%d pieces of one word", len(pieces))
	}
}
