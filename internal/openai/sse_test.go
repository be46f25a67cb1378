package openai

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// readEvents reads all events, and the error that ends them.
func readEvents(in io.Reader, limit int) ([]string, error) {
	r := NewEventReader(in, limit)
	var out []string
	for {
		data, err := r.Next()
		if err != nil {
			if _, again := r.Next(); again != err {
				return out, fmt.Errorf("error %v became %v", err, again)
			}
			return out, err
		}
		out = append(out, string(data))
	}
}

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         []string
		err          error
	}{
		{"nothing", "", nil, io.EOF},
		{"two events", "data: a\n\ndata: b\n\n", []string{"a", "b"}, io.EOF},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"a", "b"}, io.EOF},
		{"CR", "data: a\r\rdata: b\r\r", []string{"a", "b"}, io.EOF},
		{"mixed line ends", "data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", []string{"a", "b", "c"}, io.EOF},
		{"several lines", "data: a\ndata\ndata:b\n\n", []string{"a\n\nb"}, io.EOF},
		{"one space is left out", "data:  a \n\n", []string{" a "}, io.EOF},
		{"comments and other fields", ": ping\n\nevent: x\nid: 7\nretry: 3\ndata: a\nnonsense\ndatum: b\n\n", []string{"a"}, io.EOF},
		{"an event without data is none", "event: x\n\n: c\n\n\n\ndata: a\n\n", []string{"a"}, io.EOF},
		{"empty data", "data:\n\n", []string{""}, io.EOF},
		{"byte order mark", "\uFEFFdata: a\n\n", []string{"a"}, io.EOF},
		{"no empty line at the end", "data: a\n\ndata: [DONE]\n", []string{"a", "[DONE]"}, io.EOF},
		{"cut off", "data: a\n\ndata: {\"b", []string{"a"}, io.ErrUnexpectedEOF},
	} {
		for how, in := range map[string]io.Reader{
			"at once":      strings.NewReader(c.stream),
			"byte by byte": iotest.OneByteReader(strings.NewReader(c.stream)),
			"with its end": iotest.DataErrReader(strings.NewReader(c.stream)),
		} {
			got, err := readEvents(in, 100)
			if diff := cmp.Diff(c.want, got); diff != "" || err != c.err {
				t.Errorf("%s, %s: error %v, want %v; events (-want +got):\n%s", c.name, how, err, c.err, diff)
			}
		}
	}
}

func TestEventComesWithoutWaitingForTheNextByte(t *testing.T) {
	for _, end := range []string{"\n\n", "\r\n\r\n", "\r\r"} {
		in, out := io.Pipe()
		go out.Write([]byte("data: a" + end))
		if data, err := NewEventReader(in, 100).Next(); string(data) != "a" || err != nil {
			t.Errorf("%q: %q, %v", end, data, err)
		}
		in.Close()
	}
}

func TestLongEventsAreBounded(t *testing.T) {
	const limit = 100_000 // more than the buffer
	fits := strings.Repeat("x", limit)
	if got, err := readEvents(strings.NewReader("data: "+fits+"\n\n"), limit); err != io.EOF || len(got) != 1 || got[0] != fits {
		t.Errorf("as long as the limit: %d events, %v", len(got), err)
	}
	for name, stream := range map[string]string{
		"line":    "data: x" + fits + "\n\n",
		"lines":   "data: " + fits[:limit/2] + "\ndata: " + fits[:limit/2] + "\n\n",
		"comment": ":" + fits + fits,
	} {
		got, err := readEvents(strings.NewReader("data: a\n\n"+stream), limit)
		if !errors.Is(err, ErrEventTooLong) || len(got) != 1 {
			t.Errorf("%s: %d events, %v", name, len(got), err)
		}
	}
}

func TestInputsErrorIsPassedOn(t *testing.T) {
	got, err := readEvents(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(io.ErrClosedPipe)), 100)
	if err != io.ErrClosedPipe || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReadingAllocatesNothingOnceItsBuffersHaveGrown(t *testing.T) {
	event := AppendEvent(nil, bytes.Repeat([]byte("x"), 1000))
	r := NewEventReader(bytes.NewReader(bytes.Repeat(event, 300)), 2000)
	if n := testing.AllocsPerRun(200, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzEventReader(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\n: c\rdata:b\ndata\n\n"))
	f.Add([]byte("\uFEFFevent: x\ndata: [DONE]\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		const limit = 64
		got, err := readEvents(bytes.NewReader(stream), limit)
		if err != io.EOF && err != io.ErrUnexpectedEOF && err != ErrEventTooLong {
			t.Errorf("error %v", err)
		}
		var again []byte
		for _, data := range got {
			if len(data) > limit || strings.Contains(data, "\r") {
				t.Errorf("event %q", data)
			}
			again = AppendEvent(again, []byte(data))
		}
		slow, slowErr := readEvents(iotest.OneByteReader(bytes.NewReader(stream)), limit)
		if diff := cmp.Diff(got, slow); diff != "" || err != slowErr {
			t.Errorf("byte by byte: %v, not %v\n%s", slowErr, err, diff)
		}
		same, err := readEvents(bytes.NewReader(again), limit)
		if diff := cmp.Diff(got, same); diff != "" || err != io.EOF {
			t.Errorf("written again: %v\n%s", err, diff)
		}
	})
}

// BenchmarkEventReader is for events with a chunk of sound of two seconds.
func BenchmarkEventReader(b *testing.B) {
	event := AppendEvent(nil, bytes.Repeat([]byte("A"), 128_000))
	in := bytes.NewReader(event)
	r := NewEventReader(in, 1<<20)
	b.ReportAllocs()
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		in.Reset(event)
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
