package server

import (
	"bytes"
	"testing"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

func TestSpeechIsTheSameInEveryFormat(t *testing.T) {
	h := serve(t, pipeline.Options{})
	get := func(more, contentType string) []byte {
		r, data := h.exchange("/v1/audio/speech", `{"input":"the time is now","voice":"aiden","seed":3`+more+`}`)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != contentType {
			t.Fatalf("%s: status %d, type %q", more, r.StatusCode, r.Header.Get("Content-Type"))
		}
		return data
	}
	wav := get("", "audio/wav")
	format, want, err := audio.ParseWAV(wav)
	if err != nil || format.Rate != 24000 || len(want) == 0 {
		t.Fatalf("%+v, %d bytes, %v", format, len(want), err)
	}
	if pcm := get(`,"response_format":"pcm"`, "audio/pcm"); !bytes.Equal(pcm, want) {
		t.Errorf("pcm: %d bytes, want the %d of the WAV", len(pcm), len(want))
	}
	if pcm := get(`,"response_format":"pcm","stream":true`, "audio/pcm"); !bytes.Equal(pcm, want) {
		t.Errorf("streamed pcm: %d bytes, want %d", len(pcm), len(want))
	}
	streamed := get(`,"stream":true`, "audio/wav")
	if _, pcm, err := audio.ParseWAV(streamed); err != nil || !bytes.Equal(pcm, want) {
		t.Errorf("streamed wav: %d bytes, want %d; %v", len(pcm), len(want), err)
	}
	page := h.page()
	if n := page[`vllm:omni_audio_frames_total{replica="0",stage="2"}`]; n != float64(4*len(want)/2) {
		t.Errorf("%v audio frames, clients got %d", n, 4*len(want)/2)
	}
	if n := page[`vllm:omni_audio_ttfp_s_count{replica="0",stage="2"}`]; n != 2 {
		t.Errorf("%v first packets, two replies were streamed", n)
	}
	if n, thinker := page[`vllm:omni_transfer_size_bytes_count{from_replica="0",from_stage="0",to_replica="0",to_stage="1"}`]; thinker {
		t.Errorf("speech made %v hops from the thinker", n)
	}
}

func TestSpeechOfOneTokenIsSpoken(t *testing.T) {
	h := serve(t, pipeline.Options{})
	if _, data := h.exchange("/v1/audio/speech", `{"input":"a","max_new_tokens":20,"seed":1}`); len(data) <= audio.WAVHeaderSize {
		t.Errorf("%d bytes of WAV", len(data))
	}
}

func TestSpeechTooShortForAFrameIsEmpty(t *testing.T) {
	h := serve(t, pipeline.Options{})
	for _, stream := range []string{"true", "false"} {
		r, data := h.exchange("/v1/audio/speech", `{"input":"a","max_new_tokens":1,"stream":`+stream+`}`)
		if r.StatusCode != 200 || len(data) != audio.WAVHeaderSize {
			t.Errorf("stream %s: status %d, %d bytes", stream, r.StatusCode, len(data))
		}
	}
	if n := h.page()[`vllm:omni_audio_skipped_requests_total{reason="no_audio_data",replica="0",stage="2"}`]; n != 2 {
		t.Errorf("%v skipped", n)
	}
}
