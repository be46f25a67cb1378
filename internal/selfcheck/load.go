package selfcheck

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

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
	{metrics.OutcomeGap, gap},
	{metrics.OutcomeSilent, whole(chatPath, mute+"chat", `{`+sound+brief+hello+`}`, http.StatusOK)},
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
	body, err := h.firstSound(ctx, "leave")
	if err != nil {
		return err
	}
	return body.Close()
}

// chunkTime is longer than the sound of a chunk.
const chunkTime = 400 * time.Millisecond

// gap hears the first sound of a reply, and nothing more until that has been
// played.
func gap(ctx context.Context, h *host) error {
	body, err := h.firstSound(ctx, holdSecond+"chunk")
	if err != nil {
		return err
	}
	defer body.Close()
	select {
	case <-time.After(chunkTime):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	h.second.open()
	_, err = io.Copy(io.Discard, body)
	return err
}

// firstSound reads a streamed reply to its first sound. The caller closes what
// is left.
func (h *host) firstSound(ctx context.Context, id string) (io.ReadCloser, error) {
	r, err := h.post(ctx, chatPath, id, `{"stream":true,`+sound+long+hello+`}`)
	if err != nil {
		return nil, err
	}
	events := bufio.NewReader(r.Body)
	for {
		line, err := events.ReadString('\n')
		if strings.Contains(line, `"modality":"audio"`) {
			return r.Body, nil
		}
		if err == io.EOF {
			err = errors.New("the reply ended without a sound")
		}
		if err != nil {
			return nil, errors.Join(err, r.Body.Close())
		}
	}
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
