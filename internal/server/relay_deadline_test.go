package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// hanging is a server that begins an answer with begin, if that is not nil, and
// never ends it; gone tells of each request whose connection was closed.
func hanging(t *testing.T, begin func(http.ResponseWriter)) (url string, gone <-chan struct{}) {
	left := make(chan struct{}, 8)
	return fake(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if begin != nil {
			begin(w)
		}
		<-r.Context().Done()
		left <- struct{}{}
	}), left
}

// Whatever a server does not do in time, the client hears of it once, the page
// has it once, and the server's connection is closed.
func TestRequestThatIsNotDoneInTimeIsToldAndFreesTheServer(t *testing.T) {
	says := func(w http.ResponseWriter) { sends(w, `{"choices":[{"index":0,"delta":{"content":"half"}}]}`) }
	for name, c := range map[string]struct {
		begin  func(http.ResponseWriter)
		stream bool
		status int
		parts  []string
	}{
		"before a header":                  {nil, false, 504, []string{`"code":504`, `"error_stage_id":0`}},
		"before a header of a stream":      {nil, true, 504, []string{`"code":504`, `"type":"InternalServerError"`}},
		"in the middle":                    {says, false, 504, []string{`request timeout: no whole answer within 100ms`}},
		"in the middle of a stream":        {says, true, 200, []string{`"half"`, `data: {"error":{"message":"stage chat: request timeout`, `"code":504`, "data: [DONE]\n\n"}},
		"in the middle of what is not one": {func(w http.ResponseWriter) { fmt.Fprint(w, `data: {`); w.(http.Flusher).Flush() }, true, 504, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, gone := hanging(t, c.begin)
			h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, url, url), ServedName: "x", RequestTimeout: 100 * time.Millisecond, Retries: 1})
			r, data := h.exchange("/v1/chat/completions", fmt.Sprintf(`{"stream":%v,%s}`, c.stream, hello))
			if r.StatusCode != c.status {
				t.Errorf("status %d: %s", r.StatusCode, data)
			}
			for _, part := range c.parts {
				if !strings.Contains(string(data), part) {
					t.Errorf("no %s in %s", part, data)
				}
			}
			<-gone
			if err := h.relay.Orchestrator.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			page := h.page()
			for series, want := range map[string]float64{
				`vllm:omni_requests_success_total{finished_reason="error"}`:     1,
				`limelight_requests_expired_total{part="stages"}`:               1,
				`limelight_stage_failures_total{cause="deadline",stage="0"}`:    1,
				`limelight_stage_retries_total{replica="0",stage="0"}`:          0, // another one would have no time either
				`limelight_replica_ejections_total{replica="0",stage="0"}`:      0,
				`vllm:omni_num_requests_running`:                                0,
				`limelight_replica_state{replica="0",stage="0",state="ready"}`:  1,
				`vllm:omni_e2e_request_latency_s_count`:                         0,
				`vllm:e2e_request_latency_seconds_count{replica="1",stage="0"}`: 0,
			} {
				if got, ok := page[series]; got != want || !ok {
					t.Errorf("%s: %v (present: %v), want %v", series, got, ok, want)
				}
			}
		})
	}
}

func TestAnswerToAFailureSaysWhoFailedAndWhetherToTryAgain(t *testing.T) {
	of := func(err error) error { return &orchestrator.StageError{Stage: 1, Name: "speech", Err: err} }
	for name, c := range map[string]struct {
		err     error
		status  int
		blames  bool
		message string
	}{
		"deadline at a stage":  {of(orchestrator.ErrRequestTimeout), 504, true, "stage speech: request timeout"},
		"deadline in a queue":  {orchestrator.ErrRequestTimeout, 504, false, "request timeout"},
		"no replica came back": {of(orchestrator.ErrNoReplica), 503, true, "try again"},
		"silence":              {of(orchestrator.ErrStageTimeout), 500, true, "stage timeout"},
	} {
		if e := failure("r", c.err); e.Status != c.status || (e.Stage != nil) != c.blames || !strings.Contains(e.Message, c.message) || e.RequestID != "r" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
