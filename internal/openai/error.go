// Package openai holds the wire types of the OpenAI API as Limelight speaks
// it: requests, decoded strictly, replies, and streams. It is the only package
// that knows OpenAI's JSON.
package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Error is a refusal or a failure as clients of the OpenAI API get it.
type Error struct {
	// Status is the HTTP status, in the body as the code.
	Status int
	// Type is the name of the status, as BadRequestError.
	Type    string
	Message string
	// Param names the parameter that is wrong, as messages[1].content; empty if
	// none is.
	Param string
	// RequestID and Stage are set on failures of a stage.
	RequestID string
	Stage     *int
}

func (e *Error) Error() string { return e.Message }

// errorDetail is an Error in JSON.
type errorDetail struct {
	Message   string  `json:"message"`
	Type      string  `json:"type"`
	Param     *string `json:"param"`
	Code      int     `json:"code"`
	RequestID string  `json:"request_id,omitempty"`
	Stage     *int    `json:"error_stage_id,omitempty"`
}

// Body is the error's JSON.
func (e *Error) Body() []byte {
	d := errorDetail{Message: e.Message, Type: e.Type, Code: e.Status, RequestID: e.RequestID, Stage: e.Stage}
	if e.Param != "" {
		d.Param = &e.Param
	}
	body, err := json.Marshal(map[string]errorDetail{"error": d})
	if err != nil {
		panic("BUG: an error has no JSON: " + err.Error())
	}
	return body
}

// BadRequest refuses a parameter. The message begins with its name.
func BadRequest(param, format string, args ...any) *Error {
	e := Problem(http.StatusBadRequest, format, args...)
	if param != "" {
		e.Message = param + ": " + e.Message
		e.Param = param
	}
	return e
}

// Problem is an error that is not about a parameter.
func Problem(status int, format string, args ...any) *Error {
	return &Error{Status: status, Type: typeOf(status), Message: fmt.Sprintf(format, args...)}
}

// typeOf names a status as vLLM and OpenAI's client libraries do.
func typeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "AuthenticationError"
	case http.StatusForbidden:
		return "PermissionDeniedError"
	case http.StatusNotFound:
		return "NotFoundError"
	case http.StatusMethodNotAllowed:
		return "MethodNotAllowedError"
	case http.StatusConflict:
		return "ConflictError"
	case http.StatusTooManyRequests:
		return "RateLimitError"
	case http.StatusNotImplemented:
		return "NotImplementedError"
	case http.StatusServiceUnavailable:
		return "ServiceUnavailableError"
	}
	if status < http.StatusInternalServerError {
		return "BadRequestError"
	}
	return "InternalServerError"
}

// ParseError reads the error that another server answered with: OpenAI's body,
// vLLM's older one without the outer object, a bare string, or any text. Status
// is that of the response, and 0 for an event of a stream, whose status is the
// code that the error names, else 500.
func ParseError(status int, body []byte) *Error {
	var outer struct{ Error json.RawMessage }
	if json.Unmarshal(body, &outer) == nil && len(outer.Error) > 0 {
		body = outer.Error
	}
	var inner struct {
		Message, Type, Param string
		Code                 json.RawMessage // a number, a name, or null
		RequestID            string          `json:"request_id"`
		Stage                *int            `json:"error_stage_id"`
	}
	if json.Unmarshal(body, &inner) != nil && json.Unmarshal(body, &inner.Message) != nil || inner.Message == "" {
		inner.Message = clipTo(1000, strings.TrimSpace(strings.ToValidUTF8(string(body), "\uFFFD")))
	}
	if code := 0; status == 0 {
		if json.Unmarshal(inner.Code, &code) != nil || code < 400 || code > 599 {
			code = http.StatusInternalServerError
		}
		status = code
	}
	e := Problem(status, "%s", inner.Message)
	if inner.Type != "" {
		e.Type = inner.Type
	}
	e.Param, e.RequestID, e.Stage = inner.Param, inner.RequestID, inner.Stage
	return e
}
