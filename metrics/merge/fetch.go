package merge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Failure says why a scrape brought no page.
type Failure string

// The closed set of failures.
const (
	FailedConnect  Failure = "connect"   // no answer, or a broken one
	FailedTimeout  Failure = "timeout"   // no whole page in time
	FailedStatus   Failure = "status"    // an answer other than 200
	FailedTooLarge Failure = "too_large" // more than MaxBytes
	FailedNotText  Failure = "not_text"  // 200, but not a line of metrics in it
)

// Failures lists the closed set.
var Failures = []Failure{FailedConnect, FailedTimeout, FailedStatus, FailedTooLarge, FailedNotText}

// Presence says whether a server has a page of metrics.
type Presence int

// What is known of a page.
const (
	Unsure  Presence = iota // the server did not answer, or had trouble
	Present                 // it has one, with families that the rules take
	Missing                 // it has none, or none with such families
)

// Look asks a server once whether it has a page. The server need not be a
// target, and nobody is told.
func (s *Scraper) Look(ctx context.Context, t Target) Presence {
	if s == nil {
		return Unsure
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	u := s.pool.Get().(*shared)
	defer s.pool.Put(u)
	_, err := s.fetch(ctx, t, u)
	var status statusError
	switch {
	case err == nil:
		if u.page.Read(u.text, t.Source, s.o.Rules); u.page.Series > 0 {
			return Present
		}
		return Missing
	case errors.As(err, &status):
		switch int(status) {
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusNotImplemented:
			return Missing
		}
	}
	return Unsure
}

// statusError is an answer other than 200.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("status %d %s", int(e), http.StatusText(int(e)))
}

// fetch reads a target's page into u.text.
func (s *Scraper) fetch(ctx context.Context, t Target, u *shared) (Failure, error) {
	u.text = u.text[:0]
	fail := func(why Failure, err error) (Failure, error) {
		if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			why = FailedTimeout
		}
		return why, fmt.Errorf("scrape %s: %w", t.URL, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL, nil)
	if err != nil {
		return fail(FailedConnect, err)
	}
	req.Header.Set("Accept", "text/plain; version=0.0.4")
	s.o.Prepare(req, t)
	resp, err := s.o.Client.Do(req)
	if err != nil {
		return fail(FailedConnect, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fail(FailedStatus, statusError(resp.StatusCode))
	}
	body := io.LimitReader(resp.Body, s.o.MaxBytes+1)
	for {
		if len(u.text) == cap(u.text) {
			u.text = append(u.text, 0)[:len(u.text)]
		}
		n, err := body.Read(u.text[len(u.text):cap(u.text)])
		u.text = u.text[:len(u.text)+n]
		if int64(len(u.text)) > s.o.MaxBytes {
			return fail(FailedTooLarge, fmt.Errorf("the page has more than %d bytes", s.o.MaxBytes))
		}
		if err == io.EOF {
			return "", nil
		}
		if err != nil {
			return fail(FailedConnect, err)
		}
	}
}
