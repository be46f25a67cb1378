package main

import (
	"encoding/json"
	"io"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/limelight-omni/limelight/internal/audio"
)

// voice is a server that only speaks: a hum as long as the text, as raw PCM,
// ten times as fast as one can listen. It can be told to hum inaudibly.
type voice struct {
	muted  atomic.Bool
	server *http.Server
	url    string
}

// The sound: chunks of chunkLength, each made in a tenth of that.
const (
	voiceRate   = 24000
	perByte     = 40 * time.Millisecond // of text
	longest     = 4 * time.Second
	chunkLength = 1280 * time.Millisecond
)

// newVoice serves on a free port of the loopback device.
func newVoice() (*voice, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	v := &voice{url: "http://" + listener.Addr().String()}
	v.server = &http.Server{Handler: v.handler()}
	go func() { _ = v.server.Serve(listener) }() // it ends when it is closed
	return v, nil
}

func (v *voice) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"hum","object":"model"}]}`)
	})
	mux.HandleFunc("POST /v1/audio/speech", v.speak)
	return mux
}

// speak answers a speech request. A client that leaves ends it.
func (v *voice) speak(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Input  string `json:"input"`
		Format string `json:"response_format"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Format != "pcm" {
		http.Error(w, `{"error":{"message":"want JSON with response_format pcm","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "audio/pcm;rate=24000")
	left := max(chunkLength, min(longest, time.Duration(len(asked.Input))*perByte))
	for at := 0; left > 0; left -= chunkLength {
		samples := v.hum(at, int(min(left, chunkLength)*voiceRate/time.Second))
		at += len(samples)
		if _, err := w.Write(audio.AppendS16LE(nil, samples)); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush() // a client that has left is noticed at the next write
		select {
		case <-time.After(chunkLength / 10):
		case <-r.Context().Done():
			return
		}
	}
}

// hum is n samples of 220 Hz from the at-th on, or of silence.
func (v *voice) hum(at, n int) []float32 {
	samples := make([]float32, n)
	if v.muted.Load() {
		return samples
	}
	for i := range samples {
		samples[i] = 0.3 * float32(math.Sin(2*math.Pi*220*float64(at+i)/voiceRate))
	}
	return samples
}
