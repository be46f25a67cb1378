package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// statusClientGone is what the books say of a request whose client left before
// the response began; nothing is sent.
const statusClientGone = 499

// errStreams refuses one stream too many.
var errStreams = errors.New("the server streams as many replies as it may")

// fail answers with an OpenAI error body.
func (c *call) fail(e *openai.Error) {
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
	if errors.Is(err, orchestrator.ErrQueueFull) || errors.Is(err, orchestrator.ErrDraining) || errors.Is(err, errStreams) {
		return openai.Problem(http.StatusServiceUnavailable, "%v; try again", err)
	}
	return internalError(err.Error())
}

// failure is the answer to a request whose stage failed.
func failure(id string, err error) *openai.Error {
	e := internalError(err.Error())
	e.RequestID = id
	var stage *orchestrator.StageError
	if errors.As(err, &stage) {
		e.Stage = &stage.Stage
	}
	return e
}
