package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// mix is one kind of request that `limelight bench` sends to a server for as
// long as the stack runs.
type mix struct {
	name string
	args []string
}

// lengths are what a reply has: so many tokens of text, and 48 frames of sound,
// 3.84 s, where the talker is asked: two chunks, so that every listener can hear
// a gap.
const lengths = `{"sampling_params_list":[{"ignore_eos":true,"max_tokens":24},{"ignore_eos":true,"max_tokens":48},{}]}`

// mixes move the families of a server: replies that are streamed and whole, of
// text and of sound, and clients that leave. So few are under way at a time that
// what waits on a narrow way is passed on within seconds.
var mixes = []mix{
	{"streamed", []string{"--backend", "openai-chat-omni", "--request-rate", "1", "--max-concurrency", "3", "--extra-body", lengths, "--random-prefix-len", "32"}},
	{"leaving", []string{"--backend", "openai-chat-omni", "--request-rate", "0.2", "--max-concurrency", "1", "--abort-every", "2", "--extra-body", lengths}},
	{"whole", []string{"--backend", "openai-chat-omni", "--request-rate", "0.2", "--max-concurrency", "1", "--no-stream", "--extra-body", lengths}},
	{"text", []string{"--backend", "openai-chat", "--request-rate", "0.5", "--ignore-eos", "--random-output-len", "24"}},
	{"speech", []string{"--backend", "openai-audio-speech", "--request-rate", "0.3", "--max-concurrency", "1", "--random-input-len", "3"}},
}

// load starts the mixes against a server. They end with the stack.
func (r *room) load(ctx context.Context, name, url string) error {
	for i, m := range mixes {
		args := append([]string{"bench", "--base-url", url, "--duration", "1h", "--disable-tqdm", "--seed", fmt.Sprint(i + 1)}, m.args...)
		if _, err := r.start(ctx, "bench-"+name+"-"+m.name, r.programs.limelight, args...); err != nil {
			return err
		}
	}
	return nil
}

// refused are requests that a server refuses, with their status.
var refused = []struct {
	path, body string
	status     int
}{
	{"/v1/chat/completions", `{`, http.StatusBadRequest},
	{"/v1/chat/completions", `{"model":"nobody","messages":[{"role":"user","content":"hello"}]}`, http.StatusNotFound},
	{"/v1/audio/speech", `{"input":""}`, http.StatusBadRequest},
	{"/v1/nothing", `{}`, http.StatusNotFound},
}

// refuse sends a bad request every second until ctx ends. Errors are kept: a server
// that takes such a request is wrong.
func refuse(ctx context.Context, urls ...string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := 0; ; i++ {
		for _, url := range urls {
			bad := refused[i%len(refused)]
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+bad.path, strings.NewReader(bad.body))
			if err != nil {
				return err
			}
			response, err := http.DefaultClient.Do(request)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			response.Body.Close()
			if response.StatusCode != bad.status {
				return fmt.Errorf("POST %s of %s: status %d, want %d", bad.path, bad.body, response.StatusCode, bad.status)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// misbehave sends bad requests in the background until ctx ends; the function
// that it returns waits and says what went wrong.
func (r *room) misbehave(ctx context.Context) func() error {
	var work sync.WaitGroup
	var wrong error
	work.Go(func() { wrong = refuse(ctx, r.front, r.relay) })
	return func() error {
		work.Wait()
		return wrong
	}
}
