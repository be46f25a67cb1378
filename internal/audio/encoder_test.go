package audio

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fake puts a shell script in the place of ffmpeg. It says what it can encode
// when it is asked, and otherwise runs body.
func fake(t *testing.T, encoders, body string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in *-encoders*) echo '" + encoders + "'; exit;; esac\ncd " + dir + "\n" + body + "\n"
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	return dir
}

func TestWithoutFFmpegNoFormatIsMade(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, format := range []string{"flac", "opus", "mp3", "aac"} {
		if err := NewEncoder().Check(t.Context(), format); err == nil || !strings.Contains(err.Error(), "none on the PATH") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestEncoderThatFFmpegLacksIsNamed(t *testing.T) {
	fake(t, " A..... aac  AAC\n A..... flac  FLAC", "")
	e := NewEncoder()
	for format, want := range map[string]string{"flac": "", "aac": "", "mp3": "ffmpeg's libmp3lame", "opus": "ffmpeg's libopus", "ogg": "no encoder for ogg"} {
		err := e.Check(t.Context(), format)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", format, err, want)
		}
	}
}

func TestFailureOfFFmpegSaysItsWords(t *testing.T) {
	fake(t, "flac", "echo 'Out of luck' >&2; exit 3")
	if _, err := NewEncoder().Encode(t.Context(), "flac", 24000, make([]byte, 100)); err == nil || !strings.Contains(err.Error(), "exit status 3: Out of luck") {
		t.Error(err)
	}
}

func TestEndlessOutputIsCutOff(t *testing.T) {
	fake(t, "flac", "while :; do echo more and more and more and more and more and more and more; done")
	if _, err := NewEncoder().Encode(t.Context(), "flac", 24000, make([]byte, 100)); !errors.Is(err, errTooLong) {
		t.Error(err)
	}
}

func TestEndOfTheContextEndsFFmpeg(t *testing.T) {
	dir := fake(t, "flac", "echo began > began; read never < never")
	for _, name := range []string{"began", "never"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := NewEncoder().Encode(ctx, "flac", 24000, make([]byte, 100))
		ended <- err
	}()
	if _, err := os.ReadFile(filepath.Join(dir, "began")); err != nil { // waits until it runs
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestEveryFormatComesBack(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("there is no ffmpeg")
	}
	pcm := AppendS16LE(nil, noise())
	e := NewEncoder()
	for format, magic := range map[string]string{"flac": "fLaC", "opus": "OggS", "mp3": "ID3", "aac": "\xff"} {
		if err := e.Check(t.Context(), format); err != nil {
			t.Log(err)
			continue
		}
		file, err := e.Encode(t.Context(), format, 24000, pcm)
		if err != nil || !strings.HasPrefix(string(file), magic) {
			t.Errorf("%s: %d bytes, %.4q, %v", format, len(file), file, err)
			continue
		}
		back, err := run(t.Context(), ffmpeg, file, 2*len(pcm), "-i", "pipe:0", "-f", "s16le", "-ar", "24000", "pipe:1")
		if err != nil || len(back) < len(pcm)*95/100 || len(back) > len(pcm)*110/100 {
			t.Errorf("%s: %d bytes of sound came back of %d, %v", format, len(back), len(pcm), err)
		}
		if format == "flac" && !bytes.Equal(back, pcm) {
			t.Error("flac: the samples that came back are others")
		}
	}
}
