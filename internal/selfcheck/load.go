package selfcheck

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/limelight-omni/limelight/metrics"
	"github.com/limelight-omni/limelight/metrics/check"
)

// load is one request of one outcome.
type load struct {
	outcome metrics.Outcome
	send    func(context.Context, *host) error
}

const (
	chatPath   = "/v1/chat/completions"
	speechPath = "/v1/audio/speech"

	hello = `"messages":[{"role":"user","content":"hello there"}]`
	sound = `"modalities":["text","audio"],`
	// The thinker and the talker do not stop by themselves: so it is certain that
	// there is sound, and how much. Brief is one chunk, for which no listener
	// ever waits, however slow the machine; long is several.
	brief = `"sampling_params_list":[{"ignore_eos":true,"max_tokens":12},{"ignore_eos":true,"max_tokens":4},{}],`
	long  = `"sampling_params_list":[{"ignore_eos":true,"max_tokens":48},{"ignore_eos":true,"max_tokens":96},{}],`
)

// loads has every outcome at least once.
var loads = []load{
	{metrics.OutcomeText, text},
	{metrics.OutcomeAudio, whole(chatPath, "audio", `{`+sound+brief+hello+`}`, http.StatusOK)},
	{metrics.OutcomeStream, whole(chatPath, "stream", `{"stream":true,`+sound+brief+hello+`}`, http.StatusOK)},
	{metrics.OutcomeSpeech, whole(speechPath, "speech", `{"input":"we can hear it"}`, http.StatusOK)},
	{metrics.OutcomeSkipped, whole(chatPath, "skipped", `{`+sound+`"max_tokens":1,`+hello+`}`, http.StatusOK)},
	{metrics.OutcomeAborted, leave},
	{metrics.OutcomeFailed, whole(chatPath, spoilSecond+"stream", `{"stream":true,`+sound+long+hello+`}`, http.StatusOK)},
	{metrics.OutcomeRepeated, sequence(text, text)},
	{metrics.OutcomeCrowded, sequence(text, text, text, whole(chatPath, "crowd", `{"n":2,"ignore_eos":true,"max_tokens":100,"messages":[{"role":"user","content":"what time is it"}]}`, http.StatusOK))},
	{metrics.OutcomeRefused, whole(chatPath, "refused", `{`, http.StatusBadRequest)},

	{metrics.OutcomeText, whole(chatPath, "streamed-text", `{"stream":true,"ignore_eos":true,"max_tokens":8,`+hello+`}`, http.StatusOK)},
	{metrics.OutcomeSkipped, whole(chatPath, spoilFirst+"chat", `{`+sound+long+hello+`}`, http.StatusOK)},
	{metrics.OutcomeRefused, whole("/v1/nothing", "no-route", `{}`, http.StatusNotFound)},
}

// text is a chat reply without sound.
var text = whole(chatPath, "text", `{"ignore_eos":true,"max_tokens":8,`+hello+`}`, http.StatusOK)

// sequence sends one request after the other.
func sequence(sends ...func(context.Context, *host) error) func(context.Context, *host) error {
	return func(ctx context.Context, h *host) error {
		for _, send := range sends {
			if err := send(ctx, h); err != nil {
				return err
			}
		}
		return nil
	}
}

// whole is a request whose answer is read to its end.
func whole(path, id, body string, status int) func(context.Context, *host) error {
	return func(ctx context.Context, h *host) error { return h.exchange(ctx, path, id, body, status) }
}

// leave goes away at the first sound of a reply.
func leave(ctx context.Context, h *host) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := h.post(ctx, chatPath, "leave", `{"stream":true,`+sound+long+hello+`}`)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	events := bufio.NewScanner(r.Body)
	events.Buffer(nil, 1<<24)
	for events.Scan() {
		if strings.Contains(events.Text(), `"modality":"audio"`) {
			return nil
		}
	}
	if err := events.Err(); err != nil {
		return err
	}
	return errors.New("the reply ended without a sound")
}

// crowd fills the pipeline and returns its page while it is full. The first
// request is held back before code2wav, so that its talker is full; the second
// one waits inside the talker's engine; of the next two the thinker gets rid of
// nothing, so that it is full; the last one waits in the queue. All have ended
// when crowd returns.
func (h *host) crowd(ctx context.Context) (busy *check.Page, err error) {
	full := func(p *check.Page, stage string) bool {
		return p.Sum("limelight_replica_state", "", check.Label{Name: "stage", Value: stage}, check.Label{Name: "state", Value: "full"}) == 1
	}
	running := func(p *check.Page) float64 { return p.Sum("vllm:omni_num_requests_running", "") }
	spoken := `{` + sound + long + hello + `}`
	requests := []struct {
		id, body string
		arrived  func(*check.Page) bool
	}{
		{holdSound + "1", spoken, func(p *check.Page) bool { return full(p, "1") && !full(p, "0") }},
		{holdSound + "2", spoken, func(p *check.Page) bool { return running(p) == 2 && !full(p, "0") }},
		{holdText + "3", spoken, func(p *check.Page) bool { return running(p) == 3 }},
		{holdText + "4", spoken, func(p *check.Page) bool { return running(p) == 4 && full(p, "0") }},
		{"waits", `{"max_tokens":2,` + hello + `}`, func(p *check.Page) bool { return p.Sum("vllm:omni_num_requests_waiting", "") == 1 }},
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var clients sync.WaitGroup
	defer func() {
		h.gate.open()
		clients.Wait()
		if err == nil {
			err = context.Cause(ctx)
		}
	}()
	for _, r := range requests {
		clients.Go(func() {
			if err := h.exchange(ctx, chatPath, r.id, r.body, http.StatusOK); err != nil {
				fail(fmt.Errorf("request %s: %w", r.id, err))
			}
		})
		if busy, err = h.await(ctx, r.arrived); err != nil {
			return nil, err
		}
	}
	return busy, nil
}
