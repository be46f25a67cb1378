package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
)

// answers counts what the clients were told.
type answers struct {
	sent, natural, failed, refused, bad, vanished, unknown atomic.Int64
}

// crowd is the clients of the chaos.
type crowd struct {
	*host
	told answers
	// ended gets true for each request that was served, well or not, and false for
	// each that was refused.
	ended chan bool
	// onward wakes one of the clients that wait for others, asked all of them.
	onward, asked chan struct{}
	busy          atomic.Int64 // clients that do not wait for others
}

const (
	both  = `"modalities":["text","audio"],`
	brief = `"max_tokens":6,"sampling_params_list":[{},{"max_tokens":8},{}],`
	long  = `"max_tokens":16,"ignore_eos":true,"sampling_params_list":[{},{"max_tokens":30,"ignore_eos":true},{}],`
)

// kinds are the requests, in turn. Each returns how its reply has to be read.
var kinds = []struct {
	path, body string
	read       func(c *crowd, r *http.Response) error
}{
	{"/v1/chat/completions", `{` + brief + hello + `}`, (*crowd).whole},
	{"/v1/chat/completions", `{"stream":true,` + brief + hello + `}`, (*crowd).events},
	{"/v1/chat/completions", `{` + both + brief + hello + `}`, (*crowd).whole},
	{"/v1/chat/completions", `{"stream":true,` + both + brief + hello + `}`, (*crowd).events},
	{"/v1/chat/completions", `{"stream":true,` + both + long + hello + `}`, (*crowd).slowly},
	{"/v1/audio/speech", `{"input":"we can hear it","max_new_tokens":8}`, (*crowd).whole},
	{"/v1/audio/speech", `{"input":"we can hear it","max_new_tokens":20,"stream":true,"response_format":"pcm"}`, (*crowd).sound},
	{"/v1/chat/completions", `{"stream":true,` + both + long + hello + `}`, (*crowd).leave},
	{"/v1/chat/completions", `{` + both + long + hello + `}`, nil}, // leaves when it has asked
	{"/v1/chat/completions", `{"temperature":"hot",` + hello + `}`, (*crowd).whole},
	{"/v1/audio/speech", `{"input":"we can hear it","max_new_tokens":4,"stream":true,"response_format":"pcm"}`, (*crowd).sound},
}

// ask sends the i-th request and reads what comes. A client that is told to try
// again does so, until it is served, when somebody else was.
func (c *crowd) ask(i int) error {
	for {
		refused, err := c.try(i)
		if err != nil || !refused {
			return err
		}
		c.ended <- false
		c.wait()
	}
}

// wait returns when another client was served, or all have asked. The last one
// that does not wait has nobody to wait for.
func (c *crowd) wait() {
	defer c.busy.Add(1)
	if c.busy.Add(-1) == 0 {
		return
	}
	select {
	case <-c.onward:
	case <-c.asked:
	}
}

func (c *crowd) try(i int) (refused bool, err error) {
	c.told.sent.Add(1)
	kind := kinds[i%len(kinds)]
	ctx, leave := context.WithCancel(c.t.Context())
	defer leave()
	if kind.read == nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { leave() }})
	}
	r, err := c.post(ctx, kind.path, fmt.Sprint("chaos-", i%50), kind.body) // ids of clients are not unique
	if err != nil {
		if kind.read == nil {
			c.told.unknown.Add(1)
			return false, nil
		}
		return false, err
	}
	defer r.Body.Close()
	switch {
	case kind.read == nil:
		c.told.unknown.Add(1)
		return false, nil
	case r.StatusCode == http.StatusOK:
		return false, kind.read(c, r)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return false, err
	}
	switch {
	case r.StatusCode == http.StatusBadRequest && strings.Contains(string(data), `"param":"temperature"`):
		c.told.bad.Add(1)
	case r.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(data), "error_stage_id"): // its stage was lost after it was admitted
		c.told.failed.Add(1)
	case r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "":
		c.told.refused.Add(1)
		return true, nil
	case r.StatusCode == http.StatusInternalServerError && strings.Contains(string(data), " is lost: "):
		c.told.failed.Add(1)
	default:
		return false, fmt.Errorf("status %d: %s", r.StatusCode, data)
	}
	return false, nil
}

func (c *crowd) whole(r *http.Response) error {
	data, err := io.ReadAll(r.Body)
	if err == nil && len(data) == 0 {
		err = errors.New("an empty reply")
	}
	c.told.natural.Add(1)
	return err
}

// events reads a stream, which has to end once: well, or with an error event.
func (c *crowd) events(r *http.Response) error {
	got, err := readStream(c.t, r.Body, nil)
	switch {
	case err != nil:
		return err
	case strings.HasSuffix(got.order, "eD") && strings.Count(got.order, "e") == 1:
		c.told.failed.Add(1)
	case strings.HasSuffix(got.order, "D") && strings.Count(got.order, "D") == 1 && !strings.Contains(got.order, "e") && len(got.finishes) == 1:
		c.told.natural.Add(1)
	default:
		return fmt.Errorf("a stream of %s with the ends %v", got.order, got.finishes)
	}
	return nil
}

// slowly reads the first byte, and the rest when another client was served.
func (c *crowd) slowly(r *http.Response) error {
	first := make([]byte, 1)
	if _, err := io.ReadFull(r.Body, first); err != nil {
		return err
	}
	c.wait()
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(first), r.Body))
	return c.events(r)
}

// sound reads a streamed speech. One that is cut off is an error's end.
func (c *crowd) sound(r *http.Response) error {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		c.told.failed.Add(1)
		return nil
	}
	c.told.natural.Add(1)
	return nil
}

// leave goes away at the first sound.
func (c *crowd) leave(r *http.Response) error {
	_, err := readStream(c.t, r.Body, func(h heard) bool { return strings.Contains(h.order, "a") })
	c.told.vanished.Add(1)
	return err
}
