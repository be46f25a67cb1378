package server

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

func TestStreamsBeyondTheBoundAre503(t *testing.T) {
	s := configured(t, Options{Limits: Limits{MaxStreams: 1}})
	handled := make(chan struct{}, 4)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { handled <- struct{}{} }()
		s.Handler().ServeHTTP(w, r)
	}))
	defer web.Close()
	post := func(body string) *http.Response {
		t.Helper()
		r, err := web.Client().Post(web.URL+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	long := `{"stream":true,"modalities":["text","audio"],"ignore_eos":true,"sampling_params_list":[{},{"ignore_eos":true},{}],` + hello + `}`
	first := post(long)
	if _, err := first.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	second := post(long)
	second.Body.Close()
	<-handled
	if second.StatusCode != 503 || second.Header.Get("Retry-After") == "" {
		t.Errorf("the second stream: status %d", second.StatusCode)
	}
	whole := post(`{"max_tokens":1,` + hello + `}`)
	whole.Body.Close()
	<-handled
	if whole.StatusCode != 200 {
		t.Errorf("a whole reply: status %d", whole.StatusCode)
	}
	first.Body.Close()
	<-handled
	third := post(`{"stream":true,"max_tokens":1,` + hello + `}`)
	third.Body.Close()
	if third.StatusCode != 200 {
		t.Errorf("after the first stream ended: status %d", third.StatusCode)
	}
	<-handled
}

func TestFullQueueIs503WithRetryAfter(t *testing.T) {
	// Nothing comes over the first hop, so that the thinker can not finish, however
	// quick it is.
	h := serve(t, pipeline.Options{MaxNumSeqs: 1, MaxQueue: 1, Connector: func(_ int, c connector.Connector) connector.Connector {
		return hold{Connector: c, released: make(chan struct{})}
	}})
	long := `{"stream":true,"modalities":["text","audio"],"ignore_eos":true,"max_tokens":400,` + hello + `}`
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	first, err := h.post(ctx, "/v1/chat/completions", "", long)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Body.Close()
	// Of two more, one waits in the queue and the other finds it full.
	answers := make(chan *http.Response, 2)
	for range 2 {
		go func() {
			r, _ := h.post(ctx, "/v1/chat/completions", "", long)
			answers <- r
		}()
	}
	refused := <-answers
	body, err := io.ReadAll(refused.Body)
	refused.Body.Close()
	if err != nil || refused.StatusCode != 503 || refused.Header.Get("Retry-After") == "" || !bytes.Contains(body, []byte("queue is full")) {
		t.Errorf("status %d, %v, %s, %v", refused.StatusCode, refused.Header, body, err)
	}
	leave()
	if r := <-answers; r != nil {
		t.Errorf("the one that waited got status %d", r.StatusCode)
	}
}
