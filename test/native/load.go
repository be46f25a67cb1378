package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// replies are the kinds of reply that are asked for: chat and speech, whole and
// streamed.
var replies = []struct{ path, body string }{
	{"/v1/chat/completions", `{"modalities": ["text", "audio"], "seed": %d, "messages": [{"role": "user", "content": "hello there"}]}`},
	{"/v1/chat/completions", `{"stream": true, "modalities": ["text", "audio"], "seed": %d, "messages": [{"role": "user", "content": "hello there"}]}`},
	{"/v1/chat/completions", `{"stream": true, "seed": %d, "messages": [{"role": "user", "content": "hello there"}]}`},
	{"/v1/audio/speech", `{"seed": %d, "input": "the time is now", "voice": "aiden"}`},
	{"/v1/audio/speech", `{"stream": true, "response_format": "pcm", "seed": %d, "input": "the time is now", "voice": "aiden"}`},
}

// load asks the server for six replies of each kind, one after the other, and
// returns the ids of the requests.
func load(ctx context.Context, server string) ([]string, error) {
	var ids []string
	for seed := range 6 {
		for kind, r := range replies {
			id := fmt.Sprintf("native-%d-%d", kind, seed)
			if err := ask(ctx, server+r.path, id, fmt.Sprintf(r.body, seed)); err != nil {
				return nil, fmt.Errorf("request %s: %w", id, err)
			}
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// ask posts one request and reads its reply to the end.
func ask(ctx context.Context, url, id, body string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Request-Id", id)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	reply, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read the reply: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %s", answer.StatusCode, reply)
	}
	return nil
}
