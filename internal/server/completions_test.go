package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// completion is a whole completion, or one event of it.
type completion struct {
	ID, Object string
	Choices    []completionChoice
	Usage      *usage
}

type completionChoice struct {
	Index    int
	Text     string
	Finish   *string         `json:"finish_reason"`
	Stop     json.RawMessage `json:"stop_reason"`
	Tokens   []int32         `json:"token_ids"`
	Prompt   []int32         `json:"prompt_token_ids"`
	Logprobs *struct {
		Offset   []int                `json:"text_offset"`
		Chosen   []float64            `json:"token_logprobs"`
		Tokens   []string             `json:"tokens"`
		Likelier []map[string]float64 `json:"top_logprobs"`
	}
}

func (h *host) complete(body string) completion {
	h.t.Helper()
	r, data := h.exchange("/v1/completions", body)
	var got completion
	if err := json.Unmarshal(data, &got); err != nil || r.StatusCode != 200 || got.Object != "text_completion" || !strings.HasPrefix(got.ID, "cmpl-") {
		h.t.Fatalf("status %d, %v: %s", r.StatusCode, err, data)
	}
	return got
}

// completed streams completions and puts their events together.
func (h *host) completed(body string) completion {
	h.t.Helper()
	r, err := h.post(h.t.Context(), "/v1/completions", "", body)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close()
	var all completion
	events := openai.NewEventReader(r.Body, 1<<20)
	for {
		data, err := events.Next()
		if err != nil || string(data) == openai.Done {
			slices.SortFunc(all.Choices, func(a, b completionChoice) int { return a.Index - b.Index })
			return all
		}
		var event completion
		if err := json.Unmarshal(data, &event); err != nil || event.Object != "text_completion" {
			h.t.Fatalf("%v: %s", err, data)
		}
		if event.Usage != nil {
			all.Usage = event.Usage
		}
		for _, c := range event.Choices {
			at := slices.IndexFunc(all.Choices, func(d completionChoice) bool { return d.Index == c.Index })
			if at < 0 {
				all.Choices = append(all.Choices, c)
				continue
			}
			to := &all.Choices[at]
			to.Text += c.Text
			to.Tokens = append(to.Tokens, c.Tokens...)
			if c.Prompt != nil || to.Finish != nil {
				h.t.Errorf("an event after the first one has the prompt, or one after the last one came: %s", data)
			}
			to.Finish, to.Stop = c.Finish, c.Stop
			if c.Logprobs != nil {
				to.Logprobs.Offset = append(to.Logprobs.Offset, c.Logprobs.Offset...)
				to.Logprobs.Chosen = append(to.Logprobs.Chosen, c.Logprobs.Chosen...)
				to.Logprobs.Tokens = append(to.Logprobs.Tokens, c.Logprobs.Tokens...)
				to.Logprobs.Likelier = append(to.Logprobs.Likelier, c.Logprobs.Likelier...)
			}
		}
	}
}

func TestStreamedCompletionIsTheWholeOneInPieces(t *testing.T) {
	h := serve(t, pipeline.Options{})
	front := h.pipeline.Frontend
	prompt := front.TextPrompt("the time is")
	ids, err := json.Marshal(prompt)
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{
		`"prompt":"the time is"`,
		`"prompt":"the time is","echo":true,"return_token_ids":true`,
		`"prompt":` + string(ids) + `,"echo":true,"return_token_ids":true`,
		`"prompt":"the time is","logprobs":3,"temperature":1.2`,
		`"prompt":["the time is","a","the time is"],"n":2,"temperature":1.3,"return_token_ids":true`,
	} {
		whole := h.complete(`{` + more + `,"seed":4,"max_tokens":9}`)
		streamed := h.completed(`{` + more + `,"seed":4,"max_tokens":9,"stream":true,"stream_options":{"include_usage":true}}`)
		if diff := cmp.Diff(whole.Choices, streamed.Choices); diff != "" || *whole.Usage != *streamed.Usage {
			t.Errorf("%s: the stream differs from the whole completion (-whole +streamed):\n%s%+v, %+v", more, diff, whole.Usage, streamed.Usage)
		}
	}
}

func TestCompletionGoesOnFromTextOrTokensAlike(t *testing.T) {
	h := serve(t, pipeline.Options{})
	front := h.pipeline.Frontend
	prompt := front.TextPrompt("the time is")
	text := h.complete(`{"model":"limelight-tiny","prompt":"the time is","seed":4,"ignore_eos":true,"return_token_ids":true}`)
	c := text.Choices[0]
	if len(c.Tokens) != 16 || *c.Finish != "length" || !slices.Equal(c.Prompt, prompt) || *text.Usage != (usage{len(prompt), 16, len(prompt) + 16}) {
		t.Errorf("%+v, %+v", c, text.Usage)
	}
	if c.Text != front.Text(c.Tokens) || c.Text == "" {
		t.Errorf("text %q is not that of the tokens, %q", c.Text, front.Text(c.Tokens))
	}
	echoed := h.complete(fmt.Sprintf(`{"prompt":%s,"seed":4,"ignore_eos":true,"echo":true}`, strings.ReplaceAll(fmt.Sprint(prompt), " ", ",")))
	if e := echoed.Choices[0]; e.Text != "the time is"+c.Text || e.Tokens != nil || e.Prompt != nil {
		t.Errorf("echo of token ids: %+v, want the prompt and %q", e, c.Text)
	}
}

func TestPromptsOfOneRequestAreAsGoodAsAlone(t *testing.T) {
	h := serve(t, pipeline.Options{})
	both := h.complete(`{"prompt":["the time is","we can hear"],"n":2,"temperature":1.3,"seed":4}`)
	if len(both.Choices) != 4 || both.Choices[0].Text == both.Choices[1].Text {
		t.Fatalf("%+v", both)
	}
	var prompts, completions int
	for i, prompt := range []string{"the time is", "we can hear"} {
		alone := h.complete(`{"prompt":"` + prompt + `","n":2,"temperature":1.3,"seed":4}`)
		for k, c := range alone.Choices {
			if got := both.Choices[2*i+k]; got.Text != c.Text || got.Index != 2*i+k {
				t.Errorf("%s, choice %d: %q, alone %q", prompt, k, got.Text, c.Text)
			}
		}
		prompts += alone.Usage.Prompt
		completions += alone.Usage.Completion
	}
	if *both.Usage != (usage{prompts, completions, prompts + completions}) {
		t.Errorf("%+v, alone %d and %d", both.Usage, prompts, completions)
	}
}

func TestCompletionHasLogprobs(t *testing.T) {
	h := serve(t, pipeline.Options{})
	c := h.complete(`{"prompt":"the time is","logprobs":2,"temperature":0,"max_tokens":6,"ignore_eos":true}`).Choices[0]
	l := c.Logprobs
	if l == nil || len(l.Tokens) != 6 || len(l.Chosen) != 6 || len(l.Likelier) != 6 || len(l.Offset) != 6 {
		t.Fatalf("%+v", l)
	}
	if strings.Join(l.Tokens, "") != c.Text {
		t.Errorf("tokens %q, text %q", l.Tokens, c.Text)
	}
	offset := 0
	for i, token := range l.Tokens {
		if l.Offset[i] != offset || l.Chosen[i] >= 0 || len(l.Likelier[i]) != 2 || l.Likelier[i][token] != l.Chosen[i] {
			t.Errorf("token %d %q: offset %d, logprob %v, likeliest %v", i, token, l.Offset[i], l.Chosen[i], l.Likelier[i])
		}
		offset += len(token)
	}
}

func TestCompletionsEndOnce(t *testing.T) {
	h := serve(t, pipeline.Options{})
	h.complete(`{"prompt":["a","b","c"],"ignore_eos":true}`)
	h.completed(`{"prompt":"a","stream":true,"stop_token_ids":[0],"ignore_eos":true}`)
	ctx, leave := context.WithCancel(t.Context())
	r, err := h.post(ctx, "/v1/completions", "", `{"prompt":["a","b"],"stream":true,"ignore_eos":true,"max_tokens":400}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openai.NewEventReader(r.Body, 1<<20).Next(); err != nil {
		t.Error(err)
	}
	leave()
	r.Body.Close()
	h.idle()
	page := h.page()
	for series, want := range map[string]float64{
		`vllm:omni_requests_success_total{finished_reason="length"}`: 2, `vllm:omni_requests_success_total{finished_reason="abort"}`: 1,
		`vllm:omni_e2e_request_latency_s_count`: 2, `vllm:omni_num_requests_running`: 0,
		`vllm:omni_audio_skipped_requests_total{reason="no_audio_data",replica="0",stage="2"}`: 0,
		`http_requests_total{handler="/v1/completions",method="POST",status="2xx"}`:            3,
	} {
		if page[series] != want {
			t.Errorf("%s is %v, want %v", series, page[series], want)
		}
	}
}
