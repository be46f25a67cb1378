package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/openai"
)

const (
	maxEvent = 16 << 20
	maxReply = 256 << 20
	// defaultRate is that of raw PCM, whose bytes do not say it.
	defaultRate = 24000
	// silence is the level below which a sound counts as silent: less than one
	// step of 16-bit PCM.
	silence = 0.5 / math.MaxInt16
)

// client sends the requests of a run.
type client struct {
	o    *Options
	http *http.Client
}

func newClient(o *Options) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 4096
	transport.MaxIdleConns = 4096
	transport.DisableCompression = true
	transport.Proxy = nil
	return &client{o: o, http: &http.Client{Transport: transport}}
}

// tracer writes down what happens to one request.
type tracer struct {
	t      Trace
	start  time.Time // intended
	c      *client
	sum    float64 // of squared samples
	odd    []byte  // half a sample
	leave  bool    // at the first output
	leaves func()
}

// do sends one request and returns what the client saw.
func (c *client) do(ctx context.Context, p Prompt, start time.Time, leave bool) Trace {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	speaks := c.o.Backend == Speech
	for _, m := range c.o.Modalities {
		speaks = speaks || m == "audio" && c.o.Backend == ChatOmni
	}
	tr := &tracer{c: c, start: start, leave: leave, leaves: cancel, t: Trace{Streamed: c.o.Stream, WantsAudio: speaks}}
	tr.t.Sent = tr.elapsed()
	err := tr.exchange(ctx, p)
	tr.t.End = tr.elapsed()
	if n := tr.t.Frames(); n > 0 {
		tr.t.RMS = math.Sqrt(tr.sum / float64(n))
	}
	tr.judge(err)
	return tr.t
}

func (tr *tracer) elapsed() time.Duration { return tr.c.o.clock.now().Sub(tr.start) }

var errLeft = errors.New("the client left")

// judge says how the request ended: audio that is missing, silent or cut off
// is a failure, whatever the status was.
func (tr *tracer) judge(err error) {
	t := &tr.t
	t.Complete = err == nil
	fail := func(format string, args ...any) { t.Outcome, t.Err = Failed, fmt.Sprintf(format, args...) }
	switch {
	case errors.Is(err, errLeft):
		t.Outcome = Aborted
	case errors.Is(err, context.DeadlineExceeded):
		fail("no end within %v", tr.c.o.Timeout)
	case err != nil:
		fail("%v", err)
	case t.WantsAudio && len(t.Audio) == 0:
		fail("empty audio")
	case t.WantsAudio && len(tr.odd) > 0:
		fail("truncated audio: half a sample at the end")
	case t.WantsAudio && t.Peak < silence:
		fail("silent audio: %v of it, and not a sample above zero", t.Duration())
	case !t.WantsAudio && t.Output == 0 && t.Words == "":
		fail("empty reply")
	default:
		t.Outcome = OK
	}
}

func (tr *tracer) exchange(ctx context.Context, p Prompt) error {
	body, err := tr.c.body(p)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, tr.c.o.BaseURL+tr.c.o.Endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if tr.c.o.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+tr.c.o.APIKey)
	}
	resp, err := tr.c.http.Do(req)
	if err != nil {
		return short(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what there is of it
		return fmt.Errorf("status %d: %s", resp.StatusCode, openai.ParseError(resp.StatusCode, text).Message)
	}
	switch {
	case tr.c.o.Backend == Speech:
		err = tr.sound(resp)
	case tr.c.o.Stream:
		err = tr.events(resp.Body)
	default:
		err = tr.whole(resp.Body)
	}
	if tr.leave && ctx.Err() != nil {
		return errLeft
	}
	return short(err)
}

// short drops the URL from net/http's errors: it is the same for all.
func short(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// body is the request's JSON.
func (c *client) body(p Prompt) ([]byte, error) {
	m := map[string]any{"model": c.o.Model}
	if c.o.Backend == Speech {
		m["input"], m["response_format"], m["stream"] = p.Text, "pcm", c.o.Stream
		if c.o.Voice != "" {
			m["voice"] = c.o.Voice
		}
		if !c.o.Stream {
			m["response_format"] = "wav"
		}
	} else {
		m["messages"] = p.Messages
		if p.Messages == nil {
			m["messages"] = []map[string]string{{"role": "user", "content": p.Text}}
		}
		if len(c.o.Modalities) > 0 {
			m["modalities"] = c.o.Modalities
		}
		if c.o.Voice != "" {
			m["speaker"] = c.o.Voice
		}
		if p.OutputTokens > 0 {
			m["max_tokens"] = p.OutputTokens
		}
		if c.o.Stream {
			m["stream"], m["stream_options"] = true, map[string]bool{"include_usage": true}
		}
	}
	for name, v := range c.o.ExtraBody {
		m[name] = v
	}
	return json.Marshal(m)
}

// events reads a chat stream.
func (tr *tracer) events(in io.Reader) error {
	events := openai.NewEventReader(in, maxEvent)
	var sound []byte
	for {
		data, err := events.Next()
		at := tr.elapsed()
		if err == io.EOF {
			if tr.t.Finish == "" {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err != nil {
			return err
		}
		if string(data) == openai.Done {
			return nil
		}
		chunk, err := openai.DecodeChatChunk(data)
		if err != nil {
			return err
		}
		if u := chunk.Usage; u != nil {
			tr.t.Prompt, tr.t.Output = max(tr.t.Prompt, u.PromptTokens), max(tr.t.Output, u.CompletionTokens)
		}
		if r := chunk.FinishReason(); r != "" {
			tr.t.Finish = r
		}
		if text := chunk.Text(); text != "" {
			tr.t.Words += text
			tr.t.Texts = append(tr.t.Texts, at)
		}
		if sound, err = chunk.AppendAudio(sound[:0]); err != nil {
			return err
		}
		if err := tr.hear(sound, at); err != nil {
			return err
		}
		if tr.leave && (len(tr.t.Audio) > 0 || !tr.t.WantsAudio && len(tr.t.Texts) > 0) {
			tr.leaves()
			return errLeft
		}
	}
}

// hear takes in a chunk of sound: a WAV of its own, or a piece of raw PCM.
func (tr *tracer) hear(data []byte, at time.Duration) error {
	if len(data) == 0 {
		return nil
	}
	rate := defaultRate
	if bytes.HasPrefix(data, []byte("RIFF")) {
		format, pcm, err := audio.ParseWAV(data)
		if err != nil {
			return err
		}
		if format.Channels != 1 || format.BitsPerSample != 8*bytesPerSample {
			return fmt.Errorf("audio of %d channels and %d bits", format.Channels, format.BitsPerSample)
		}
		data, rate = pcm, format.Rate
	}
	return tr.pcm(data, rate, at)
}

// pcm takes in 16-bit samples.
func (tr *tracer) pcm(data []byte, rate int, at time.Duration) error {
	if len(data) == 0 {
		return nil
	}
	if tr.t.Rate != 0 && tr.t.Rate != rate {
		return fmt.Errorf("the sample rate changes from %d to %d", tr.t.Rate, rate)
	}
	tr.t.Rate = rate
	tr.t.Audio = append(tr.t.Audio, Arrival{At: at, Bytes: len(data)})
	if len(tr.odd) > 0 {
		data = append(tr.odd, data...)
	}
	for ; len(data) >= bytesPerSample; data = data[bytesPerSample:] {
		v := float64(int16(uint16(data[0])|uint16(data[1])<<8)) / math.MaxInt16
		tr.sum += v * v
		tr.t.Peak = max(tr.t.Peak, math.Abs(v))
	}
	tr.odd = append(tr.odd[:0], data...)
	return nil
}

// sound reads the reply of a speech request: raw PCM as it comes, or a file.
func (tr *tracer) sound(resp *http.Response) error {
	if !tr.c.o.Stream {
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
		if err != nil {
			return err
		}
		return tr.hear(data, tr.elapsed())
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			if err := tr.pcm(buf[:n], defaultRate, tr.elapsed()); err != nil {
				return err
			}
			if tr.leave {
				tr.leaves()
				return errLeft
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// whole reads a chat reply that comes at once, in either shape.
func (tr *tracer) whole(in io.Reader) error {
	var reply struct {
		Choices []struct {
			Message struct {
				Content string
				Audio   *struct{ Data, Transcript string }
			}
			FinishReason string `json:"finish_reason"`
		}
		Usage openai.Usage
	}
	if err := json.NewDecoder(io.LimitReader(in, maxReply)).Decode(&reply); err != nil {
		return err
	}
	at := tr.elapsed()
	tr.t.Prompt, tr.t.Output = reply.Usage.PromptTokens, reply.Usage.CompletionTokens
	for _, c := range reply.Choices {
		tr.t.Words += c.Message.Content
		if tr.t.Finish == "" || tr.t.Finish == "stop" {
			tr.t.Finish = c.FinishReason
		}
		if a := c.Message.Audio; a != nil {
			tr.t.Words += a.Transcript
			data, err := base64.StdEncoding.DecodeString(a.Data)
			if err != nil {
				return fmt.Errorf("audio: %w", err)
			}
			if err := tr.hear(data, at); err != nil {
				return err
			}
		}
	}
	return nil
}
