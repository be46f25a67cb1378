package server

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// official is OpenAI's own client, told nothing but where the server is.
func (h *host) official() openai.Client {
	return openai.NewClient(option.WithBaseURL(h.url+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0), option.WithHTTPClient(h.client))
}

const tiny = "limelight-tiny"

// conversation has a system message and several turns.
func conversation() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: tiny,
		Seed:  openai.Int(4),
		Messages: []openai.ChatCompletionMessageParamUnion{
			openai.SystemMessage("be brief"),
			openai.UserMessage("hello"),
			openai.AssistantMessage("hello you"),
			openai.UserMessage("what is the time"),
		},
	}
}

// each reads a stream to its end.
func each[T any](t *testing.T, stream *ssestream.Stream[T], do func(T)) {
	t.Helper()
	defer stream.Close()
	for stream.Next() {
		do(stream.Current())
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestOfficialClientChats(t *testing.T) {
	h := serve(t, pipeline.Options{})
	client := h.official()
	whole, err := client.Chat.Completions.New(t.Context(), conversation())
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Choices) != 1 || whole.Choices[0].Message.Content == "" || whole.Choices[0].FinishReason == "" || whole.Usage.CompletionTokens == 0 {
		t.Errorf("%s", whole.RawJSON())
	}
	short := conversation()
	short.Messages = short.Messages[3:]
	if alone, err := client.Chat.Completions.New(t.Context(), short); err != nil || alone.Usage.PromptTokens >= whole.Usage.PromptTokens || alone.Choices[0].Message.Content == whole.Choices[0].Message.Content {
		t.Errorf("the last turn alone: %v, %s", err, alone.RawJSON())
	}
	params := conversation()
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	var streamed openai.ChatCompletionAccumulator
	each(t, client.Chat.Completions.NewStreaming(t.Context(), params), func(c openai.ChatCompletionChunk) {
		if !streamed.AddChunk(c) {
			t.Errorf("the accumulator refuses %s", c.RawJSON())
		}
	})
	if streamed.Choices[0].Message.Content != whole.Choices[0].Message.Content || streamed.Choices[0].FinishReason != whole.Choices[0].FinishReason || streamed.Usage.TotalTokens != whole.Usage.TotalTokens {
		t.Errorf("streamed: %+v, want %s", streamed.ChatCompletion, whole.RawJSON())
	}
}

func TestOfficialClientHears(t *testing.T) {
	h := serve(t, pipeline.Options{})
	client := h.official()
	text, err := client.Chat.Completions.New(t.Context(), conversation())
	if err != nil {
		t.Fatal(err)
	}
	params := conversation()
	params.Modalities = []string{"text", "audio"}
	params.Audio = openai.ChatCompletionAudioParam{
		Format: openai.ChatCompletionAudioParamFormatWAV,
		Voice:  openai.ChatCompletionAudioParamVoiceUnion{OfString: openai.String("aiden")},
	}
	whole, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	message := whole.Choices[0].Message
	file, err := base64.StdEncoding.DecodeString(message.Audio.Data)
	if err != nil {
		t.Fatal(err)
	}
	_, want, err := audio.ParseWAV(file)
	if err != nil || len(want) == 0 || len(whole.Choices) != 1 || message.Content != "" || message.Audio.Transcript != text.Choices[0].Message.Content || message.Audio.ExpiresAt <= whole.Created {
		t.Errorf("%d bytes of sound, %v; transcript %q, want %q; %d choices", len(want), err, message.Audio.Transcript, text.Choices[0].Message.Content, len(whole.Choices))
	}

	params.Audio.Format = openai.ChatCompletionAudioParamFormatPcm16
	var pcm []byte
	var transcript, id, finish string
	var expires int64
	each(t, client.Chat.Completions.NewStreaming(t.Context(), params), func(c openai.ChatCompletionChunk) {
		delta := c.Choices[0].Delta.Audio
		piece, err := base64.StdEncoding.DecodeString(delta.Data)
		if err != nil {
			t.Error(err)
		}
		pcm = append(pcm, piece...)
		transcript += delta.Transcript
		id += delta.ID
		expires += delta.ExpiresAt
		finish += c.Choices[0].FinishReason
	})
	if !bytes.Equal(pcm, want) || transcript != message.Audio.Transcript || id == "" || expires <= whole.Created || finish != whole.Choices[0].FinishReason {
		t.Errorf("streamed: %d bytes of sound, want %d; transcript %q, want %q; id %q, finish %q", len(pcm), len(want), transcript, message.Audio.Transcript, id, finish)
	}

	r, err := client.Audio.Speech.New(t.Context(), openai.AudioSpeechNewParams{
		Model: tiny, Input: "the time is now", ResponseFormat: openai.AudioSpeechNewParamsResponseFormatPCM,
		Voice: openai.AudioSpeechNewParamsVoiceUnion{OfString: openai.String("aiden")},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if sound, err := io.ReadAll(r.Body); err != nil || len(sound) == 0 || len(sound)%2 != 0 || r.Header.Get("Content-Type") != "audio/pcm" {
		t.Errorf("speech: %d bytes, %v, %q", len(sound), err, r.Header.Get("Content-Type"))
	}
}

func TestOfficialClientCompletes(t *testing.T) {
	h := serve(t, pipeline.Options{})
	client := h.official()
	params := openai.CompletionNewParams{
		Model: tiny, Seed: openai.Int(4), MaxTokens: openai.Int(8), Logprobs: openai.Int(2),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("the time is")},
	}
	whole, err := client.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	choice := whole.Choices[0]
	if len(whole.Choices) != 1 || choice.Text == "" || choice.FinishReason == "" || int64(len(choice.Logprobs.Tokens)) != whole.Usage.CompletionTokens || choice.Logprobs.TokenLogprobs[0] >= 0 {
		t.Errorf("%s", whole.RawJSON())
	}
	var text, finish string
	each(t, client.Completions.NewStreaming(t.Context(), params), func(c openai.Completion) {
		text += c.Choices[0].Text
		finish += string(c.Choices[0].FinishReason)
	})
	if text != choice.Text || finish != string(choice.FinishReason) {
		t.Errorf("streamed: %q, finish %q, want %s", text, finish, whole.RawJSON())
	}
	ids := make([]int64, 0, 8)
	for _, id := range h.pipeline.Frontend.TextPrompt("the time is") {
		ids = append(ids, int64(id))
	}
	params.Logprobs, params.Echo = openai.CompletionNewParams{}.Logprobs, openai.Bool(true)
	params.Prompt = openai.CompletionNewParamsPromptUnion{OfArrayOfTokens: ids}
	if echoed, err := client.Completions.New(t.Context(), params); err != nil || echoed.Choices[0].Text != "the time is"+choice.Text {
		t.Errorf("echo of token ids: %v, %s", err, echoed.RawJSON())
	}
}

func TestOfficialClientSeesTheModels(t *testing.T) {
	h := serve(t, pipeline.Options{})
	client := h.official()
	list, err := client.Models.List(t.Context())
	if err != nil || len(list.Data) != 1 || list.Data[0].ID != tiny {
		t.Fatalf("%+v, %v", list, err)
	}
	if one, err := client.Models.Get(t.Context(), tiny); err != nil || one.ID != tiny || one.Created == 0 || one.OwnedBy != "limelight" {
		t.Errorf("%+v, %v", one, err)
	}
}

func TestOfficialClientUnderstandsErrors(t *testing.T) {
	h := serve(t, pipeline.Options{Connector: corrupting})
	client := h.official()
	params := conversation()
	params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "look"})}
	_, err := client.Chat.Completions.New(t.Context(), params)
	refused(t, err, 400, "tools", "BadRequestError")

	_, err = client.Models.Get(t.Context(), "gpt-5")
	refused(t, err, 404, "model", "NotFoundError")

	_, err = client.Audio.Speech.New(t.Context(), openai.AudioSpeechNewParams{
		Model: tiny, Input: "x", Voice: openai.AudioSpeechNewParamsVoiceUnion{OfString: openai.String("alloy")},
	})
	refused(t, err, 400, "voice", "BadRequestError")

	params = conversation()
	params.Modalities = []string{"text", "audio"}
	params.Audio.Format = openai.ChatCompletionAudioParamFormatPcm16
	params.SetExtraFields(map[string]any{"ignore_eos": true, "max_tokens": 60, "sampling_params_list": []any{map[string]any{}, map[string]any{"ignore_eos": true}, map[string]any{}}})
	stream := client.Chat.Completions.NewStreaming(t.Context(), params, option.WithHeader("X-Request-Id", "broken-corrupt-2"))
	defer stream.Close()
	for stream.Next() {
	}
	if err := stream.Err(); err == nil || !strings.Contains(err.Error(), "code2wav") {
		t.Errorf("a stage that failed in mid-stream: %v", err)
	}
}

// refused checks an error as the official client gives it.
func refused(t *testing.T, err error, status int, param, kind string) {
	t.Helper()
	var e *openai.Error
	if !errors.As(err, &e) {
		t.Errorf("%v is no error of the API", err)
		return
	}
	if e.StatusCode != status || e.Param != param || e.Type != kind || !strings.Contains(e.Message, param) {
		t.Errorf("status %d, %s; want %d, param %s, type %s", e.StatusCode, e.RawJSON(), status, param, kind)
	}
}

// Whatever the official client can ask for is known by name: it takes effect,
// or it is refused as not supported.
func TestEveryFieldOfTheOfficialClientIsKnown(t *testing.T) {
	h := serve(t, pipeline.Options{MaxModelLen: 64})
	for path, c := range map[string]struct {
		params reflect.Type
		base   string
	}{
		"/v1/chat/completions": {reflect.TypeFor[openai.ChatCompletionNewParams](), hello},
		"/v1/completions":      {reflect.TypeFor[openai.CompletionNewParams](), `"prompt":"x"`},
		"/v1/audio/speech":     {reflect.TypeFor[openai.AudioSpeechNewParams](), `"input":"x"`},
	} {
		for field := range c.params.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" || strings.HasPrefix(c.base, `"`+name+`"`) {
				continue
			}
			// No parameter is an array of arrays of arrays: the answer is an error about its value.
			r, data := h.exchange(path, `{"`+name+`":[[["x"]]],`+c.base+`}`)
			if r.StatusCode != 400 || !bytes.Contains(data, []byte(`"param":"`+name)) || bytes.Contains(data, []byte("not a known parameter")) {
				t.Errorf("%s %s: status %d, %s", path, name, r.StatusCode, data)
			}
		}
	}
}
