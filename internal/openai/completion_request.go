package openai

import "maps"

// Bounds of a completion request.
const (
	// maxPrompts bounds the prompts of one request, times the choices of each; vLLM
	// sets no limit.
	maxPrompts = 256
	// maxPromptTokens bounds the ids of one prompt, above what a model takes.
	maxPromptTokens = 1 << 18
	// defaultMaxTokens is how long a completion may get when the client does not
	// say, as in OpenAI's API and vLLM's.
	defaultMaxTokens = 16
)

// CompletionRequest is the body of POST /v1/completions.
type CompletionRequest struct {
	// Model is empty when the client named none.
	Model string
	// Prompts are what to go on from; there is at least one.
	Prompts []Prompt
	// Echo has each prompt repeated before its completion.
	Echo bool
	// ReturnTokenIDs asks for the ids of prompts and completions.
	ReturnTokenIDs bool
	Stream         bool
	// Usage holds the members of stream_options.
	Usage UsageEvents
	// Sampling is complete but for what the model has defaults for: MaxTokens is
	// set.
	Sampling Sampling
}

// Prompt is a text, or the ids of its tokens.
type Prompt struct {
	// Path is where the prompt stands, as prompt[1].
	Path string
	Text string
	IDs  []int64 // at least 0; nil for a text
}

// DecodeCompletionRequest reads a completion request. The error names what is
// wrong and where.
func DecodeCompletionRequest(data []byte) (*CompletionRequest, *Error) {
	v, e := body(data)
	if e != nil {
		return nil, e
	}
	var b completionBody
	if e := completionSchema.decode(&b, v); e != nil {
		return nil, e
	}
	switch {
	case b.Prompts == nil:
		return nil, BadRequest("prompt", "is required")
	case b.streamOptions && !b.Stream:
		return nil, BadRequest("stream_options", "is for streams: stream must be true")
	case b.Echo && b.Sampling.Logprobs != nil:
		return nil, BadRequest("logprobs", "is not supported with echo: the engine gives no log probabilities of a prompt")
	}
	if b.Sampling.MaxTokens == nil {
		b.Sampling.MaxTokens = new(int64(defaultMaxTokens))
	}
	if n := b.Sampling.N; n != nil && int(*n)*len(b.Prompts) > maxPrompts {
		return nil, BadRequest("n", "%d choices of each of %d prompts are more than %d", *n, len(b.Prompts), maxPrompts)
	}
	if e := b.Sampling.check(""); e != nil {
		return nil, e
	}
	return &b.CompletionRequest, nil
}

// completionBody is a CompletionRequest while it is read.
type completionBody struct {
	CompletionRequest
	streamOptions bool
}

var completionSchema = func() schema[completionBody] {
	fields := samplingFields(func(r *completionBody) *Sampling { return &r.Sampling })
	maps.Copy(fields, map[string]field[completionBody]{
		"model":            textField(func(r *completionBody) *string { return &r.Model }),
		"prompt":           decodePrompts,
		"echo":             booleanField(func(r *completionBody) *bool { return &r.Echo }),
		"return_token_ids": booleanField(func(r *completionBody) *bool { return &r.ReturnTokenIDs }),
		"stream":           booleanField(func(r *completionBody) *bool { return &r.Stream }),
		"stream_options": func(r *completionBody, v value) *Error {
			r.streamOptions = true
			return usageSchema.decode(&r.Usage, v)
		},
		"max_tokens": integerField(1, maxInt32, func(r *completionBody) **int64 { return &r.Sampling.MaxTokens }),
		"logprobs":   integerField(0, maxLogprobs, func(r *completionBody) **int64 { return &r.Sampling.Logprobs }),
		"n":          integerField(1, maxChoices, func(r *completionBody) **int64 { return &r.Sampling.N }),
		"user":       ignoredText[completionBody],
		"session_id": ignoredText[completionBody],
		"cache_salt": ignoredText[completionBody], // steers a prefix cache, which has no effect on the reply
	})
	unsupported := maps.Clone(unsupportedSampling)
	maps.Copy(unsupported, map[string][]string{
		"suffix": {`""`}, "prompt_embeds": {}, "response_format": {`{"type":"text"}`},
		"add_special_tokens":         {"true", "false"}, // there are none to add
		"return_tokens_as_token_ids": {"false"},
		"priority":                   {"0"}, "request_id": {}, "kv_transfer_params": {}, "vllm_xargs": {"{}"},
	})
	return schema[completionBody]{fields: fields, unsupported: unsupported}
}()

// decodePrompts reads a string, an array of token ids, or an array of either.
func decodePrompts(r *completionBody, v value) *Error {
	if v.kind() == "a string" || v.kind() == "an array" && v.begins() == "a number" {
		p, e := decodePrompt(v)
		r.Prompts = []Prompt{p}
		return e
	}
	if v.kind() != "an array" {
		return v.mustBe("a string, an array of token ids, or an array of those")
	}
	if e := listField(maxPrompts, decodePrompt, func(r *completionBody) *[]Prompt { return &r.Prompts })(r, v); e != nil {
		return e
	}
	if len(r.Prompts) == 0 {
		return BadRequest(v.path, "must hold at least one prompt or token")
	}
	return nil
}

// decodePrompt reads a string or an array of token ids.
func decodePrompt(v value) (Prompt, *Error) {
	p := Prompt{Path: v.path}
	var e *Error
	switch v.kind() {
	case "a string":
		p.Text, e = v.text()
		return p, e
	case "an array":
	default:
		return p, v.mustBe("a string or an array of token ids")
	}
	if v.begins() == "nothing" {
		return p, BadRequest(v.path, "must hold at least one token")
	}
	e = tokenIDs(&p, v)
	return p, e
}

var tokenIDs = listField(maxPromptTokens, func(v value) (int64, *Error) { return bounded(v, 0, maxInt32) },
	func(p *Prompt) *[]int64 { return &p.IDs })
