package server

import (
	"context"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// scriptedEvents are events that come in groups: those of a group are there at once, the
// next group comes only after a wait.
type scriptedEvents struct {
	groups [][]string
	waited func() // called when Next has to wait
}

func (s *scriptedEvents) Next(context.Context) (orchestrator.Event, error) {
	if len(s.groups[0]) == 0 {
		s.waited()
		if s.groups = s.groups[1:]; len(s.groups) == 0 {
			return orchestrator.Event{}, io.EOF
		}
	}
	ev := orchestrator.Event{Text: s.groups[0][0]}
	s.groups[0] = s.groups[0][1:]
	return ev, nil
}

func (s *scriptedEvents) Ready() bool { return len(s.groups[0]) > 0 }
func (s *scriptedEvents) Writing()    {}

// writes keeps every write by itself.
type writes struct {
	*httptest.ResponseRecorder
	all []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.all = append(w.all, string(p))
	return len(p), nil
}

func TestEventsThatAreThereTogetherAreWrittenTogetherAndNoneWaits(t *testing.T) {
	large := strings.Repeat("x", maxBatch)
	for name, c := range map[string]struct {
		groups [][]string
		want   []string
	}{
		"one at a time":   {[][]string{{"a"}, {"b"}, {"c"}}, []string{"a", "b", "c"}},
		"all at once":     {[][]string{{"a", "b", "c"}}, []string{"abc"}},
		"some of each":    {[][]string{{"a", "b"}, {"c"}, {"d", "e"}}, []string{"ab", "c", "de"}},
		"a batch is full": {[][]string{{"a", large, "b"}}, []string{"a" + large, "b"}},
		"nothing in one":  {[][]string{{"a", ""}, {"", "b"}}, []string{"a", "b"}},
	} {
		w := &writes{ResponseRecorder: httptest.NewRecorder()}
		script := &scriptedEvents{groups: append([][]string{{}}, c.groups...)}
		out := newEventWriter(&response{ResponseWriter: w}, script)
		script.waited = func() {
			if len(out.buf) > 0 {
				t.Errorf("%s: %q is held back while nothing else is there", name, out.buf)
			}
		}
		for {
			ev, err := out.next(t.Context())
			if err != nil {
				break
			}
			out.buf = append(out.buf, ev.Text...)
		}
		if !slices.Equal(w.all, c.want) {
			t.Errorf("%s: written as %.40q, want %.40q", name, w.all, c.want)
		}
	}
}

func TestBodyTakesMemoryForWhatHasCome(t *testing.T) {
	for _, c := range []struct {
		held   int
		length int64
		want   int
	}{
		{0, 0, 1}, {0, 1000, 1001}, {0, 1 << 20, 64 << 10}, {64 << 10, 1 << 20, 320 << 10}, {320 << 10, 1 << 20, 1<<20 + 1},
		{0, -1, 4 << 10}, {4 << 10, -1, 8 << 10}, {1001, 1000, 4 << 10}, // longer than it was said to be
	} {
		if got := room(c.held, c.length); got != c.want {
			t.Errorf("with %d bytes of %d: %d, want %d", c.held, c.length, got, c.want)
		}
	}
}
