package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// TestHundredMixedRequests sends every kind of request, 16 at a time, to two
// replicas of the later stages, and then asks the page whether it adds up.
func TestHundredMixedRequests(t *testing.T) {
	h := serve(t, pipeline.Options{Replicas: map[string]int{"talker": 2, "code2wav": 2}, Connector: corrupting})
	const n = 100
	var admitted, left, frames, silent, failed atomic.Int64
	kinds := []func(i int) error{
		func(i int) error { // text, whole
			r, err := h.post(t.Context(), "/v1/chat/completions", "", `{`+hello+`}`)
			return drain(r, err, 200)
		},
		func(i int) error { // text, streamed
			r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"stream":true,`+hello+`}`)
			return drain(r, err, 200)
		},
		func(i int) error { // text and audio, whole
			r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"modalities":["text","audio"],`+hello+`}`)
			return drain(r, err, 200)
		},
		func(i int) error { // text and audio, streamed
			r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"stream":true,"modalities":["text","audio"],`+hello+`}`)
			if err != nil {
				return err
			}
			defer r.Body.Close()
			got, err := readStream(t, r.Body, nil)
			frames.Add(int64(len(got.pcm) / audio.BytesPerSample))
			return err
		},
		func(i int) error { // completions of two prompts
			r, err := h.post(t.Context(), "/v1/completions", "", `{"prompt":["the time","we"],"logprobs":1}`)
			return drain(r, err, 200)
		},
		func(i int) error { // text and audio in OpenAI's shape, whole
			r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"audio":{"format":"pcm16"},`+hello+`}`)
			return drain(r, err, 200)
		},
		func(i int) error { // the same, streamed
			r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"stream":true,"audio":{},`+hello+`}`)
			if err != nil {
				return err
			}
			defer r.Body.Close()
			got, err := readSpoken(r.Body, nil)
			frames.Add(int64(len(got.pcm) / audio.BytesPerSample))
			return err
		},
		func(i int) error { // speech, streamed
			r, err := h.post(t.Context(), "/v1/audio/speech", "", `{"input":"we can hear it","stream":true,"response_format":"pcm"}`)
			if err != nil {
				return err
			}
			defer r.Body.Close()
			pcm, err := io.ReadAll(r.Body)
			frames.Add(int64(len(pcm) / audio.BytesPerSample))
			return err
		},
		func(i int) error { // speech that fits one chunk: a listener of one chunk never waits for the next, however slow the machine
			r, err := h.post(t.Context(), "/v1/audio/speech", "", `{"input":"we can hear it","stream":true,"response_format":"pcm","max_new_tokens":4}`)
			if err != nil {
				return err
			}
			defer r.Body.Close()
			pcm, err := io.ReadAll(r.Body)
			frames.Add(int64(len(pcm) / audio.BytesPerSample))
			return err
		},
		func(i int) error { // a client that leaves at the first audio
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			r, err := h.post(ctx, "/v1/chat/completions", "", `{"stream":true,"modalities":["text","audio"],"ignore_eos":true,"sampling_params_list":[{},{"ignore_eos":true},{}],`+hello+`}`)
			if err != nil {
				return err
			}
			defer r.Body.Close()
			_, err = readStream(t, r.Body, func(h heard) bool { return strings.Contains(h.order, "a") })
			left.Add(1)
			return err
		},
		func(i int) error { // codec frames spoilt before any sound
			id := fmt.Sprintf("%d-corrupt-1", i)
			r, err := h.post(t.Context(), "/v1/chat/completions", id, `{"stream":true,"modalities":["text","audio"],"ignore_eos":true,"sampling_params_list":[{},{"ignore_eos":true},{}],`+hello+`}`)
			if err != nil {
				return err
			}
			defer r.Body.Close()
			got, err := readStream(t, r.Body, nil)
			if len(got.pcm) != 0 || len(got.finishes) != 1 || strings.Contains(got.order, "e") || got.text == "" {
				t.Errorf("%s: %d bytes of sound, finishes %v, events %s", id, len(got.pcm), got.finishes, got.order)
			}
			silent.Add(1)
			return err
		},
		func(i int) error { // codec frames spoilt in mid-stream
			id := fmt.Sprintf("%d-corrupt-2", i)
			r, err := h.post(t.Context(), "/v1/chat/completions", id, `{"stream":true,"modalities":["text","audio"],"ignore_eos":true,"sampling_params_list":[{},{"ignore_eos":true},{}],`+hello+`}`)
			if err != nil {
				return err
			}
			defer r.Body.Close()
			got, err := readStream(t, r.Body, nil)
			if !strings.HasSuffix(got.order, "eD") || len(got.finishes) != 0 {
				t.Errorf("%s: finishes %v, events %s", id, got.finishes, got.order)
			}
			failed.Add(1)
			return err
		},
		func(i int) error { // a reply too short to be spoken
			r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"modalities":["text","audio"],"max_tokens":1,`+hello+`}`)
			return drain(r, err, 200)
		},
		func(i int) error { // speech, spoilt before any sound
			r, err := h.post(t.Context(), "/v1/audio/speech", fmt.Sprintf("%d-corrupt-1", i), `{"input":"we can hear it"}`)
			silent.Add(1)
			return drain(r, err, 200)
		},
	}
	places := make(chan struct{}, 16)
	var all sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			if err := kinds[i%len(kinds)](i); err != nil {
				t.Errorf("request %d: %v", i, err)
			}
			admitted.Add(1)
		})
	}
	all.Wait()
	if err := h.pipeline.Orchestrator.Drain(t.Context()); err != nil { // clients that left are gone when their handlers are
		t.Fatal(err)
	}
	h.adds(h.page(), float64(admitted.Load()), float64(left.Load()), float64(failed.Load()), float64(silent.Load()), frames.Load())
}

// drain reads an answer that has to have a status.
func drain(r *http.Response, err error, status int) error {
	if err != nil {
		return err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != status {
		err = fmt.Errorf("status %d: %s", r.StatusCode, data)
	}
	return err
}

// adds checks the identities of a page after a load.
func (h *host) adds(page map[string]float64, admitted, left, failed, rejected float64, heardFrames int64) {
	t := h.t
	t.Helper()
	sum := func(prefix, part string) (sum float64) {
		for series, v := range page {
			if strings.HasPrefix(series, prefix+"{") && strings.Contains(series, part) || series == prefix {
				sum += v
			}
		}
		return sum
	}
	const root = "vllm:omni_"
	equal := func(what string, got, want float64) {
		t.Helper()
		if got < want-1e-6 || got > want+1e-6 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	equal("ends", sum(root+"requests_success_total", ""), admitted)
	equal("aborts", sum(root+"requests_success_total", `"abort"`), left)
	equal("errors", sum(root+"requests_success_total", `"error"`), failed)
	equal("running", sum(root+"num_requests_running", ""), 0)
	equal("waiting", sum(root+"num_requests_waiting", ""), 0)
	natural := sum(root+"requests_success_total", `"stop"`) + sum(root+"requests_success_total", `"length"`)
	equal("e2e", sum(root+"e2e_request_latency_s_count", ""), natural)
	equal("malformed", sum(root+"audio_skipped_requests_total", `"malformed_codec"`), rejected)
	frames := sum(root+"audio_frames_total", "")
	equal("frames over the rate", frames/24000, sum(root+"audio_duration_s_sum", ""))
	if frames < float64(heardFrames) || heardFrames == 0 {
		t.Errorf("%v frames on the page, streaming clients alone heard %d", frames, heardFrames)
	}
	equal("rtf", sum(root+"audio_rtf_count", ""), sum(root+"audio_duration_s_count", ""))
	equal("hops", sum(root+"transfer_size_bytes_count", ""), sum(root+"transfer_in_flight_s_count", ""))
	const own = "limelight_"
	equal("parts of all requests", sum(own+"request_part_seconds_sum", "")+sum(own+"stage_part_seconds_sum", "")+sum(own+"request_residual_seconds_sum", ""), sum(root+"e2e_request_latency_s_sum", ""))
	equal("residuals", sum(own+"request_residual_seconds_count", ""), natural)
	for _, series := range []string{"request_part_seconds_sum", "stage_part_seconds_sum", "stage_first_output_seconds_count", "audio_chunk_interval_seconds_count"} {
		if sum(own+series, "") == 0 {
			t.Errorf("%s never moved", series)
		}
	}
	for _, series := range []string{
		"requests_success_total", "e2e_request_latency_s_count", "audio_ttfp_s_count", "audio_duration_s_count", "audio_rtf_count",
		"audio_frames_total", "audio_underrun_s_count", "audio_continuity_ok_total", "audio_skipped_requests_total",
		"transfer_size_bytes_count", "transfer_tx_s_count", "transfer_rx_s_count", "transfer_in_flight_s_count",
	} {
		if sum(root+series, "") == 0 {
			t.Errorf("%s never moved", series)
		}
	}
	for _, replica := range []string{"0", "1"} {
		for _, edge := range []string{
			`from_replica="0",from_stage="0",to_replica="` + replica + `",to_stage="1"`,
			`from_replica="` + replica + `",from_stage="1"`,
		} {
			if sum(root+"transfer_size_bytes_count", edge) == 0 {
				t.Errorf("no hop over {%s}", edge)
			}
		}
	}
}
