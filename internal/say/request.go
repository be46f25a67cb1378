// Package say asks a server of the OpenAI API for a text as speech, listens as
// a player would, and judges what came: in time, whole, and loud enough to be
// heard.
package say

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/limelight-omni/limelight/internal/openai"
)

// Request is one text to be spoken.
type Request struct {
	// URL is the server's root, "http://localhost:8000"; "/v1" at its end is
	// allowed.
	URL string
	// APIKey, if set, is sent as a bearer token.
	APIKey string
	// Text is what is to be said.
	Text string
	// Voice and Model are left to the server if they are empty.
	Voice, Model string
	// Client is what the server is reached with.
	Client *http.Client
}

// speechBody is the request in JSON. It asks for a WAV, which says its own
// rate, as raw PCM does not.
type speechBody struct {
	Model          string `json:"model,omitempty"`
	Input          string `json:"input"`
	Voice          string `json:"voice,omitempty"`
	ResponseFormat string `json:"response_format"`
	Stream         bool   `json:"stream"`
}

// CheckURL says what is wrong with a server's root.
func CheckURL(root string) error {
	u, err := url.Parse(root)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q must be a URL such as http://localhost:8000", root)
	}
	return nil
}

// send posts the request and returns the reply's body, a sound that is on its
// way. The caller closes it.
func (r Request) send(ctx context.Context) (io.ReadCloser, error) {
	if err := CheckURL(r.URL); err != nil {
		return nil, err
	}
	body, err := json.Marshal(speechBody{Model: r.Model, Input: r.Text, Voice: r.Voice, ResponseFormat: openai.FormatWAV, Stream: true})
	if err != nil {
		return nil, err
	}
	at := strings.TrimSuffix(strings.TrimRight(r.URL, "/"), "/v1") + "/v1/audio/speech"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if r.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+r.APIKey)
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	err = errors.Join(err, resp.Body.Close())
	if len(text) == 0 && err != nil {
		return nil, fmt.Errorf("the server answered with status %d: %w", resp.StatusCode, err)
	}
	return nil, fmt.Errorf("the server answered with status %d: %s", resp.StatusCode, openai.ParseError(resp.StatusCode, text).Message)
}
