package server

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// written is one choice of a text reply, whole or put together from its events.
type written struct {
	text     string
	finish   string
	stop     any // as JSON has it
	logprobs []tokenLogprob
}

type tokenLogprob struct {
	Token   string
	Logprob float64
	Bytes   []int
	Top     []tokenLogprob `json:"top_logprobs"`
}

type writtenChoice struct {
	Index   int
	Message struct{ Content string }
	Delta   struct{ Content string }
	Finish  string `json:"finish_reason"`
	Stop    any    `json:"stop_reason"`
	Probs   *struct {
		Content []tokenLogprob
	} `json:"logprobs"`
}

type writtenReply struct {
	Choices []writtenChoice
	Usage   *usage
}

func (w *written) take(c writtenChoice) {
	w.text += c.Message.Content + c.Delta.Content
	if c.Probs != nil {
		w.logprobs = append(w.logprobs, c.Probs.Content...)
	}
	if c.Finish != "" {
		w.finish, w.stop = c.Finish, c.Stop
	}
}

// write asks for text with the given parameters, once whole and once streamed,
// and wants both to say the same. The seed is 1 unless they name another.
func (h *host) write(params string) ([]written, usage) {
	h.t.Helper()
	if !strings.Contains(params, `"seed"`) {
		params += `,"seed":1`
	}
	r, data := h.exchange("/v1/chat/completions", `{`+params+`,`+hello+`}`)
	if r.StatusCode != 200 {
		h.t.Fatalf("%s: status %d: %s", params, r.StatusCode, data)
	}
	var reply writtenReply
	if err := json.Unmarshal(data, &reply); err != nil {
		h.t.Fatal(err)
	}
	whole := make([]written, len(reply.Choices))
	for i, c := range reply.Choices {
		if c.Index != i {
			h.t.Errorf("%s: choice %d has index %d", params, i, c.Index)
		}
		whole[i].take(c)
	}
	streamed, counted := h.writeStream(params, len(whole))
	if diff := cmp.Diff(whole, streamed, cmp.AllowUnexported(written{})); diff != "" {
		h.t.Errorf("%s: the stream differs from the whole reply (-whole +stream):\n%s", params, diff)
	}
	if counted != *reply.Usage {
		h.t.Errorf("%s: usage %+v, streamed %+v", params, *reply.Usage, counted)
	}
	return whole, counted
}

// writeStream puts a streamed reply of n choices together.
func (h *host) writeStream(params string, n int) (choices []written, counted usage) {
	h.t.Helper()
	r, err := h.post(h.t.Context(), "/v1/chat/completions", "", `{"stream":true,"stream_options":{"include_usage":true},`+params+`,`+hello+`}`)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close()
	choices = make([]written, n)
	for lines := bufio.NewReader(r.Body); ; {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return choices, counted
		}
		if err != nil {
			h.t.Fatal(err)
		}
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: {")
		if !ok {
			continue
		}
		var event writtenReply
		if err := json.Unmarshal([]byte("{"+data), &event); err != nil {
			h.t.Fatal(err)
		}
		for _, c := range event.Choices {
			if choices[c.Index].finish != "" {
				h.t.Errorf("%s: choice %d goes on after its end", params, c.Index)
			}
			choices[c.Index].take(c)
		}
		if event.Usage != nil {
			counted = *event.Usage
		}
	}
}

// one is write for a reply of one choice.
func (h *host) one(params string) (written, int) {
	h.t.Helper()
	all, counted := h.write(params)
	if len(all) != 1 {
		h.t.Fatalf("%s: %d choices", params, len(all))
	}
	return all[0], counted.Completion
}

// id is the token of a word of the built-in model.
func (h *host) id(word string) int32 {
	h.t.Helper()
	ids := h.pipeline.Frontend.SpeechPrompt(word)
	if len(ids) != 1 {
		h.t.Fatalf("%q has %d tokens", word, len(ids))
	}
	return ids[0]
}
