// Package bench loads a server of the OpenAI API that speaks and measures it
// from the client's side, with the server's own definitions: arrival, first
// packet, underrun and continuity mean here what they mean on the metrics page.
package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Backend says which API is loaded, in vllm bench's names.
type Backend string

// The backends.
const (
	// ChatOmni streams text and audio from /v1/chat/completions.
	ChatOmni Backend = "openai-chat-omni"
	// Chat streams text from /v1/chat/completions.
	Chat Backend = "openai-chat"
	// Speech streams PCM from /v1/audio/speech.
	Speech Backend = "openai-audio-speech"
)

// Backends lists them.
var Backends = []Backend{ChatOmni, Chat, Speech}

// Endpoint is the backend's usual path.
func (b Backend) Endpoint() string {
	if b == Speech {
		return "/v1/audio/speech"
	}
	return "/v1/chat/completions"
}

// Options describe a run. Zero values mean the defaults named at each field.
type Options struct {
	// BaseURL is the server's root, without a path.
	BaseURL string
	// Endpoint is the path; default the backend's.
	Endpoint string
	// Model is the name sent; default the first one that the server lists.
	Model string
	// APIKey, if set, is sent as a bearer token.
	APIKey  string
	Backend Backend // default ChatOmni
	// Stream asks for streamed replies.
	Stream bool
	// Modalities of chat; default text and audio for ChatOmni, text for Chat.
	Modalities []string
	// Voice to speak with; empty is the model's default.
	Voice string
	// ExtraBody holds further members of each request's body; they win.
	ExtraBody map[string]any

	// Prompts are what is asked, in order, again from the first when they end.
	Prompts []Prompt
	// NumPrompts is the number of requests; with a Duration it is no bound.
	NumPrompts int
	// Duration, if positive, is how long requests are started: a soak.
	Duration time.Duration
	// MaxConcurrency bounds the requests under way; 0 is no bound.
	MaxConcurrency int
	// RequestRate is requests a second; +Inf starts them as soon as it may: a
	// burst, or with MaxConcurrency a closed loop. A finite one is an open loop.
	RequestRate float64
	// Burstiness is the shape of the gaps' gamma distribution: 1 is a Poisson
	// process, less is burstier, more is steadier. Default 1.
	Burstiness float64
	// RampUp lets the rate, or the concurrency of a closed loop, rise from 0 for
	// so long.
	RampUp time.Duration
	// Warmups are sent, one after the other, and not measured.
	Warmups int
	// Warmed is called between the warm-ups and the first measured request; its
	// error ends the run. May be nil.
	Warmed func(context.Context) error
	// Seed makes the gaps repeatable.
	Seed uint64
	// AbortEvery, if positive, makes the client of every n-th request leave at
	// its first audio, or its first text where there is no audio.
	AbortEvery int
	// Timeout bounds one request; default 10 minutes.
	Timeout time.Duration
	// Continuity is the deficit that a listener does not notice; default 100 ms.
	Continuity time.Duration
	// Goodput holds bounds by metric, in the metric's unit; a request is good if
	// it holds them all.
	Goodput map[string]float64
	// Progress hears of every start and every end; may be nil.
	Progress Progress

	// clock is the time; nil is the machine's. Tests set it.
	clock clock
}

// Progress follows a run.
type Progress interface {
	Started()
	Ended(*Record)
}

// clock is what the run knows of time.
type clock interface {
	now() time.Time
	// until waits for the instant t, or for done.
	until(done <-chan struct{}, t time.Time)
}

type machineClock struct{}

func (machineClock) now() time.Time { return time.Now() }

func (machineClock) until(done <-chan struct{}, t time.Time) {
	wait := time.Until(t)
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
}

// complete checks the options and fills the defaults in.
func (o *Options) complete() error {
	if o.Backend == "" {
		o.Backend = ChatOmni
	}
	if !slices.Contains(Backends, o.Backend) {
		return fmt.Errorf("backend %q: the backends are openai-chat-omni, openai-chat, openai-audio-speech", o.Backend)
	}
	if o.BaseURL = strings.TrimRight(o.BaseURL, "/"); o.BaseURL == "" {
		return errors.New("base-url: is required, http://localhost:8000 for instance")
	}
	if o.Endpoint == "" {
		o.Endpoint = o.Backend.Endpoint()
	}
	if len(o.Modalities) == 0 && o.Backend == ChatOmni {
		o.Modalities = []string{"text", "audio"}
	}
	if len(o.Prompts) == 0 {
		return errors.New("dataset: holds no prompt")
	}
	if o.NumPrompts <= 0 && o.Duration <= 0 {
		o.NumPrompts = len(o.Prompts)
	}
	if o.RequestRate == 0 {
		o.RequestRate = math.Inf(1)
	}
	if !(o.RequestRate > 0) {
		return fmt.Errorf("request-rate: must be positive or inf, got %v", o.RequestRate)
	}
	if o.Burstiness == 0 {
		o.Burstiness = 1
	}
	if !(o.Burstiness > 0) {
		return fmt.Errorf("burstiness: must be positive, got %v", o.Burstiness)
	}
	if o.Duration > 0 && math.IsInf(o.RequestRate, 1) && o.MaxConcurrency <= 0 {
		return errors.New("duration: needs a request-rate or a max-concurrency, or requests would be started without end")
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Minute
	}
	if o.Continuity <= 0 {
		o.Continuity = 100 * time.Millisecond
	}
	for name := range o.Goodput {
		if !slices.ContainsFunc(metricTable, func(m metric) bool { return m.name == name }) {
			return fmt.Errorf("goodput: %q is no metric; the metrics are %s", name, strings.Join(MetricNames(), ", "))
		}
	}
	if o.clock == nil {
		o.clock = machineClock{}
	}
	return nil
}

// open says whether the run is an open loop: requests start by the schedule,
// whatever the server does.
func (o *Options) open() bool { return !math.IsInf(o.RequestRate, 1) }
