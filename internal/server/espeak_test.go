package server

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os/exec"
	"testing"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// espeak serves Debian's espeak-ng as a speech server: real speech, 22.05 kHz.
func espeak(t *testing.T) string {
	program, err := exec.LookPath("espeak-ng")
	if err != nil {
		t.Skip("espeak-ng is not installed (apt-get install espeak-ng)")
	}
	return fake(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Input string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "audio/wav")
		cmd := exec.CommandContext(r.Context(), program, "--stdout", "-v", "en", "--", body.Input)
		cmd.Stdout = w // as it is made
		if err := cmd.Run(); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

// A speech engine that nobody here wrote, alone and behind a chat server.
func TestRealSpeechComesThrough(t *testing.T) {
	mouth := espeak(t)
	const sentence = "The quick brown fox jumps over the lazy dog."
	speech := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Speech, mouth), ServedName: "espeak"})
	hear := func(wav []byte) float64 {
		t.Helper()
		format, pcm, err := audio.ParseWAV(wav)
		if err != nil || format != (audio.Format{Rate: 22050, Channels: 1, BitsPerSample: 16}) {
			t.Fatalf("%+v, %v", format, err)
		}
		peak, rms := audio.Level(audio.AppendFloat32(nil, pcm))
		if peak < 0.1 || peak > 1 || rms < 0.02 || rms > 0.5 {
			t.Errorf("peak %v, rms %v: that is no speech", peak, rms)
		}
		return float64(len(pcm)) / 2 / 22050
	}
	_, whole := speech.exchange("/v1/audio/speech", `{"input":"`+sentence+`"}`)
	seconds := hear(whole)
	if seconds < 1.5 || seconds > 6 {
		t.Errorf("%v seconds for one sentence", seconds)
	}
	_, streamed := speech.exchange("/v1/audio/speech", `{"stream":true,"response_format":"wav","input":"`+sentence+`"}`)
	if got := hear(streamed); got != seconds {
		t.Errorf("streamed it has %v seconds, whole %v", got, seconds)
	}
	page := speech.page()
	if got := page[`vllm:omni_audio_duration_s_sum{replica="0",stage="0"}`]; got < 2*seconds-0.001 || got > 2*seconds+0.001 {
		t.Errorf("%v seconds on the page, clients heard twice %v", got, seconds)
	}

	mind := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		sends(w, `{"choices":[{"index":0,"delta":{"content":"%s %s"},"finish_reason":"stop"}]}`, sentence, sentence)
	})
	assistant := relayTo(t, pipeline.RelayOptions{Backends: append(backends(remote.Chat, mind), backends(remote.Speech, mouth)...), ServedName: "assistant"})
	reply := assistant.chat(`{"modalities":["audio"],` + hello + `}`)
	if reply.Choices[0].Message.Audio == nil {
		t.Fatalf("%+v", reply)
	}
	wav, err := base64.StdEncoding.DecodeString(reply.Choices[0].Message.Audio.Data)
	if err != nil {
		t.Fatal(err)
	}
	if got := hear(wav); got < 1.9*seconds || got > 2.1*seconds {
		t.Errorf("two sentences have %v seconds, one %v", got, seconds)
	}
}
