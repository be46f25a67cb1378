package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

// say asks a voice for a text.
func say(t *testing.T, v *voice, body string) (int, []byte) {
	t.Helper()
	var status int
	var data []byte
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		v.handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/audio/speech", strings.NewReader(body)))
		status = w.Code
		data, _ = io.ReadAll(w.Body)
	})
	return status, data
}

func TestVoiceHumsAsLongAsTheTextAndCanBeMuted(t *testing.T) {
	const body = `{"input":"forty letters in all, and one chunk more","response_format":"pcm","stream":true}`
	const size = 2 * voiceRate * 1600 / 1000
	v := &voice{}
	silent := make([]byte, size)
	if status, data := say(t, v, body); status != http.StatusOK || len(data) != size || bytes.Equal(data, silent) {
		t.Errorf("status %d and %d bytes, want %d that can be heard", status, len(data), size)
	}
	v.muted.Store(true)
	if status, data := say(t, v, body); status != http.StatusOK || !bytes.Equal(data, silent) {
		t.Errorf("status %d and %d bytes, want %d of silence", status, len(data), size)
	}
}

func TestVoiceRefusesWhatIsNotPCM(t *testing.T) {
	if status, _ := say(t, &voice{}, `{"input":"x","response_format":"mp3"}`); status != http.StatusBadRequest {
		t.Errorf("status %d, want 400", status)
	}
}
