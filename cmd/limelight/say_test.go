package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/audio"
)

// runSay runs the command and returns what it printed.
func runSay(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), append([]string{"say"}, args...), &out, &err)
	return code, out.String(), err.String()
}

// playable checks that a file is a whole WAV, its header's sizes included.
func playable(t *testing.T, file []byte) {
	t.Helper()
	format, pcm, err := audio.ParseWAV(file)
	if err != nil || format.Rate != 24000 || len(pcm) == 0 {
		t.Fatalf("%+v, %d bytes of sound, %v", format, len(pcm), err)
	}
	if want := audio.AppendWAVHeader(nil, 24000, 1, uint32(len(pcm))); !bytes.Equal(file[:len(want)], want) {
		t.Errorf("header % x, want % x", file[:len(want)], want)
	}
}

func TestSayServesItselfWithoutAURL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.wav")
	code, stdout, stderr := runSay(t, "we can", "hear it", "-o", path)
	if code != 0 || !strings.Contains(stdout, "out.wav: ") || !strings.Contains(stdout, "dBFS") || !strings.Contains(stdout, "TTFP") || !strings.Contains(stderr, " s  +") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	playable(t, file)
}

func TestSayReadsStandardInputAndWritesStandardOutput(t *testing.T) {
	in, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := in.WriteString("we can hear it\n"); err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	defer func() { os.Stdin = before }()
	os.Stdin = in
	if code, _, stderr := runSay(t, "-o", "-"); code != 1 || !strings.Contains(stderr, "no text to say") {
		t.Errorf("at the end of the input: exit code %d, %q", code, stderr)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runSay(t, "-q", "-o", "-")
	if format, pcm, err := audio.ParseWAV([]byte(stdout)); code != 0 || err != nil || len(pcm) == 0 || format.Rate != 24000 {
		t.Errorf("exit code %d, %+v, %d bytes of sound, %v, %q", code, format, len(pcm), err, stderr)
	}
	if !strings.Contains(stderr, "TTFP") || strings.Contains(stderr, " s  +") {
		t.Errorf("told %q", stderr)
	}
}

func TestSayAsksAServerWithItsKey(t *testing.T) {
	ctx, signal := context.WithCancel(t.Context())
	log := &lines{more: make(chan struct{}, 1)}
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"serve", "--host", "127.0.0.1", "--port", "0", "--api-key", "secret", "--root-path", "/omni"}, io.Discard, log)
	}()
	url := log.find(t.Context(), `msg=ready address=(http://\S+)`)
	path := filepath.Join(t.TempDir(), "out.wav")
	if code, _, stderr := runSay(t, "hello", "-o", path, "--url", url); code != 1 || !strings.Contains(stderr, "status 401: a valid API key is needed") {
		t.Errorf("without a key: exit code %d, %q", code, stderr)
	}
	if code, _, stderr := runSay(t, "hello", "-o", path, "--url", url, "--api-key", "secret", "--voice", "nobody"); code != 1 || !strings.Contains(stderr, `voice: there is no "nobody"`) {
		t.Errorf("another's voice: exit code %d, %q", code, stderr)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("refusals leave %v, %v", left, err)
	}
	t.Setenv("VLLM_API_KEY", "secret")
	if code, _, stderr := runSay(t, "hello", "-o", path, "--url", url, "--voice", "aiden", "--model", "limelight-tiny"); code != 0 {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	playable(t, file)
	signal()
	if code := <-done; code != 0 {
		t.Errorf("serve: exit code %d\n%s", code, log)
	}
}

func TestSayKeepsNothingOfABrokenSoundAndFailsForASilentOne(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(audio.AppendWAVHeader(nil, 24000, 1, audio.StreamedSize))
		w.Write(make([]byte, 48000))
		if strings.HasPrefix(r.URL.Path, "/broken/") {
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	defer web.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "out.wav")
	if code, stdout, stderr := runSay(t, "hello", "-o", path, "--url", web.URL+"/broken"); code != 1 || !strings.Contains(stderr, "the sound broke off after 1s") || stdout != "" {
		t.Errorf("broken: exit code %d, %q, %q", code, stdout, stderr)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("a broken sound leaves %v, %v", left, err)
	}
	if code, stdout, stderr := runSay(t, "hello", "-o", path, "--url", web.URL); code != 1 || !strings.Contains(stderr, "silent") || !strings.Contains(stdout, "-Inf dBFS") {
		t.Errorf("silent: exit code %d, %q, %q", code, stdout, stderr)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	playable(t, file) // whole, and there to be looked at
}
