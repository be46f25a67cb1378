package server

import (
	"context"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// hold lets the first few payloads of each request over a hop and keeps back
// the rest until it is released.
type hold struct {
	connector.Connector
	pass     int
	released <-chan struct{}
}

func (c hold) Open(edge connector.Edge, id string) (connector.Link, error) {
	link, err := c.Connector.Open(edge, id)
	return &heldLink{Link: link, hold: c}, err
}

type heldLink struct {
	connector.Link
	hold  hold
	taken int
}

func (l *heldLink) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	if l.taken++; l.taken > l.hold.pass {
		select {
		case <-l.hold.released:
		case <-ctx.Done():
		}
	}
	return l.Link.Recv(ctx)
}

// The first sound needs five tokens of text and one chunk of frames, however
// long the reply is: here nothing more than that reaches the later stages
// before the client has it.
func TestFirstAudioPacketWaitsForNoMoreThanItNeeds(t *testing.T) {
	released := make(chan struct{})
	pass := []int{5, 1}
	h := serve(t, pipeline.Options{Connector: func(k int, c connector.Connector) connector.Connector {
		return hold{Connector: c, pass: pass[k], released: released}
	}})
	r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"stream":true,"modalities":["text","audio"],"seed":1,"ignore_eos":true,"max_tokens":40,"sampling_params_list":[{},{"ignore_eos":true},{}],`+hello+`}`)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got, err := readStream(t, r.Body, func(h heard) bool {
		if strings.Count(h.order, "a") == 1 {
			select {
			case <-released:
			default:
				close(released)
			}
		}
		return false
	})
	if err != nil || strings.Count(got.order, "a") < 2 || !strings.HasSuffix(got.order, "aD") {
		t.Errorf("events %s, %v: want sound before and after the release", got.order, err)
	}
	if page := h.page(); page[`vllm:omni_audio_ttfp_s_count{replica="0",stage="2"}`] != 1 {
		t.Error("the first packet was not observed")
	}
}
