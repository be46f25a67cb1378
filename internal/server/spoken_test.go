package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// spoken is what a client got of a reply in OpenAI's shape.
type spoken struct {
	id, transcript, finish string
	pcm                    []byte
	expires                int64
	chunks                 []*openai.ChatChunk
	failed                 error
}

// readSpoken reads a stream in OpenAI's shape to its end, or until stop says so.
func readSpoken(body io.Reader, stop func(*spoken) bool) (*spoken, error) {
	got := &spoken{}
	events := openai.NewEventReader(body, 4<<20)
	for {
		data, err := events.Next()
		if err == io.EOF || err == nil && string(data) == openai.Done {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		c, err := openai.DecodeChatChunk(data)
		if err != nil {
			got.failed = err
			continue
		}
		got.chunks = append(got.chunks, c)
		for _, choice := range c.Choices {
			if a := choice.Delta.Audio; a != nil {
				got.id += a.ID
				got.transcript += a.Transcript
				got.expires += a.ExpiresAt
			}
			got.finish += choice.FinishReason
		}
		if got.pcm, err = c.AppendAudio(got.pcm); err != nil {
			return got, err
		}
		if stop != nil && stop(got) {
			return got, nil
		}
	}
}

type spokenReply struct {
	Created int64
	Choices []struct {
		Message struct {
			Content *string
			Audio   struct {
				ID, Data, Transcript string
				ExpiresAt            int64 `json:"expires_at"`
			}
		}
		Finish string `json:"finish_reason"`
	}
	Usage openai.Usage
}

func (h *host) speak(body string) (spokenReply, []byte) {
	h.t.Helper()
	r, data := h.exchange("/v1/chat/completions", body)
	var reply spokenReply
	if err := json.Unmarshal(data, &reply); err != nil || r.StatusCode != 200 || len(reply.Choices) != 1 {
		h.t.Fatalf("status %d, %v: %.300s", r.StatusCode, err, data)
	}
	sound, err := base64.StdEncoding.DecodeString(reply.Choices[0].Message.Audio.Data)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply, sound
}

func (h *host) stream(body string) *spoken {
	h.t.Helper()
	r, err := h.post(h.t.Context(), "/v1/chat/completions", "", body)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close()
	got, err := readSpoken(r.Body, nil)
	if err != nil || r.StatusCode != 200 {
		h.t.Fatalf("status %d, %v", r.StatusCode, err)
	}
	return got
}

func TestAudioObjectGetsOneMessageWithItsTranscript(t *testing.T) {
	h := serve(t, pipeline.Options{})
	both := h.chat(`{"modalities":["text","audio"],"seed":2,` + hello + `}`)
	text, wav := *both.Choices[0].Message.Content, both.Choices[1].Message.Audio.Data

	reply, sound := h.speak(`{"modalities":["text","audio"],"audio":{"format":"wav"},"seed":2,` + hello + `}`)
	got := reply.Choices[0].Message
	if got.Content != nil || got.Audio.Transcript != text || got.Audio.Data != wav || got.Audio.ID == "" || got.Audio.ExpiresAt != reply.Created+86400 || reply.Choices[0].Finish == "" {
		t.Errorf("transcript %q, want %q; %d characters of sound, want %d; %+v", got.Audio.Transcript, text, len(got.Audio.Data), len(wav), reply.Usage)
	}
	if reply.Usage.CompletionTokens != both.Usage.Completion {
		t.Errorf("%+v, want %+v", reply.Usage, both.Usage)
	}
	_, want, err := audio.ParseWAV(sound)
	if err != nil || len(want) == 0 {
		t.Fatal(err)
	}
	if _, pcm := h.speak(`{"audio":{"format":"pcm16"},"seed":2,` + hello + `}`); !bytes.Equal(pcm, want) {
		t.Error("pcm16 is not the sound of the WAV")
	}
	alone, sound := h.speak(`{"modalities":["audio"],"audio":{},"seed":2,` + hello + `}`)
	if _, pcm, err := audio.ParseWAV(sound); err != nil || !bytes.Equal(pcm, want) || alone.Choices[0].Message.Audio.Transcript != text {
		t.Errorf("audio alone: %d bytes of sound, transcript %q, %v", len(pcm), alone.Choices[0].Message.Audio.Transcript, err)
	}

	got2 := h.stream(`{"stream":true,"modalities":["text","audio"],"audio":{"format":"pcm16"},"seed":2,` + hello + `}`)
	if got2.transcript != text || !bytes.Equal(got2.pcm, want) || got2.finish != reply.Choices[0].Finish || !strings.HasPrefix(got2.id, "audio-") || got2.expires == 0 {
		t.Errorf("streamed: transcript %q, want %q; %d bytes of sound, want %d; finish %q, id %q", got2.transcript, text, len(got2.pcm), len(want), got2.finish, got2.id)
	}
	last := got2.chunks[len(got2.chunks)-1]
	if last.FinishReason() == "" || last.Usage != nil {
		t.Errorf("the last event is %+v", last)
	}
}

// Each path of a reply with sound moves the audio families as the outcome
// says, and ends once.
func TestSpokenRepliesMoveTheAudioFamilies(t *testing.T) {
	h := serve(t, pipeline.Options{Connector: corrupting})
	const labels = `{replica="0",stage="2"}`
	long := `"ignore_eos":true,"sampling_params_list":[{},{"ignore_eos":true},{}],` + hello
	before := h.page()
	moved := func(what string, want map[string]float64) {
		t.Helper()
		h.idle()
		page := h.page()
		for series, n := range map[string]float64{
			`requests_success_total{finished_reason="stop"}`: 0, `requests_success_total{finished_reason="length"}`: 0,
			`requests_success_total{finished_reason="abort"}`: 0, `requests_success_total{finished_reason="error"}`: 0,
			"e2e_request_latency_s_count": 0, "audio_ttfp_s_count" + labels: 0, "audio_duration_s_count" + labels: 0, "audio_rtf_count" + labels: 0,
			"audio_underrun_s_count" + labels: 0, `audio_skipped_requests_total{reason="malformed_codec",replica="0",stage="2"}`: 0,
		} {
			if w, ok := want[strings.TrimSuffix(series, labels)]; ok {
				n = w
			}
			series = "vllm:omni_" + series
			if got := page[series] - before[series]; got != n {
				t.Errorf("%s: %s moved by %v, want %v", what, series, got, n)
			}
		}
		before = page
	}
	const length = `requests_success_total{finished_reason="length"}`

	h.stream(`{"stream":true,"audio":{},"seed":1,` + long + `}`)
	moved("streamed", map[string]float64{length: 1, "e2e_request_latency_s_count": 1, "audio_ttfp_s_count": 1, "audio_duration_s_count": 1, "audio_rtf_count": 1, "audio_underrun_s_count": 1})

	h.speak(`{"audio":{},"seed":1,` + long + `}`)
	moved("whole", map[string]float64{length: 1, "e2e_request_latency_s_count": 1, "audio_duration_s_count": 1, "audio_rtf_count": 1})

	silent := map[string]float64{length: 1, "e2e_request_latency_s_count": 1, `audio_skipped_requests_total{reason="malformed_codec",replica="0",stage="2"}`: 1}
	r, err := h.post(t.Context(), "/v1/chat/completions", "silent-corrupt-1", `{"stream":true,"audio":{},`+long+`}`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readSpoken(r.Body, nil)
	r.Body.Close()
	if err != nil || len(got.pcm) != 0 || got.transcript == "" || got.finish != "length" {
		t.Errorf("rejected frames: %+v, %v", got, err)
	}
	moved("rejected frames, streamed", silent)

	r, err = h.post(t.Context(), "/v1/chat/completions", "silent-corrupt-1", `{"audio":{"format":"pcm16"},`+long+`}`)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || !bytes.Contains(data, []byte(`"data":"","expires_at"`)) || bytes.Contains(data, []byte(`"transcript":""`)) {
		t.Errorf("rejected frames: %s, %v", data, err)
	}
	moved("rejected frames, whole", silent)

	r, err = h.post(t.Context(), "/v1/chat/completions", "broken-corrupt-2", `{"stream":true,"audio":{},`+long+`}`)
	if err != nil {
		t.Fatal(err)
	}
	got, err = readSpoken(r.Body, nil)
	r.Body.Close()
	if err != nil || got.failed == nil || got.finish != "" {
		t.Errorf("a stage failed in mid-stream: %v, finish %q, %v", got.failed, got.finish, err)
	}
	moved("failed", map[string]float64{`requests_success_total{finished_reason="error"}`: 1, "audio_ttfp_s_count": 1})

	ctx, leave := context.WithCancel(t.Context())
	r, err = h.post(ctx, "/v1/chat/completions", "", `{"stream":true,"audio":{},`+long+`}`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = readSpoken(r.Body, func(s *spoken) bool { return len(s.pcm) > 0 })
	leave()
	r.Body.Close()
	if err != nil {
		t.Error(err)
	}
	moved("left", map[string]float64{`requests_success_total{finished_reason="abort"}`: 1, "audio_ttfp_s_count": 1})
}

func TestUsageIsCountedEventByEvent(t *testing.T) {
	h := serve(t, pipeline.Options{})
	for _, shape := range []string{"", `"modalities":["text","audio"],`, `"audio":{},`} {
		got := h.stream(`{"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true},"max_tokens":6,"ignore_eos":true,` + shape + hello + `}`)
		last := got.chunks[len(got.chunks)-1]
		if len(last.Choices) != 0 || last.Usage == nil || last.Usage.CompletionTokens != 6 {
			t.Fatalf("%s: the last event is %+v", shape, last)
		}
		tokens, grew := 0, 0
		for i, c := range got.chunks {
			if c.Usage == nil || c.Usage.PromptTokens != last.Usage.PromptTokens || c.Usage.CompletionTokens < tokens {
				t.Fatalf("%s: event %d counts %+v after %d tokens", shape, i, c.Usage, tokens)
			}
			if c.Usage.CompletionTokens > tokens {
				grew++
			}
			tokens = c.Usage.CompletionTokens
		}
		if tokens != 6 || grew < 3 {
			t.Errorf("%s: %d tokens in the end, counted in %d steps", shape, tokens, grew)
		}
	}
	plain := h.stream(`{"stream":true,"stream_options":{"include_usage":true},"audio":{},"max_tokens":6,` + hello + `}`)
	for i, c := range plain.chunks {
		if last := i == len(plain.chunks)-1; (c.Usage != nil) != last {
			t.Errorf("event %d of %d counts %+v", i, len(plain.chunks), c.Usage)
		}
	}
}

func TestCompressedSoundNeedsFFmpeg(t *testing.T) {
	h := serve(t, pipeline.Options{})
	t.Setenv("PATH", t.TempDir())
	for path, param := range map[string]string{"/v1/audio/speech": "response_format", "/v1/chat/completions": "audio.format"} {
		for _, format := range []string{"flac", "opus", "mp3", "aac"} {
			body := map[string]string{
				"/v1/audio/speech":     `{"input":"x","response_format":"` + format + `"}`,
				"/v1/chat/completions": `{"audio":{"format":"` + format + `"},"seed":3,` + hello + `}`,
			}[path]
			r, data := h.exchange(path, body)
			if r.StatusCode != 400 || !bytes.Contains(data, []byte(`"param":"`+param+`"`)) || !bytes.Contains(data, []byte("none on the PATH")) {
				t.Errorf("%s %s: status %d, %s", path, format, r.StatusCode, data)
			}
		}
	}
}

func TestCompressedSoundIsTheSameSound(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("there is no ffmpeg")
	}
	h := serve(t, pipeline.Options{})
	_, wav := h.speak(`{"audio":{},"seed":2,` + hello + `}`)
	_, want, err := audio.ParseWAV(wav)
	if err != nil {
		t.Fatal(err)
	}
	_, flac := h.speak(`{"audio":{"format":"flac"},"seed":2,` + hello + `}`)
	decode := exec.CommandContext(t.Context(), ffmpeg, "-loglevel", "error", "-i", "pipe:0", "-f", "s16le", "pipe:1")
	decode.Stdin = bytes.NewReader(flac)
	if pcm, err := decode.Output(); err != nil || !bytes.Equal(pcm, want) {
		t.Errorf("%d bytes of sound in the FLAC, want %d; %v", len(pcm), len(want), err)
	}
	for format, want := range map[string]string{"flac": "audio/flac", "aac": "audio/aac"} { // both are ffmpeg's own
		r, data := h.exchange("/v1/audio/speech", `{"input":"the time is now","response_format":"`+format+`"}`)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != want || len(data) < 100 {
			t.Errorf("%s: status %d, %q, %d bytes", format, r.StatusCode, r.Header.Get("Content-Type"), len(data))
		}
	}
}

// A sound that can't be encoded ends its request as an error, and a client
// that leaves meanwhile as an abort.
func TestEncoderThatFailsEndsTheRequestOnce(t *testing.T) {
	h := serve(t, pipeline.Options{})
	dir := t.TempDir()
	ffmpeg := func(body string) {
		script := "#!/bin/sh\ncase \"$*\" in *-encoders*) echo flac; exit;; esac\ncd " + dir + "\n" + body + "\n"
		if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	ffmpeg("echo 'Out of luck' >&2; exit 3")
	if r, data := h.exchange("/v1/audio/speech", `{"input":"we can hear it","response_format":"flac"}`); r.StatusCode != 500 || !bytes.Contains(data, []byte("Out of luck")) {
		t.Errorf("status %d: %s", r.StatusCode, data)
	}
	for _, name := range []string{"began", "never"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ffmpeg("echo began > began; read never < never")
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		r, err := h.post(ctx, "/v1/chat/completions", "", `{"audio":{"format":"flac"},`+hello+`}`)
		if err == nil {
			r.Body.Close()
		}
		gone <- err
	}()
	if _, err := os.ReadFile(filepath.Join(dir, "began")); err != nil { // waits until it runs
		t.Fatal(err)
	}
	leave()
	if err := <-gone; err == nil {
		t.Error("the client that left got an answer")
	}
	h.idle()
	page := h.page()
	for reason, want := range map[string]float64{"error": 1, "abort": 1, "stop": 0, "length": 0} {
		if n := page[`vllm:omni_requests_success_total{finished_reason="`+reason+`"}`]; n != want {
			t.Errorf("%v requests ended in %s, want %v", n, reason, want)
		}
	}
}

func TestVoicesAndModelsAreListed(t *testing.T) {
	h := serve(t, pipeline.Options{})
	if r, body := h.get("/v1/audio/voices"); r.StatusCode != 200 || body != `{"voices":["aiden","chelsie","ethan"],"uploaded_voices":[]}` {
		t.Errorf("voices: %d %s", r.StatusCode, body)
	}
	if r, body := h.get("/v1/models/limelight-tiny"); r.StatusCode != 200 || !strings.HasPrefix(body, `{"id":"limelight-tiny","object":"model",`) {
		t.Errorf("one model: %d %s", r.StatusCode, body)
	}
	if r, body := h.get("/v1/models/a/b"); r.StatusCode != 404 || !strings.Contains(body, `there is no \"a/b\" here`) {
		t.Errorf("another model: %d %s", r.StatusCode, body)
	}
}
