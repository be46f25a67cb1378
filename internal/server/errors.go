package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/metrics"
)

// statusClientGone is what the books say of a request whose client left before
// the response began; nothing is sent.
const statusClientGone = 499

// errStreams refuses one stream too many.
var errStreams = errors.New("the server streams as many replies as it may")

// fail answers with an OpenAI error body. A status that says what the client
// did wrong is a refusal in the books, unless a stage found it out: its request
// was admitted, and is in the books.
func (c *call) fail(e *openai.Error) {
	if reason, refused := refusedWith(e.Status); refused && e.Stage == nil {
		c.refused.Refused(reason)
	}
	if c.counted && e.Status != http.StatusInternalServerError {
		c.logRefusal(e.Status, e.Message)
	}
	if e.Status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "1")
	}
	// Nobody is left to tell when the write fails.
	_ = writeBody(c.w, e.Status, "application/json", e.Body())
}

func notFound(path string) *openai.Error {
	return openai.Problem(http.StatusNotFound, "there is nothing at %s", path)
}

func methodNotAllowed(method, path string, allowed []string) *openai.Error {
	return openai.Problem(http.StatusMethodNotAllowed, "%s does not take %s, only %s", path, method, strings.Join(allowed, ", "))
}

func internalError(message string) *openai.Error {
	return openai.Problem(http.StatusInternalServerError, "%s", message)
}

// refusal is the answer to a request that was not admitted.
func refusal(err error) *openai.Error {
	if _, later := busy(err); later {
		return openai.Problem(http.StatusServiceUnavailable, "%v; try again", err)
	}
	return internalError(err.Error())
}

// refusedWith is the reason of a refusal that its status tells.
func refusedWith(status int) (metrics.RefusalReason, bool) {
	switch status {
	case http.StatusUnauthorized:
		return metrics.Unauthorized, true
	case http.StatusNotFound:
		return metrics.NotFound, true
	case http.StatusMethodNotAllowed:
		return metrics.MethodNotAllowed, true
	case http.StatusRequestTimeout:
		return metrics.SlowBody, true
	case http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return metrics.TooLarge, true
	}
	return metrics.BadRequest, status >= 400 && status < 500
}

// busy is the reason of a refusal that a later try may not meet.
func busy(err error) (metrics.RefusalReason, bool) {
	switch {
	case errors.Is(err, orchestrator.ErrQueueFull):
		return metrics.QueueFull, true
	case errors.Is(err, orchestrator.ErrDraining):
		return metrics.Draining, true
	case errors.Is(err, orchestrator.ErrNoReplica):
		return metrics.NoReplica, true
	case errors.Is(err, errStreams):
		return metrics.TooManyStreams, true
	case errors.Is(err, errBodies):
		return metrics.TooManyBodies, true
	}
	return "", false
}

// failure is the answer to a request that failed.
func failure(id string, err error) *openai.Error {
	e := internalError(err.Error())
	var said *openai.Error // what another server answered
	var retryable interface{ Retryable() bool }
	switch {
	case errors.As(err, &said) && said.Status >= 400 && said.Status < 500:
		e = &openai.Error{Status: said.Status, Type: said.Type, Message: said.Message, Param: said.Param}
	case errors.Is(err, orchestrator.ErrRequestTimeout):
		e = openai.Problem(http.StatusGatewayTimeout, "%v", err)
	case errors.Is(err, orchestrator.ErrNoReplica):
		e = openai.Problem(http.StatusServiceUnavailable, "%v; try again", err)
	case errors.As(err, &retryable):
		e = openai.Problem(http.StatusBadGateway, "%v", err)
	}
	e.RequestID = id
	var stage *orchestrator.StageError
	if errors.As(err, &stage) {
		e.Stage = &stage.Stage
	}
	return e
}
