package orchestrator

import (
	"errors"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

// tally says as many tokens as the choice's index and one more.
func tally(t *turn, req engine.Request) {
	reason := engine.FinishStop
	if req.Choice == 1 {
		reason = engine.FinishLength
	}
	say(req.Choice+1, reason)(t, req)
}

func three(r *Request) { r.N = 3 }

func TestChoicesAreOneRequestOnOnePlace(t *testing.T) {
	var asked []engine.Request
	starts := make(chan engine.Request, 3)
	h := newHouse(t, layout{places: 1, thinker: func(t *turn, req engine.Request) {
		starts <- req
		tally(t, req)
	}})
	r := h.submit(t, 0, three, func(r *Request) { r.Sampling[0].Seed = 7 })
	defer r.Close()
	texts, usage := make([]string, 3), make([]engine.Usage, 3)
	for {
		ev, err := r.Next(t.Context())
		if isEnd(err) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		texts[ev.Choice] += ev.Text
		usage[ev.Choice] = ev.Usage
	}
	for i, want := range []string{"x", "xx", "xxx"} {
		if texts[i] != want || usage[i] != (engine.Usage{PromptTokens: 3, CompletionTokens: i + 1}) {
			t.Errorf("choice %d: %q, %+v", i, texts[i], usage[i])
		}
		asked = append(asked, <-starts)
	}
	for _, req := range asked {
		if req.Group != asked[0].Group || req.Group.N() != 3 || req.Sampling.Seed != 7+uint64(req.Choice) {
			t.Errorf("choice %d of %d has seed %d", req.Choice, req.Group.N(), req.Sampling.Seed)
		}
	}
	if u := r.Usage(); u != (engine.Usage{PromptTokens: 3, CompletionTokens: 6}) {
		t.Errorf("usage %+v, want the prompt once and the tokens of all", u)
	}
	r.Finish()
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="length"}`, 1)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="stop"}`, 0)
	page.want(t, `vllm:omni_e2e_request_latency_s_count`, 1)
}

func TestChoiceThatFailsEndsTheRequestOnce(t *testing.T) {
	h := newHouse(t, layout{thinker: func(t *turn, req engine.Request) {
		if req.Choice == 1 {
			t.X.End(errBroken)
			return
		}
		t.WaitForAbort() // the others go on until they are told
	}})
	_, _, err := listen(t, h.submit(t, 0, three))
	if !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	page := scrape(t, h.metrics)
	page.want(t, `vllm:omni_requests_success_total{finished_reason="error"}`, 1)
	page.want(t, `vllm:omni_num_requests_running`, 0)
}
