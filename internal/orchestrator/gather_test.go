package orchestrator

import (
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

func TestGatheredWorkIsHandedOverOnceAndWhole(t *testing.T) {
	released := make(chan struct{})
	h := newHouse(t, layout{
		gather: true,
		thinker: func(t *turn, req engine.Request) {
			t.Give(engine.Output{Text: "a", Payload: rows(2)})
			t.Give(engine.Output{Text: "b", Payload: rows(3)})
			<-released
			t.Give(engine.Output{Text: "c", Finish: engine.FinishStop})
		},
		talker: func(t *turn, _ engine.Request) {
			p, _ := t.Next()
			n := len(p.(*engine.Embeddings).Text) / 8
			if _, more := t.Next(); more {
				n = -1
			}
			for range n {
				t.Give(engine.Output{Payload: frames(4)})
			}
			t.Give(engine.Output{Finish: engine.FinishStop})
		},
		code2wav: decode,
	})
	r := h.submit(t, 2)
	for _, want := range []string{"a", "b"} { // the text does not wait
		if ev, err := r.Next(t.Context()); err != nil || ev.Text != want {
			t.Fatalf("%q, %v", ev.Text, err)
		}
	}
	if n := h.Stages()[1].Load()[0]; n != 0 {
		t.Errorf("the talker was bound before the text was complete")
	}
	close(released)
	text, samples, err := listen(t, r)
	if err != nil || text != "c" || samples != 480 {
		t.Errorf("%q, %d samples, %v", text, samples, err)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_transfer_size_bytes_count{from_replica="0",from_stage="0",to_replica="0",to_stage="1"}`, 1)
	page.want(t, `vllm:omni_transfer_size_bytes_sum{from_replica="0",from_stage="0",to_replica="0",to_stage="1"}`, 5*8*4)
	page.want(t, `vllm:omni_transfer_size_bytes_count{from_replica="0",from_stage="1",to_replica="0",to_stage="2"}`, 1)
	page.want(t, `vllm:omni_transfer_size_bytes_sum{from_replica="0",from_stage="1",to_replica="0",to_stage="2"}`, 5*4*16*4)
}
