// Package openai holds the wire types of the OpenAI API as Limelight speaks
// it: requests, decoded strictly, replies, and streams. It is the only package
// that knows OpenAI's JSON.
package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Error is a refusal or a failure as clients of the OpenAI API get it.
type Error struct {
	Status  int
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

// Body is the error's JSON.
func (e *Error) Body() []byte {
	type detail struct {
		Message   string  `json:"message"`
		Type      string  `json:"type"`
		Param     *string `json:"param"`
		Code      int     `json:"code"`
		RequestID string  `json:"request_id,omitempty"`
		Stage     *int    `json:"error_stage_id,omitempty"`
	}
	d := detail{Message: e.Message, Type: e.Type, Code: e.Status, RequestID: e.RequestID, Stage: e.Stage}
	if e.Param != "" {
		d.Param = &e.Param
	}
	body, err := json.Marshal(map[string]detail{"error": d})
	if err != nil {
		panic("BUG: an error has no JSON: " + err.Error())
	}
	return body
}

// BadRequest refuses a parameter.
func BadRequest(param, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	if param != "" {
		message = param + ": " + message
	}
	return &Error{Status: http.StatusBadRequest, Type: "BadRequestError", Message: message, Param: param}
}

// Problem is an error that is not about a parameter. Its type is vLLM's name
// for the status.
func Problem(status int, format string, args ...any) *Error {
	kind := "InternalServerError"
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		kind = "BadRequestError"
	case http.StatusNotFound:
		kind = "NotFoundError"
	case http.StatusMethodNotAllowed:
		kind = "MethodNotAllowedError"
	case http.StatusServiceUnavailable:
		kind = "ServiceUnavailableError"
	}
	return &Error{Status: status, Type: kind, Message: fmt.Sprintf(format, args...)}
}
