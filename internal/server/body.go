package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/limelight-omni/limelight/internal/openai"
)

// errBodies is the error of a body that is not read to its end.
var errBodies = errors.New("the server holds as many request bodies as it may")

// bodyPiece is how much of a body is read before the books are asked again, and
// how much of what a client promises is believed before any of it has come.
const bodyPiece = 64 << 10

// room is how much memory a body should have that has filled held bytes: never
// more than a few times what has come of it. The length is negative if it is not
// known.
func room(held int, length int64) int {
	if length < int64(held) {
		return max(4<<10, 2*held)
	}
	return int(min(length+1, int64(4*held+bodyPiece))) // 1: the end has to be read, too
}

// body reads the request's body whole, before anything is answered. What it
// holds counts against the server's bound until the request has been handled.
func (s *Server) body(c *call) ([]byte, error) {
	limit := s.limits.MaxBody
	if c.r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit} // not a byte of it is read
	}
	r := http.MaxBytesReader(c.w, c.r.Body, limit)
	var data []byte
	for {
		if len(data) == cap(data) {
			grown := make([]byte, len(data), room(cap(data), c.r.ContentLength))
			if !c.hold(int64(cap(grown) - cap(data))) {
				return nil, errBodies
			}
			copy(grown, data)
			data = grown
		}
		n, err := r.Read(data[len(data):min(cap(data), len(data)+bodyPiece)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			// The connection is still read, to notice that the client leaves: that
			// must not run into the body's deadline.
			_ = http.NewResponseController(c.w).SetReadDeadline(time.Time{})
			return data, nil
		case err != nil:
			return nil, err
		}
	}
}

// hold takes n bytes of the bound on bodies; false when there are no more.
func (c *call) hold(n int64) bool {
	if c.server.bodies.Add(n) > c.server.limits.MaxBodies {
		c.server.bodies.Add(-n)
		return false
	}
	c.held += n
	return true
}

// failBody answers a body that could not be read. What is left of it is not
// waited for.
func (c *call) failBody(err error) {
	e := c.server.bodyError(err)
	c.w.Header().Set("Connection", "close")
	if reason, later := busy(err); later {
		c.refused.Refused(reason)
	}
	c.fail(e)
}

func (s *Server) bodyError(err error) *openai.Error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return openai.Problem(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return openai.Problem(http.StatusRequestTimeout, "the body did not come within %v", s.limits.BodyTimeout)
	case errors.Is(err, errBodies):
		return openai.Problem(http.StatusServiceUnavailable, "%v; try again", err)
	}
	return openai.BadRequest("", "the body could not be read: %v", err)
}
