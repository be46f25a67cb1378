package openai

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// CompletionPiece is what a completion, or one event of it, has to say of one
// choice.
type CompletionPiece struct {
	TextPiece
	// Tokens are the ids that the text came from, and PromptTokens those of the
	// prompt, which a stream's first event of the choice has. They are shown if
	// they were asked for.
	Tokens, PromptTokens []int32
	// Offset is where the text of the first token begins among all tokens of the
	// choice, in characters.
	Offset int
}

// append appends the piece as an object.
func (p *CompletionPiece) append(dst []byte, showTokens bool) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(p.Index), 10)
	dst = append(dst, `,"text":`...)
	dst = appendJSON(dst, p.Text)
	dst = append(dst, `,"logprobs":`...)
	dst = p.appendLogprobs(dst)
	dst = append(dst, `,"finish_reason":`...)
	dst = appendFinish(dst, p.Finish)
	dst = append(dst, `,"stop_reason":`...)
	dst = p.Stop.append(dst)
	if !showTokens {
		return append(dst, `,"token_ids":null,"prompt_token_ids":null}`...)
	}
	dst = append(dst, `,"token_ids":`...)
	dst = appendIDs(dst, p.Tokens)
	dst = append(dst, `,"prompt_token_ids":`...)
	if p.PromptTokens == nil {
		return append(dst, `null}`...)
	}
	return append(appendIDs(dst, p.PromptTokens), '}')
}

// appendLogprobs appends log probabilities as the completions API has them: one
// list for each property, null if there are none. The chosen token is among the
// likeliest ones, so there may be one more than was asked for.
func (p *CompletionPiece) appendLogprobs(dst []byte) []byte {
	if len(p.Logprobs) == 0 {
		return append(dst, "null"...)
	}
	list := func(name string, each func(i int, l *Logprobs)) {
		dst = append(dst, name...)
		dst = append(dst, '[')
		for i := range p.Logprobs {
			if i > 0 {
				dst = append(dst, ',')
			}
			each(i, &p.Logprobs[i])
		}
		dst = append(dst, ']')
	}
	offset := p.Offset
	list(`{"text_offset":`, func(_ int, l *Logprobs) {
		dst = strconv.AppendInt(dst, int64(offset), 10)
		offset += l.length()
	})
	list(`,"token_logprobs":`, func(_ int, l *Logprobs) { dst = appendLogprob(dst, l.Logprob) })
	list(`,"tokens":`, func(_ int, l *Logprobs) { dst = l.appendName(dst) })
	list(`,"top_logprobs":`, func(_ int, l *Logprobs) {
		dst = append(dst, '{')
		dst = appendNamed(dst, l.TokenLogprob)
		for k, top := range l.Top {
			// Names must not come twice: different tokens may have the same.
			if top.ID == l.ID || slices.ContainsFunc(l.Top[:k], top.sameName) || top.sameName(l.TokenLogprob) {
				continue
			}
			dst = append(dst, ',')
			dst = appendNamed(dst, top)
		}
		dst = append(dst, '}')
	})
	return append(dst, '}')
}

func appendNamed(dst []byte, t TokenLogprob) []byte {
	dst = t.appendName(dst)
	dst = append(dst, ':')
	return appendLogprob(dst, t.Logprob)
}

// length is how many characters the token adds to a text, its bytes that are no
// character counted as one each.
func (t TokenLogprob) length() int { return utf8.RuneCountInString(t.Token) }

// Characters is the sum of the tokens' lengths: what the offset of the next piece
// of the choice has on top of this one's.
func (p *CompletionPiece) Characters() int {
	n := 0
	for i := range p.Logprobs {
		n += p.Logprobs[i].length()
	}
	return n
}

func appendIDs(dst []byte, ids []int32) []byte {
	dst = append(dst, '[')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(id), 10)
	}
	return append(dst, ']')
}

// CompletionStream writes the events of a streamed completion in vLLM's shape.
// Each method appends one server-sent event to dst; none allocates when dst has
// room.
type CompletionStream struct {
	envelope   []byte // up to the choices
	usage      UsageEvents
	showTokens bool
	offsets    []int // by choice: the characters of the tokens that have gone
}

// NewCompletionStream starts the events of completion id with so many choices,
// created at unix seconds by model. Its events hold token ids if showTokens is
// set.
func NewCompletionStream(id, model string, created int64, choices int, usage UsageEvents, showTokens bool) *CompletionStream {
	return &CompletionStream{
		envelope: appendEnvelope(nil, "text_completion", id, model, created),
		usage:    usage, showTokens: showTokens, offsets: make([]int, choices),
	}
}

// Append appends the next piece of one choice. The piece's offset is set here.
func (s *CompletionStream) Append(dst []byte, p CompletionPiece, u Usage) []byte {
	p.Offset = s.offsets[p.Index]
	s.offsets[p.Index] += p.Characters()
	dst = append(dst, s.envelope...)
	dst = p.append(dst, s.showTokens)
	return s.usage.end(append(dst, ']'), u)
}

// AppendEnd appends the event of stream_options.include_usage, if it was asked
// for.
func (s *CompletionStream) AppendEnd(dst []byte, u Usage) []byte {
	return s.usage.last(dst, s.envelope, u)
}

// CompletionReply is a whole completion in vLLM's shape.
type CompletionReply struct {
	ID, Model string
	Created   int64 // Unix seconds
	Choices   []CompletionPiece
	// ShowTokens has the choices hold token ids.
	ShowTokens bool
	Usage      Usage
}

// Body is the reply's JSON.
func (r *CompletionReply) Body() []byte {
	dst := append([]byte(`{"id":`), appendJSON(nil, r.ID)...)
	dst = append(dst, `,"object":"text_completion","created":`...)
	dst = strconv.AppendInt(dst, r.Created, 10)
	dst = append(dst, `,"model":`...)
	dst = appendJSON(dst, r.Model)
	dst = append(dst, `,"choices":[`...)
	for i := range r.Choices {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.Choices[i].append(dst, r.ShowTokens)
	}
	dst = append(dst, `],"usage":`...)
	dst = r.Usage.append(dst)
	return append(dst, '}')
}
