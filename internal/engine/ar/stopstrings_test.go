package ar

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// plainStop is what stopStrings is held against: it looks at every beginning of
// the whole text in turn.
func plainStop(text string, stops []string, from int) (before, found string) {
	for end := range len(text) + 1 {
		for _, stop := range stops {
			if end > from && strings.HasSuffix(text[:end], stop) && len(stop) > len(found) {
				before, found = text[:end-len(stop)], stop
			}
		}
		if found != "" {
			return before, found
		}
	}
	return text, ""
}

func randomText(random *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString([]string{"a", "b", "ß"}[random.IntN(3)])
	}
	return b.String()
}

func TestStopStringsAreFoundHoweverTheTextIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	hits := 0
	for round := range 3000 {
		text := randomText(random, random.IntN(20))
		var stops []string
		for range 1 + random.IntN(3) {
			stops = append(stops, randomText(random, 1+random.IntN(4)))
		}
		include := random.IntN(2) == 0
		passed := 0 // the bytes of text in which nothing is looked for
		s := newStopStrings(stops, include)
		var shown, found, taken string
		for rest := []rune(text); len(rest) > 0 && found == ""; {
			n := 1 + random.IntN(min(4, len(rest)))
			piece := string(rest[:n])
			rest = rest[n:]
			look := passed < len(taken) || random.IntN(4) > 0
			taken += piece
			if !look {
				passed = len(taken)
			}
			var more string
			more, found = s.take([]byte(piece), look)
			shown += more
			if found == "" { // nothing that is safe is held back
				held := strings.TrimPrefix(taken, shown)
				for _, stop := range stops {
					for k := 1; k < len(stop); k++ {
						if strings.HasSuffix(taken, stop[:k]) && k > len(held) {
							t.Fatalf("round %d: %q of %q was shown, though %q may come", round, shown, taken, stop)
						}
					}
				}
				if begins := func() bool {
					for _, stop := range stops {
						if held == "" || len(held) < len(stop) && strings.HasPrefix(stop, held) {
							return true
						}
					}
					return false
				}(); !begins {
					t.Fatalf("round %d: %q is held back, which begins none of %q", round, held, stops)
				}
			}
		}
		if found == "" {
			shown += s.rest()
		} else {
			hits++
		}
		want, wantFound := plainStop(text, stops, passed)
		if include {
			want += wantFound
		}
		if shown != want || found != wantFound {
			t.Fatalf("round %d: %q with %q from byte %d: %q and %q, want %q and %q", round, text, stops, passed, shown, found, want, wantFound)
		}
	}
	if hits < 500 {
		t.Errorf("only %d texts held a stop string", hits)
	}
}

func TestTextWithoutStopStringsGoesThrough(t *testing.T) {
	s := newStopStrings(nil, false)
	if shown, found := s.take([]byte("ab"), true); shown != "ab" || found != "" || s.rest() != "" {
		t.Errorf("%q, %q", shown, found)
	}
}
