package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of one run of ffmpeg.
const (
	encodeTimeout = time.Minute
	// maxComplaint bounds what is kept of ffmpeg's own words, in bytes.
	maxComplaint = 400
)

// codecs are the formats that ffmpeg makes: its encoder, its container, and
// what else the container needs to be written to a pipe.
var codecs = map[string]struct {
	encoder, container string
	more               []string
}{
	"flac": {encoder: "flac", container: "flac"},
	"opus": {encoder: "libopus", container: "ogg"},
	"mp3":  {encoder: "libmp3lame", container: "mp3", more: []string{"-write_xing", "0"}},
	"aac":  {encoder: "aac", container: "adts"},
}

// Encoder makes compressed sound with the ffmpeg on the PATH. It is safe for
// concurrent use; as many processes run at a time as the machine has cores.
type Encoder struct {
	places chan struct{} // one element for each process that runs

	mu   sync.Mutex // guards the fields below
	path string     // the ffmpeg that was asked for its encoders
	able []string   // its encoders
}

// NewEncoder makes an encoder. It starts nothing.
func NewEncoder() *Encoder {
	return &Encoder{places: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// Check says why a format can't be made here, or nil: there is no ffmpeg on
// the PATH, or it was built without the encoder. What an ffmpeg can do is asked
// once.
func (e *Encoder) Check(ctx context.Context, format string) error {
	_, err := e.find(ctx, format)
	return err
}

// find is the path of an ffmpeg that makes the format.
func (e *Encoder) find(ctx context.Context, format string) (string, error) {
	codec, ok := codecs[format]
	if !ok {
		return "", fmt.Errorf("there is no encoder for %s", format)
	}
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return "", fmt.Errorf("%s is made by ffmpeg, and there is none on the PATH", format)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if path != e.path {
		list, err := run(ctx, path, nil, 1<<20, "-encoders")
		if err != nil {
			return "", fmt.Errorf("%s is made by ffmpeg, which does not run: %w", format, err)
		}
		e.path, e.able = path, strings.Fields(string(list))
	}
	if !slices.Contains(e.able, codec.encoder) {
		return "", fmt.Errorf("%s is made by ffmpeg's %s, and the ffmpeg on the PATH was built without it", format, codec.encoder)
	}
	return path, nil
}

// Encode turns 16-bit PCM of one channel into a file of the format. It waits
// for a place; ffmpeg is killed when ctx ends.
func (e *Encoder) Encode(ctx context.Context, format string, rate int, pcm []byte) ([]byte, error) {
	path, err := e.find(ctx, format)
	if err != nil {
		return nil, err
	}
	select {
	case e.places <- struct{}{}:
		defer func() { <-e.places }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	codec := codecs[format]
	args := []string{"-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1", "-i", "pipe:0", "-c:a", codec.encoder}
	args = append(args, codec.more...)
	args = append(args, "-f", codec.container, "pipe:1")
	// No format needs more room than the samples but for its headers.
	file, err := run(ctx, path, pcm, 2*len(pcm)+1<<16, args...)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", format, err)
	}
	return file, nil
}

// run runs ffmpeg over in and returns what it wrote, at most limit bytes.
func run(ctx context.Context, path string, in []byte, limit int, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, encodeTimeout, errors.New("ffmpeg took too long"))
	defer cancel()
	out, complaint := bounded{limit: limit}, bounded{limit: maxComplaint, cut: true}
	cmd := exec.CommandContext(ctx, path, append([]string{"-hide_banner", "-nostdin", "-loglevel", "error"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &complaint
	cmd.WaitDelay = time.Second // a child of ffmpeg's that keeps the pipes open
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case out.over: // ffmpeg says no more than that its pipe broke
		return nil, fmt.Errorf("ffmpeg: %w", errTooLong)
	case err != nil:
		return nil, fmt.Errorf("ffmpeg: %w: %s", err, bytes.TrimSpace(complaint.buf.Bytes()))
	}
	return out.buf.Bytes(), nil
}

// bounded is a buffer that takes limit bytes: more are an error, or are left
// out when it is cut.
type bounded struct {
	buf   bytes.Buffer // not embedded: its ReadFrom would know no limit
	limit int
	cut   bool
	over  bool // there were more
}

var errTooLong = errors.New("the output is too long")

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.buf.Len()
	if len(p) <= room {
		return b.buf.Write(p)
	}
	b.over = true
	if !b.cut {
		return 0, errTooLong
	}
	b.buf.Write(p[:room])
	return len(p), nil
}
