package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// Prompt is what one request asks.
type Prompt struct {
	// Text is the user's message, or the text to speak.
	Text string
	// Messages, if not nil, are sent instead of Text.
	Messages json.RawMessage
	// OutputTokens bounds the reply; 0 leaves it to the model.
	OutputTokens int
}

// RandomOptions shape the prompts of Random. A word counts as a token.
type RandomOptions struct {
	N, InputLen, OutputLen, PrefixLen int
	// RangeRatio lets lengths vary between (1-r) and (1+r) times the given ones.
	RangeRatio float64
	Seed       uint64
}

var words = strings.Fields(`time year people way day man thing woman life child world school state family student
	group country problem hand part place case week company system program question work government number night
	point home water room mother area money story fact month lot right study book eye job word business issue side
	kind head house service friend father power hour game line end member law car city community name president team`)

// Random makes prompts of random words, repeatable by their seed. All of them
// begin with the same prefix.
func Random(o RandomOptions) []Prompt {
	r := rand.New(rand.NewPCG(o.Seed, 1))
	text := func(n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = words[r.IntN(len(words))]
		}
		return strings.Join(parts, " ")
	}
	length := func(n int) int {
		spread := int(float64(n) * o.RangeRatio)
		return max(1, n-spread+r.IntN(2*spread+1))
	}
	prefix := text(o.PrefixLen)
	prompts := make([]Prompt, o.N)
	for i := range prompts {
		prompts[i].Text = strings.TrimSpace(prefix + " " + text(length(max(1, o.InputLen))))
		if o.OutputLen > 0 {
			prompts[i].OutputTokens = length(o.OutputLen)
		}
	}
	return prompts
}

// ShareGPT reads the first human turn of each conversation of a ShareGPT file.
func ShareGPT(in io.Reader) ([]Prompt, error) {
	var conversations []struct {
		Conversations []struct{ From, Value string }
	}
	if err := json.NewDecoder(in).Decode(&conversations); err != nil {
		return nil, fmt.Errorf("sharegpt: %w", err)
	}
	var prompts []Prompt
	for _, c := range conversations {
		for _, turn := range c.Conversations {
			if (turn.From == "human" || turn.From == "user") && strings.TrimSpace(turn.Value) != "" {
				prompts = append(prompts, Prompt{Text: turn.Value})
				break
			}
		}
	}
	if len(prompts) == 0 {
		return nil, errors.New("sharegpt: no conversation has a human turn")
	}
	return prompts, nil
}

// Custom reads prompts from JSON lines: objects with prompt (or input, for
// speech) or messages, and output_tokens if the reply is to be bounded.
func Custom(in io.Reader) ([]Prompt, error) {
	var prompts []Prompt
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var line struct {
			Prompt       string          `json:"prompt"`
			Input        string          `json:"input"`
			Messages     json.RawMessage `json:"messages"`
			OutputTokens int             `json:"output_tokens"`
		}
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&line); err != nil {
			return nil, fmt.Errorf("custom dataset: line %d: %w", n, err)
		}
		p := Prompt{Text: line.Prompt + line.Input, Messages: line.Messages, OutputTokens: line.OutputTokens}
		if p.Text == "" && p.Messages == nil {
			return nil, fmt.Errorf("custom dataset: line %d: has neither prompt, input nor messages", n)
		}
		prompts = append(prompts, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("custom dataset: %w", err)
	}
	if len(prompts) == 0 {
		return nil, errors.New("custom dataset: holds no line")
	}
	return prompts, nil
}
