package server

import (
	"net/http"
	"strconv"
)

// response is a ResponseWriter that knows its status, and whether it began.
type response struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int64
}

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
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
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
