package server

import (
	"net/http"
	"strconv"
	"time"
)

// response is a ResponseWriter that knows its status, and whether it began. It
// gives every write a deadline of its own, so that a client which takes
// nothing is told from one that is slow.
type response struct {
	http.ResponseWriter
	status  int // 0 until the header is written
	bytes   int64
	timeout time.Duration // of one write; 0 is none
	// perStream connections (HTTP/2) end a stream whose deadline passes even if
	// nothing is being written, so it is lifted between writes.
	perStream bool

	ctrl *http.ResponseController // of the ResponseWriter; made once
}

// writePiece is the most that one deadline covers.
const writePiece = 64 << 10

func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *response) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	written := 0
	for first := true; first || len(p) > 0; first = false {
		r.deadline()
		n, err := r.ResponseWriter.Write(p[:min(len(p), writePiece)])
		written += n
		r.bytes += int64(n)
		if err != nil {
			return written, err
		}
		r.lift()
		p = p[n:]
	}
	return written, nil
}

// FlushError lets http.ResponseController flush under a deadline, too.
func (r *response) FlushError() error {
	r.deadline()
	defer r.lift()
	return r.control().Flush()
}

func (r *response) control() *http.ResponseController {
	if r.ctrl == nil {
		r.ctrl = http.NewResponseController(r.ResponseWriter)
	}
	return r.ctrl
}

// deadline gives the next write its time. On a connection without deadlines
// there is none.
func (r *response) deadline() {
	if r.timeout > 0 {
		_ = r.control().SetWriteDeadline(time.Now().Add(r.timeout))
	}
}

func (r *response) lift() {
	if r.timeout > 0 && r.perStream {
		_ = r.control().SetWriteDeadline(time.Time{})
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// contentLength is the response's declared length, 0 if it has none, as a
// stream has none.
func (r *response) contentLength() int64 {
	n, err := strconv.ParseInt(r.Header().Get("Content-Length"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// writeBody sends a whole body of known length.
func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}
