package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestErrorBodyNamesTheParameterOrNull(t *testing.T) {
	for want, e := range map[string]*Error{
		`{"error":{"message":"top_p: must be less","type":"BadRequestError","param":"top_p","code":400}}`:                    BadRequest("top_p", "must be %s", "less"),
		`{"error":{"message":"gone","type":"NotFoundError","param":null,"code":404}}`:                                        Problem(404, "gone"),
		`{"error":{"message":"x","type":"InternalServerError","param":null,"code":500,"request_id":"r","error_stage_id":2}}`: {Status: 500, Type: "InternalServerError", Message: "x", RequestID: "r", Stage: new(2)},
	} {
		if got := string(e.Body()); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		if diff := cmp.Diff(e, ParseError(e.Status, e.Body())); diff != "" {
			t.Errorf("%s is read as another error:\n%s", want, diff)
		}
	}
}

func TestEveryStatusHasAType(t *testing.T) {
	for status, want := range map[int]string{
		400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError", 405: "MethodNotAllowedError",
		413: "BadRequestError", 429: "RateLimitError", 500: "InternalServerError", 501: "NotImplementedError", 502: "InternalServerError", 503: "ServiceUnavailableError",
	} {
		if got := Problem(status, "x").Type; got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
}

func TestOtherServersErrorsAreRead(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   Error
	}{
		{429, `{"error":{"message":"slow down","type":"rate_limit_exceeded","param":null,"code":"rate_limit"}}`, Error{Status: 429, Type: "rate_limit_exceeded", Message: "slow down"}},
		{400, `{"object":"error","message":"too long","type":"BadRequestError","param":"max_tokens","code":400}`, Error{Status: 400, Type: "BadRequestError", Message: "too long", Param: "max_tokens"}},
		{401, `{"error":"Unauthorized"}`, Error{Status: 401, Type: "AuthenticationError", Message: "Unauthorized"}},
		{502, "<html>\xff bad gateway\n", Error{Status: 502, Type: "InternalServerError", Message: "<html>\uFFFD bad gateway"}},
		{500, ``, Error{Status: 500, Type: "InternalServerError"}},
		{0, `{"error":{"message":"gone","code":404}}`, Error{Status: 404, Type: "NotFoundError", Message: "gone"}},
		{0, `{"error":{"message":"odd","code":200}}`, Error{Status: 500, Type: "InternalServerError", Message: "odd"}},
		{0, `{"error":{"message":"odd","code":"server_error"}}`, Error{Status: 500, Type: "InternalServerError", Message: "odd"}},
	} {
		if diff := cmp.Diff(&c.want, ParseError(c.status, []byte(c.body))); diff != "" {
			t.Errorf("%s: error differs (-want +got):\n%s", c.body, diff)
		}
	}
	if e := ParseError(500, []byte(strings.Repeat("x", 1<<20))); len(e.Message) > 2000 {
		t.Errorf("a message of %d bytes", len(e.Message))
	}
}
