package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

const hello = `"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hello"}]`

type chatReply struct {
	ID, Object, Model string
	Choices           []struct {
		Index   int
		Finish  string `json:"finish_reason"`
		Message struct {
			Content *string
			Audio   *struct{ ID, Data string }
		}
	}
	Usage usage
}

func (h *host) chat(body string) chatReply {
	h.t.Helper()
	r, data := h.exchange("/v1/chat/completions", body)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" {
		h.t.Fatalf("status %d: %s", r.StatusCode, data)
	}
	var reply chatReply
	if err := json.Unmarshal(data, &reply); err != nil {
		h.t.Fatal(err)
	}
	return reply
}

func TestChatWithoutModalitiesIsText(t *testing.T) {
	h := serve(t, pipeline.Options{})
	reply := h.chat(`{"seed":5,"max_tokens":7,"ignore_eos":true,` + hello + `}`)
	if len(reply.Choices) != 1 || reply.Choices[0].Message.Audio != nil || *reply.Choices[0].Message.Content == "" || reply.Choices[0].Finish != "length" {
		t.Errorf("%+v", reply)
	}
	// Two messages of start, role, newline, end, newline and their text, and the
	// open turn.
	prompt := 5 + len(h.pipeline.Frontend.SpeechPrompt("be brief")) + 5 + len(h.pipeline.Frontend.SpeechPrompt("hello")) + 3
	if reply.Usage != (usage{prompt, 7, prompt + 7}) || reply.Model != "limelight-tiny" || !strings.HasPrefix(reply.ID, "chatcmpl-") {
		t.Errorf("%+v", reply)
	}
}

func TestStreamedReplyIsTheWholeReplyInPieces(t *testing.T) {
	h := serve(t, pipeline.Options{})
	for _, seed := range []string{"1", "2", "3"} {
		body := `"modalities":["text","audio"],"seed":` + seed + `,` + hello + `}`
		whole := h.chat(`{` + body)
		if len(whole.Choices) != 2 || whole.Choices[1].Index != 0 || whole.Choices[1].Message.Content != nil {
			t.Fatalf("%+v", whole)
		}
		wav, err := base64.StdEncoding.DecodeString(whole.Choices[1].Message.Audio.Data)
		if err != nil {
			t.Fatal(err)
		}
		_, pcm, err := audio.ParseWAV(wav)
		if err != nil || len(pcm) == 0 {
			t.Fatalf("%d bytes of sound, %v", len(pcm), err)
		}
		r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"stream":true,"stream_options":{"include_usage":true},`+body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readStream(t, r.Body, nil)
		r.Body.Close()
		if err != nil || r.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Fatalf("%q, %v", r.Header.Get("Content-Type"), err)
		}
		if got.text != *whole.Choices[0].Message.Content || !bytes.Equal(got.pcm, pcm) || got.usage != whole.Usage {
			t.Errorf("seed %s: the stream differs from the whole reply: %q and %q, %d and %d bytes, %+v and %+v",
				seed, got.text, *whole.Choices[0].Message.Content, len(got.pcm), len(pcm), got.usage, whole.Usage)
		}
		if len(got.finishes) != 1 || !strings.HasSuffix(got.order, "auD") {
			t.Errorf("seed %s: finish reasons %v, events %s: want one, on the last audio event", seed, got.finishes, got.order)
		}
	}
}

func TestAudioAloneHasNoText(t *testing.T) {
	h := serve(t, pipeline.Options{})
	reply := h.chat(`{"modalities":["audio"],"seed":1,` + hello + `}`)
	if len(reply.Choices) != 1 || reply.Choices[0].Message.Audio == nil || reply.Choices[0].Message.Content != nil {
		t.Errorf("%+v", reply)
	}
	r, data := h.exchange("/v1/chat/completions", `{"stream":true,"modalities":["audio"],"seed":1,`+hello+`}`)
	if r.StatusCode != 200 || bytes.Contains(data, []byte(`"modality":"text"`)) || !bytes.Contains(data, []byte(`"modality":"audio"`)) {
		t.Errorf("status %d: %.300s", r.StatusCode, data)
	}
}

func TestReplyOfOneTokenHasNothingToSay(t *testing.T) {
	h := serve(t, pipeline.Options{})
	reply := h.chat(`{"modalities":["text","audio"],"max_tokens":1,"ignore_eos":true,` + hello + `}`)
	wav, err := base64.StdEncoding.DecodeString(reply.Choices[1].Message.Audio.Data)
	if err != nil || len(wav) != audio.WAVHeaderSize {
		t.Errorf("%d bytes of WAV, %v; want the header alone", len(wav), err)
	}
	if n := h.page()[`vllm:omni_audio_skipped_requests_total{reason="no_audio_data",replica="0",stage="2"}`]; n != 1 {
		t.Errorf("%v skipped requests", n)
	}
	two := h.chat(`{"modalities":["text","audio"],"max_tokens":2,"ignore_eos":true,"sampling_params_list":[{},{"ignore_eos":true,"max_tokens":9},{}],` + hello + `}`)
	if wav, err := base64.StdEncoding.DecodeString(two.Choices[1].Message.Audio.Data); err != nil || len(wav) != audio.WAVHeaderSize+2*(8*1920-555) {
		t.Errorf("two tokens, one of them spoken: %d bytes of WAV, %v; want 8 frames of sound", len(wav), err)
	}
}

func TestVoicesSoundDifferent(t *testing.T) {
	h := serve(t, pipeline.Options{})
	sounds := map[string]string{}
	for _, voice := range []string{"", `"speaker":"ethan",`, `"audio":{"voice":"Chelsie","format":"wav"},`, `"speaker":"aiden",`} {
		reply := h.chat(`{` + voice + `"modalities":["audio"],"seed":1,` + hello + `}`)
		sounds[voice] = reply.Choices[0].Message.Audio.Data
	}
	if sounds[""] != sounds[`"speaker":"ethan",`] {
		t.Error("the default voice is not ethan")
	}
	if len(map[string]bool{sounds[""]: true, sounds[`"audio":{"voice":"Chelsie","format":"wav"},`]: true, sounds[`"speaker":"aiden",`]: true}) != 3 {
		t.Error("two voices sound the same")
	}
}
