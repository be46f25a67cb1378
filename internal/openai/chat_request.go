package openai

import (
	"maps"
	"strconv"
	"strings"
)

// ChatRequest is the body of POST /v1/chat/completions.
type ChatRequest struct {
	// Model is empty when the client named none.
	Model    string
	Messages []Message
	// Text and Audio are the modalities; both are false when the client named
	// none.
	Text, Audio bool
	// Voice is audio.voice or speaker, and VoiceParam the one of the two that it
	// was read from; both are empty if neither is set.
	Voice, VoiceParam string
	// AudioObject says that the client set the audio object: its reply has
	// OpenAI's shape in place of vLLM-Omni's.
	AudioObject bool
	// AudioFormat is the format of the sound; with the audio object it is never
	// empty, and pcm16 in a stream.
	AudioFormat string
	// Language to speak in; empty leaves it to the model.
	Language string
	Stream   bool
	// Usage holds the members of stream_options.
	Usage UsageEvents
	// Sampling holds the request-level parameters, which mean the first stage.
	Sampling Sampling
	// Stages holds one entry for each object of sampling_params_list; nil if
	// there is none.
	Stages []Sampling
}

// DecodeChatRequest reads a chat request for engines without further Abilities.
// The error names what is wrong and where.
func DecodeChatRequest(data []byte) (*ChatRequest, *Error) {
	return Abilities{}.DecodeChatRequest(data)
}

// DecodeChatRequest reads a chat request for engines with these abilities. The
// error names what is wrong and where.
func (a Abilities) DecodeChatRequest(data []byte) (*ChatRequest, *Error) {
	v, e := body(data)
	if e != nil {
		return nil, e
	}
	var b chatBody
	if e := chatSchema.decode(&b, v); e != nil {
		return nil, e
	}
	if e := b.join(); e != nil {
		return nil, e
	}
	if e := a.check(&b.ChatRequest); e != nil {
		return nil, e
	}
	return &b.ChatRequest, nil
}

// chatBody is a ChatRequest while it is read: what the API has two names for
// is apart until both are known.
type chatBody struct {
	ChatRequest
	voice, speaker                 string
	maxTokens, maxCompletionTokens *int64
	logprobs                       bool
	topLogprobs                    *int64
	streamOptions                  bool
}

// join completes the request and holds its parameters against each other.
func (b *chatBody) join() *Error {
	if b.Messages == nil {
		return BadRequest("messages", "is required")
	}
	if b.streamOptions && !b.Stream {
		return BadRequest("stream_options", "is for streams: stream must be true")
	}
	var e *Error
	if b.Voice, b.VoiceParam, e = oneVoice(b.voice, "audio.voice", b.speaker); e != nil {
		return e
	}
	if e := b.joinAudio(); e != nil {
		return e
	}
	b.Sampling.MaxTokens = b.maxTokens
	if b.maxCompletionTokens != nil { // OpenAI's newer name goes first
		b.Sampling.MaxTokens = b.maxCompletionTokens
	}
	if e := b.joinLogprobs(); e != nil {
		return e
	}
	if e := b.Sampling.check(""); e != nil {
		return e
	}
	for i := range b.Stages {
		if e := b.Stages[i].check("sampling_params_list[" + strconv.Itoa(i) + "]."); e != nil {
			return e
		}
	}
	return nil
}

// joinLogprobs makes one parameter of OpenAI's two.
func (b *chatBody) joinLogprobs() *Error {
	var top int64
	if b.topLogprobs != nil {
		top = *b.topLogprobs
	}
	if b.logprobs {
		b.Sampling.Logprobs = &top
	} else if top > 0 {
		return BadRequest("top_logprobs", "is for log probabilities: logprobs must be true")
	}
	if b.AudioObject && b.logprobs {
		return BadRequest("logprobs", "is not for replies with the audio object: their message has no content")
	}
	return nil
}

// oneVoice is the voice of a request that has two names for it, and the name it
// stands under.
func oneVoice(voice, name, speaker string) (string, string, *Error) {
	switch {
	case speaker == "" && voice == "":
		return "", "", nil
	case speaker == "":
		return voice, name, nil
	case voice == "" || strings.EqualFold(voice, speaker):
		return speaker, "speaker", nil
	}
	return "", "", BadRequest("speaker", "is %q, but %s is %q", clip(speaker), name, clip(voice))
}

var chatSchema = func() schema[chatBody] {
	fields := samplingFields(func(r *chatBody) *Sampling { return &r.Sampling })
	maps.Copy(fields, map[string]field[chatBody]{
		"model":                 textField(func(r *chatBody) *string { return &r.Model }),
		"messages":              decodeMessages,
		"modalities":            decodeModalities,
		"audio":                 decodeAudio,
		"speaker":               textField(func(r *chatBody) *string { return &r.speaker }),
		"language":              decodeLanguage,
		"stream":                booleanField(func(r *chatBody) *bool { return &r.Stream }),
		"stream_options":        decodeStreamOptions,
		"max_tokens":            integerField(1, maxInt32, func(r *chatBody) **int64 { return &r.maxTokens }),
		"max_completion_tokens": integerField(1, maxInt32, func(r *chatBody) **int64 { return &r.maxCompletionTokens }),
		"logprobs":              booleanField(func(r *chatBody) *bool { return &r.logprobs }),
		"top_logprobs":          integerField(0, maxLogprobs, func(r *chatBody) **int64 { return &r.topLogprobs }),
		"n":                     integerField(1, maxChoices, func(r *chatBody) **int64 { return &r.Sampling.N }),
		"sampling_params_list":  decodeStages,
		"user":                  ignoredText[chatBody],
		"metadata":              ignoredObject[chatBody],
		"service_tier":          ignoredText[chatBody],
		"safety_identifier":     ignoredText[chatBody],
		"session_id":            ignoredText[chatBody],
		// These two steer a prefix cache, which has no effect on the reply.
		"prompt_cache_key": ignoredText[chatBody],
		"cache_salt":       ignoredText[chatBody],
	})
	unsupported := maps.Clone(unsupportedSampling)
	maps.Copy(unsupported, map[string][]string{
		"tools": {"[]"}, "tool_choice": {`"none"`, `"auto"`}, "functions": {"[]"}, "function_call": {`"none"`, `"auto"`},
		"parallel_tool_calls": {"true", "false"},
		"response_format":     {`{"type":"text"}`},
		"store":               {"false"},
		"reasoning_effort":    {`"none"`}, "include_reasoning": {"true", "false"}, "thinking_token_budget": {},
		"prediction": {}, "verbosity": {}, "web_search_options": {}, "prompt_cache_retention": {}, "prompt_cache_options": {}, "moderation": {},
		"mm_processor_kwargs": {"{}"}, "media_io_kwargs": {"{}"},
		"chat_template": {}, "chat_template_kwargs": {"{}"}, "documents": {"[]"},
		"add_generation_prompt": {"true"}, "continue_final_message": {"false"}, "add_special_tokens": {"false"}, "echo": {"false"},
		"priority": {"0"}, "request_id": {}, "kv_transfer_params": {}, "vllm_xargs": {"{}"},
		"return_token_ids": {"false"}, "return_tokens_as_token_ids": {"false"}, "return_prompt_text": {"false"},
		"return_stage_metrics": {"false"}, "initial_codec_chunk_frames": {},
	})
	return schema[chatBody]{fields: fields, unsupported: unsupported}
}()

func decodeStreamOptions(r *chatBody, v value) *Error {
	r.streamOptions = true
	return usageSchema.decode(&r.Usage, v)
}

func decodeStages(r *chatBody, v value) *Error {
	items, e := v.items()
	if e != nil {
		return e
	}
	r.Stages = make([]Sampling, len(items))
	for i, item := range items {
		if e := stageSampling.decode(&r.Stages[i], item); e != nil {
			return e
		}
	}
	return nil
}

func decodeModalities(r *chatBody, v value) *Error {
	items, e := v.items()
	if e != nil {
		return e
	}
	if len(items) == 0 {
		return BadRequest(v.path, "must name at least one of text and audio")
	}
	for _, item := range items {
		name, e := item.text()
		if e != nil {
			return e
		}
		switch name {
		case "text":
			r.Text = true
		case "audio":
			r.Audio = true
		default:
			return BadRequest(item.path, "must be text or audio, got %q", clip(name))
		}
	}
	return nil
}
