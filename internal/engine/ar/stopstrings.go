package ar

import (
	"bytes"
	"strings"
)

// stopStrings finds stop strings in a text that comes in pieces, wherever the
// pieces are cut, and holds back text that may turn out to begin one.
type stopStrings struct {
	stops   [][]byte
	include bool   // a stop string that was found is part of the text
	held    []byte // the longest end of the text that begins a stop string
	text    strings.Builder
}

// shown makes the next piece of the text. All pieces share one growing text, so
// that most cost no memory of their own.
func (s *stopStrings) shown(piece []byte) string {
	at := s.text.Len()
	s.text.Write(piece)
	return s.text.String()[at:]
}

func newStopStrings(stops []string, include bool) stopStrings {
	s := stopStrings{include: include}
	for _, stop := range stops {
		s.stops = append(s.stops, []byte(stop))
	}
	return s
}

// take goes on with newly decoded text and returns what may be shown. If the
// text came to hold a stop string, that is the last of it: found is the string
// that ended first, the longest of those. Without look, strings that end in this
// text are passed over.
func (s *stopStrings) take(text []byte, look bool) (shown, found string) {
	if len(s.stops) == 0 {
		return s.shown(text), ""
	}
	old := len(s.held)
	s.held = append(s.held, text...)
	if look {
		if from, to := s.find(old); to > 0 {
			found = string(s.held[from:to])
			if s.include {
				from = to
			}
			shown = s.shown(s.held[:from])
			s.held = s.held[:0]
			return shown, found
		}
	}
	safe := len(s.held) - s.beginning()
	shown = s.shown(s.held[:safe])
	s.held = s.held[:copy(s.held, s.held[safe:])]
	return shown, ""
}

// find returns where the stop string stands that ends first behind the old text;
// to is 0 if none does. The old text may hold one that was passed over.
func (s *stopStrings) find(old int) (from, to int) {
	for _, stop := range s.stops {
		skip := max(0, old-len(stop)+1)
		at := bytes.Index(s.held[skip:], stop)
		if at < 0 {
			continue
		}
		at += skip
		if end := at + len(stop); to == 0 || end < to || end == to && at < from {
			from, to = at, end
		}
	}
	return from, to
}

// beginning is the length of the longest end of the text that begins a stop
// string without being one.
func (s *stopStrings) beginning() int {
	most := 0
	for _, stop := range s.stops {
		for n := min(len(stop)-1, len(s.held)); n > most; n-- {
			if bytes.HasSuffix(s.held, stop[:n]) {
				most = n
				break
			}
		}
	}
	return most
}

// rest is what was held back when the text has ended without a stop string.
func (s *stopStrings) rest() string {
	rest := s.shown(s.held)
	s.held = s.held[:0]
	return rest
}
