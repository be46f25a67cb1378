package openai

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"
)

// ErrEventTooLong is the error of a stream with an event, or a line, that is
// longer than its reader allows.
var ErrEventTooLong = errors.New("server-sent event is too long")

// EventReader reads the data of server-sent events, as the HTML standard
// defines them: lines end in LF, CRLF or CR, comments and fields other than
// data are passed over, several data fields are joined by newlines.
type EventReader struct {
	in      *bufio.Reader
	limit   int
	line    []byte
	data    []byte
	err     error // what ended the stream
	began   bool  // a byte order mark can't come any more
	afterCR bool  // an LF would belong to the line before
}

// inputs are the buffers of readers that were closed.
var inputs = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 32<<10) }}

// NewEventReader reads events of at most limit bytes from r.
func NewEventReader(r io.Reader, limit int) *EventReader {
	in := inputs.Get().(*bufio.Reader)
	in.Reset(r)
	return &EventReader{in: in, limit: limit}
}

// Close lets others use the reader's buffer. It is not needed, does not close
// the input, and comes after the last call of Next.
func (r *EventReader) Close() {
	r.in.Reset(nil)
	inputs.Put(r.in)
	r.in, r.err = nil, io.ErrClosedPipe
}

// Next returns the data of the next event, which is valid until the next call.
// It returns as soon as the event is complete. Errors are final: io.EOF at the
// end, io.ErrUnexpectedEOF when the end cuts a line off, ErrEventTooLong, or
// the input's. An event whose last line is complete needs no empty line at the
// end of the input.
func (r *EventReader) Next() ([]byte, error) {
	r.data = r.data[:0]
	some := false
	for r.err == nil {
		if r.err = r.readLine(); r.err != nil {
			break
		}
		if len(r.line) == 0 {
			if some {
				return r.data, nil
			}
			continue
		}
		name, value, _ := bytes.Cut(r.line, []byte(":"))
		if string(name) != "data" {
			continue
		}
		if some {
			r.data = append(r.data, '\n')
		}
		some = true
		r.data = append(r.data, bytes.TrimPrefix(value, []byte(" "))...)
		if len(r.data) > r.limit {
			r.err = ErrEventTooLong
		}
	}
	if r.err == io.EOF && some {
		return r.data, nil
	}
	return nil, r.err
}

// readLine reads a line without its end.
func (r *EventReader) readLine() error {
	r.line = r.line[:0]
	for {
		chunk, err := r.in.Peek(max(1, r.in.Buffered()))
		if err != nil {
			if err == io.EOF && len(r.line) > 0 {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		if r.afterCR {
			r.afterCR = false
			if chunk[0] == '\n' {
				r.in.Discard(1)
				continue
			}
		}
		part, end := chunk, bytes.IndexByte(chunk, '\n')
		if end >= 0 {
			part = chunk[:end]
		}
		if cr := bytes.IndexByte(part, '\r'); cr >= 0 {
			part, end = chunk[:cr], cr
			r.afterCR = true
		}
		if len(r.line)+len(part) > r.limit+len("data: ") {
			return ErrEventTooLong
		}
		r.line = append(r.line, part...)
		if end < 0 {
			r.in.Discard(len(part))
			continue
		}
		r.in.Discard(end + 1)
		if !r.began {
			r.began = true
			r.line = bytes.TrimPrefix(r.line, []byte("\uFEFF"))
		}
		return nil
	}
}
