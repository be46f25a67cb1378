package openai

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// completionLines are the events of a stream, with the members that all share
// left out.
func completionLines(stream []byte) []string {
	const envelope = `data: {"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"tiny","choices":`
	var out []string
	for event := range strings.SplitSeq(strings.TrimSuffix(string(stream), "\n\n"), "\n\n") {
		out = append(out, strings.TrimPrefix(event, envelope))
	}
	return out
}

func TestCompletionStreamHasVLLMsShape(t *testing.T) {
	s := NewCompletionStream("cmpl-1", "tiny", 1700000000, 2, UsageEvents{Last: true}, true)
	var b []byte
	b = s.Append(b, CompletionPiece{TextPiece: TextPiece{Text: "a b"}, Tokens: []int32{7}, PromptTokens: []int32{5, 6}}, NewUsage(2, 1))
	b = s.Append(b, CompletionPiece{TextPiece: TextPiece{Index: 1, Text: "\n", Finish: "stop", Stop: StopReason{Text: "x"}}, Tokens: []int32{8, 9}}, NewUsage(2, 2))
	b = s.AppendEnd(b, NewUsage(2, 3))
	want := []string{
		`[{"index":0,"text":"a b","logprobs":null,"finish_reason":null,"stop_reason":null,"token_ids":[7],"prompt_token_ids":[5,6]}],"usage":null}`,
		`[{"index":1,"text":"\n","logprobs":null,"finish_reason":"stop","stop_reason":"x","token_ids":[8,9],"prompt_token_ids":null}],"usage":null}`,
		`[],"usage":{"prompt_tokens":2,"total_tokens":5,"completion_tokens":3}}`,
	}
	if diff := cmp.Diff(want, completionLines(b)); diff != "" {
		t.Errorf("stream differs (-want +got):\n%s", diff)
	}
	plain := NewCompletionStream("cmpl-1", "tiny", 1700000000, 1, UsageEvents{Continuous: true}, false)
	b = plain.AppendEnd(plain.Append(nil, CompletionPiece{TextPiece: TextPiece{Text: "a"}, Tokens: []int32{7}}, NewUsage(2, 1)), NewUsage(2, 1))
	want = []string{`[{"index":0,"text":"a","logprobs":null,"finish_reason":null,"stop_reason":null,"token_ids":null,"prompt_token_ids":null}],"usage":{"prompt_tokens":2,"total_tokens":3,"completion_tokens":1}}`}
	if diff := cmp.Diff(want, completionLines(b)); diff != "" {
		t.Errorf("stream differs (-want +got):\n%s", diff)
	}
}

func TestCompletionReplyHasVLLMsShape(t *testing.T) {
	r := CompletionReply{ID: "cmpl-1", Model: "tiny", Created: 1700000000, Usage: NewUsage(2, 3), Choices: []CompletionPiece{
		{TextPiece: TextPiece{Text: "a", Finish: "length"}, Tokens: []int32{7}, PromptTokens: []int32{5}},
		{TextPiece: TextPiece{Index: 1, Finish: "stop", Stop: StopReason{Token: 4, IsToken: true}}},
	}}
	const want = `{"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"tiny","choices":[` +
		`{"index":0,"text":"a","logprobs":null,"finish_reason":"length","stop_reason":null,"token_ids":null,"prompt_token_ids":null},` +
		`{"index":1,"text":"","logprobs":null,"finish_reason":"stop","stop_reason":4,"token_ids":null,"prompt_token_ids":null}],` +
		`"usage":{"prompt_tokens":2,"total_tokens":5,"completion_tokens":3}}`
	if got := string(r.Body()); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// pieces are five tokens: one with text of two bytes, one that ends nowhere,
// one with a likelier one, one that is among the likeliest, and one without text.
func scored() []Logprobs {
	return []Logprobs{
		{TokenLogprob: TokenLogprob{ID: 1, Token: "é", Logprob: -0.5}},
		{TokenLogprob: TokenLogprob{ID: 2, Token: "\xe2\x82", Logprob: -1}},
		{TokenLogprob: TokenLogprob{ID: 3, Token: "c", Logprob: -2}, Top: []TokenLogprob{{ID: 4, Token: "d", Logprob: -0.25}, {ID: 5, Token: "c", Logprob: -1}, {ID: 6, Token: "\xff", Logprob: -3}, {ID: 7, Token: "\xfe", Logprob: -4}}},
		{TokenLogprob: TokenLogprob{ID: 4, Token: "d", Logprob: -0.25}, Top: []TokenLogprob{{ID: 4, Token: "d", Logprob: -0.25}}},
		{TokenLogprob: TokenLogprob{ID: 9, Logprob: float32(math.Inf(-1))}},
	}
}

func TestCompletionLogprobsAreOneListAProperty(t *testing.T) {
	p := CompletionPiece{TextPiece: TextPiece{Logprobs: scored()}, Offset: 10}
	const want = `{"text_offset":[10,11,13,14,15],"token_logprobs":[-0.5,-1,-2,-0.25,-9999],"tokens":["é","\ufffd\ufffd","c","d","token_id:9"],` +
		`"top_logprobs":[{"é":-0.5},{"\ufffd\ufffd":-1},{"c":-2,"d":-0.25,"\ufffd":-3},{"d":-0.25},{"token_id:9":-9999}]}`
	if got := string(p.appendLogprobs(nil)); got != want || !json.Valid([]byte(got)) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestOffsetsOfAStreamAreThoseOfTheWholeCompletion(t *testing.T) {
	all := scored()
	s := NewCompletionStream("cmpl-1", "tiny", 1, 2, UsageEvents{}, false)
	b := s.Append(nil, CompletionPiece{TextPiece: TextPiece{Index: 1, Logprobs: all[:2]}}, Usage{})
	b = s.Append(b, CompletionPiece{TextPiece: TextPiece{Logprobs: all[:1]}}, Usage{})
	b = s.Append(b, CompletionPiece{TextPiece: TextPiece{Index: 1, Logprobs: all[2:]}}, Usage{})
	offsets := map[int][]int{}
	r := NewEventReader(strings.NewReader(string(b)), 1<<16)
	for {
		data, err := r.Next()
		if err != nil {
			break
		}
		var event struct {
			Choices []struct {
				Index    int
				Logprobs struct {
					Offset []int `json:"text_offset"`
				}
			}
		}
		if err := json.Unmarshal(data, &event); err != nil {
			t.Fatal(err)
		}
		c := event.Choices[0]
		offsets[c.Index] = append(offsets[c.Index], c.Logprobs.Offset...)
	}
	if diff := cmp.Diff(map[int][]int{0: {0}, 1: {0, 1, 3, 4, 5}}, offsets); diff != "" {
		t.Errorf("offsets differ (-want +got):\n%s", diff)
	}
}
