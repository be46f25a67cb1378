package remote

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a piece of text that is handed over to be spoken.
const (
	minSentence = 12  // characters: "Hm. Well." is spoken together
	maxSentence = 400 // characters: a text without an end is cut at a word
)

// sentences cuts a text that streams in into pieces to speak: whole sentences,
// so that speech starts before the text is complete and no sentence is torn.
type sentences struct {
	pending strings.Builder
}

// add takes further text in and returns the pieces that it completes.
func (s *sentences) add(text string) []string {
	s.pending.WriteString(text)
	var pieces []string
	for {
		all := s.pending.String()
		end := sentenceEnd(all)
		if end == 0 {
			return pieces
		}
		if piece := strings.TrimSpace(all[:end]); piece != "" {
			pieces = append(pieces, piece)
		}
		s.pending.Reset()
		s.pending.WriteString(all[end:])
	}
}

// flush returns what is left at the end of the text.
func (s *sentences) flush() string {
	rest := strings.TrimSpace(s.pending.String())
	s.pending.Reset()
	return rest
}

// sentenceEnd is where the first piece of text ends, 0 if it has not ended
// yet. A full stop ends a sentence only when white space follows: a number or
// a name may go on behind it.
func sentenceEnd(text string) int {
	count, word := 0, 0
	for at, r := range text {
		count++
		next := at + utf8.RuneLen(r)
		if r == utf8.RuneError {
			next = at + 1
		}
		if unicode.IsSpace(r) {
			word = next
		}
		switch {
		case count < minSentence:
		case strings.ContainsRune("。！？；…", r):
			return next
		case r == '\n':
			return next
		case strings.ContainsRune(".!?;", r):
			if follower, _ := utf8.DecodeRuneInString(text[next:]); next < len(text) && unicode.IsSpace(follower) {
				return next
			}
		}
		if count >= maxSentence {
			if word > 0 {
				return word
			}
			return next
		}
	}
	return 0
}
