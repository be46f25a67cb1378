package say

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/limelight-omni/limelight/internal/audio"
)

// server answers requests as a function does.
type server func(*http.Request) (*http.Response, error)

func (s server) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// answer is a reply with a body.
func answer(status int, body io.Reader) (*http.Response, error) {
	closer, ok := body.(io.ReadCloser)
	if !ok {
		closer = io.NopCloser(body)
	}
	return &http.Response{StatusCode: status, Body: closer, Header: http.Header{}}, nil
}

// timed is a reply that comes in parts, each after a wait.
type timed struct {
	wait time.Duration
	part []byte
	err  error // in place of the part
}

func replying(parts ...timed) server {
	return func(*http.Request) (*http.Response, error) {
		in, out := io.Pipe()
		go func() {
			for _, p := range parts {
				time.Sleep(p.wait) // on the test's own clock
				if p.err != nil {
					out.CloseWithError(p.err)
					return
				}
				out.Write(p.part)
			}
			out.Close()
		}()
		return answer(http.StatusOK, in)
	}
}

// tone is loud PCM that plays for so long at 1000 samples a second.
func tone(d time.Duration) []byte { return bytes.Repeat([]byte{0, 0x40}, int(d.Milliseconds())) }

func header() []byte { return audio.AppendWAVHeader(nil, 1000, 1, audio.StreamedSize) }

// kept is a sink.
type kept struct {
	rate int
	bytes.Buffer
}

func (k *kept) Begin(rate int) error { k.rate = rate; return nil }

func hear(t *testing.T, s server) (*Report, []Chunk, *kept, error) {
	t.Helper()
	var chunks []Chunk
	sink := &kept{}
	report, err := Say(t.Context(), Request{URL: "http://server", Text: "hello", Client: &http.Client{Transport: s}}, sink, func(c Chunk) { chunks = append(chunks, c) })
	return report, chunks, sink, err
}

const ms = time.Millisecond

func TestChunksAreHeldAgainstThePlayersClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		report, chunks, sink, err := hear(t, replying(
			timed{wait: 100 * ms, part: append(header(), tone(200*ms)...)},
			timed{wait: 150 * ms, part: tone(100 * ms)},    // 50 ms before it is needed
			timed{wait: 1 * ms, part: tone(100 * ms)[:21]}, // the same chunk, cut within a sample
			timed{wait: 1 * ms, part: tone(100 * ms)[21:]},
			timed{wait: 370 * ms, part: tone(300 * ms)}, // needed at 500, comes at 622
		))
		if err != nil {
			t.Fatal(err)
		}
		want := []Chunk{{At: 100 * ms, Sound: 200 * ms}, {At: 250 * ms, Sound: 200 * ms}, {At: 622 * ms, Sound: 300 * ms, Late: 122 * ms}}
		if !reflect.DeepEqual(chunks, want) {
			t.Errorf("chunks %v, want %v", chunks, want)
		}
		r := Report{
			Rate: 1000, Chunks: 3, LateChunks: 1, TTFP: 100 * ms, Took: 622 * ms, Sound: 700 * ms, Underrun: 122 * ms,
			Peak: float64(float32(16384) / 32767), RMS: report.RMS,
		}
		if *report != r || report.RMS < 0.499 || report.RMS > 0.501 {
			t.Errorf("%+v, want %+v", *report, r)
		}
		if rtf := report.RTF(); rtf < 0.888 || rtf > 0.889 {
			t.Errorf("RTF %v", rtf)
		}
		if sink.rate != 1000 || !bytes.Equal(sink.Bytes(), tone(700*ms)) {
			t.Errorf("rate %d, %d bytes", sink.rate, sink.Len())
		}
		if err := report.Audible(); err != nil {
			t.Error(err)
		}
	})
}

func TestGapUpToTheThresholdIsContinuous(t *testing.T) {
	for gap, continuous := range map[time.Duration]bool{100 * ms: true, 101 * ms: false} {
		synctest.Test(t, func(t *testing.T) {
			report, _, _, err := hear(t, replying(timed{part: append(header(), tone(50*ms)...)}, timed{wait: 50*ms + gap, part: tone(50 * ms)}))
			if err != nil || report.Underrun != gap || report.Continuous != continuous {
				t.Errorf("%v: %+v, %v", gap, report, err)
			}
		})
	}
}

func TestSoundThatCanNotBeHeardIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		pcm  []byte
		want string
	}{
		"nothing":     {nil, "empty"},
		"zeros":       {make([]byte, 2000), "silent"},
		"one step":    {bytes.Repeat([]byte{1, 0}, 1000), "silent"},
		"one loud":    {append(make([]byte, 2000), 0, 0x40), ""},
		"only quiet":  {bytes.Repeat([]byte{32, 0}, 1000), "silent"},
		"just enough": {bytes.Repeat([]byte{33, 0}, 1000), ""},
	} {
		report, _, _, err := hear(t, replying(timed{part: append(header(), c.pcm...)}))
		if err != nil {
			t.Fatal(err)
		}
		if err := report.Audible(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestReplyThatIsNotAWholeSoundIsAnError(t *testing.T) {
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		s    server
		want string
	}{
		"broken off":  {replying(timed{part: append(header(), tone(100*ms)...)}, timed{err: broken}), "broke off after 100ms: connection reset"},
		"half sample": {replying(timed{part: append(header(), 1, 2, 3)}), "half a sample"},
		"no header":   {replying(timed{part: header()[:20]}), "ends before its sound"},
		"nothing":     {replying(), "ends before its sound"},
		"no WAV":      {replying(timed{part: []byte(`{"audio":""}`)}), "no RIFF/WAVE header"},
		"two channels": {
			replying(timed{part: audio.AppendWAVHeader(nil, 1000, 2, audio.StreamedSize)}), "2 channels",
		},
		"refused": {func(*http.Request) (*http.Response, error) {
			return answer(400, strings.NewReader(`{"error":{"message":"voice: is not known"}}`))
		}, "status 400: voice: is not known"},
		"no body": {func(*http.Request) (*http.Response, error) { return answer(502, strings.NewReader("")) }, "status 502"},
		"no server": {
			func(*http.Request) (*http.Response, error) { return nil, broken }, "connection reset",
		},
	} {
		if _, _, _, err := hear(t, c.s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestFullSinkEndsTheRequest(t *testing.T) {
	full := errors.New("no space left")
	client := &http.Client{Transport: replying(timed{part: append(header(), tone(100*ms)...)}, timed{part: tone(100 * ms)})}
	_, err := Say(t.Context(), Request{URL: "http://server", Text: "x", Client: client}, fullSink{full}, nil)
	if !errors.Is(err, full) {
		t.Error(err)
	}
}

type fullSink struct{ err error }

func (s fullSink) Begin(int) error           { return nil }
func (s fullSink) Write([]byte) (int, error) { return 0, s.err }

func TestRequestSaysWhatIsAskedFor(t *testing.T) {
	for _, root := range []string{"http://server/omni", "http://server/omni/", "http://server/omni/v1", "http://server/omni/v1/"} {
		var asked map[string]any
		s := server(func(r *http.Request) (*http.Response, error) {
			if r.URL.String() != "http://server/omni/v1/audio/speech" || r.Header.Get("Authorization") != "Bearer k" {
				t.Errorf("%s: %s, %q", root, r.URL, r.Header.Get("Authorization"))
			}
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
				t.Error(err)
			}
			return answer(200, bytes.NewReader(header()))
		})
		_, err := Say(context.Background(), Request{URL: root, APIKey: "k", Text: "hello", Voice: "aiden", Model: "m", Client: &http.Client{Transport: s}}, &kept{}, nil)
		want := map[string]any{"input": "hello", "voice": "aiden", "model": "m", "response_format": "wav", "stream": true}
		if err != nil || !reflect.DeepEqual(asked, want) {
			t.Errorf("%v, want %v; %v", asked, want, err)
		}
	}
	for _, root := range []string{"localhost:8000", "ftp://server", "http://", "://"} {
		if err := CheckURL(root); err == nil {
			t.Errorf("%q is taken for a URL", root)
		}
	}
}
