package server

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// swallower is a connector that delivers nothing.
type swallower struct{ connector.Connector }

func (c swallower) Open(edge connector.Edge, id string) (connector.Link, error) {
	link, err := c.Connector.Open(edge, id)
	return swallowing{link}, err
}

type swallowing struct{ connector.Link }

func (l swallowing) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	<-ctx.Done()
	return nil, connector.Hop{}, context.Cause(ctx)
}

func TestSilentStageIsAnErrorOfItsRequestAlone(t *testing.T) {
	h := serve(t, pipeline.Options{StageTimeout: 300 * time.Millisecond, Connector: func(k int, c connector.Connector) connector.Connector {
		if k == pipeline.Talker {
			return swallower{c}
		}
		return c
	}})
	whole, data := h.exchange("/v1/chat/completions", `{"modalities":["text","audio"],"seed":1,`+hello+`}`)
	if whole.StatusCode != 500 || !bytes.Contains(data, []byte("stage timeout: no output for 300ms")) || !bytes.Contains(data, []byte(`"error_stage_id":`)) {
		t.Errorf("status %d: %s", whole.StatusCode, data)
	}
	_, data = h.exchange("/v1/chat/completions", `{"stream":true,"modalities":["text","audio"],"seed":1,`+hello+`}`)
	if !bytes.Contains(data, []byte("stage timeout")) || !bytes.HasSuffix(data, []byte("data: [DONE]\n\n")) {
		t.Errorf("stream: %s", data)
	}
	if r, data := h.exchange("/v1/chat/completions", `{`+hello+`}`); r.StatusCode != 200 {
		t.Errorf("text alone: status %d: %s", r.StatusCode, data)
	}
	page := h.page()
	if n := page[`vllm:omni_requests_success_total{finished_reason="error"}`]; n != 2 {
		t.Errorf("%v requests ended as error", n)
	}
	if n := page[`vllm:omni_num_requests_running`]; n != 0 {
		t.Errorf("%v requests are running", n)
	}
}
