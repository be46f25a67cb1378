package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/config"
	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// Limelight in front of Limelight: what comes through is what the servers
// behind say themselves, and the relay's page has what theirs have together.

// greedy makes servers whose sound depends on the text alone.
func greedy() pipeline.Options {
	zero := 0.0
	return pipeline.Options{Sampling: map[string]config.Sampling{"talker": {Temperature: &zero}}}
}

// three are servers behind a relay.
func three(t *testing.T, o pipeline.Options) (hosts []*host, urls []string) {
	for range 3 {
		h := serve(t, o)
		hosts, urls = append(hosts, h), append(urls, h.url)
	}
	return hosts, urls
}

// sum adds up a series of several pages. Their servers are idle.
func sum(hosts []*host, series string) (total float64) {
	for _, h := range hosts {
		h.idle()
		total += h.page()[series]
	}
	return total
}

// settled is a relay's page once every request is in the books. It takes no
// more then.
func settled(t *testing.T, h *host) map[string]float64 {
	t.Helper()
	if err := h.relay.Orchestrator.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h.page()
}

// ofReplicas are the values of a family at the stage's three replicas.
func ofReplicas(page map[string]float64, family string, stage int) (values [3]float64) {
	name, more, _ := strings.Cut(family, "{")
	if more != "" {
		more = strings.TrimSuffix(more, "}") + ","
	}
	for replica := range values {
		values[replica] = page[fmt.Sprintf(`%s{%sreplica="%d",stage="%d"}`, name, more, replica, stage)]
	}
	return values
}

// wants compares a page with what is expected of it.
func wants(t *testing.T, page, series map[string]float64) {
	t.Helper()
	for name, want := range series {
		if got, ok := page[name]; got != want || !ok {
			t.Errorf("%s: %v (present: %v), want %v", name, got, ok, want)
		}
	}
}

// Limelight in front of three Limelights, as an operator puts it in front of
// vLLM-Omni: what comes through is what they say themselves.
func TestRelayOfWholeOmniServersSaysWhatTheySay(t *testing.T) {
	var urls []string
	for range 3 {
		urls = append(urls, serve(t, pipeline.Options{}).url)
	}
	direct := serve(t, pipeline.Options{})
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Omni, urls...), Retries: 1})
	if h.relay.Name() != "limelight-tiny" {
		t.Errorf("the relay is called %q", h.relay.Name())
	}
	for i := range 6 {
		body := fmt.Sprintf(`{"modalities":["text","audio"],"seed":%d,%s}`, i, hello)
		want, got := direct.chat(body), h.chat(body)
		if *want.Choices[0].Message.Content != *got.Choices[0].Message.Content || want.Choices[1].Message.Audio.Data != got.Choices[1].Message.Audio.Data || want.Usage != got.Usage {
			t.Errorf("seed %d: the relay says %q, %+v, the server itself %q, %+v", i, *got.Choices[0].Message.Content, got.Usage, *want.Choices[0].Message.Content, want.Usage)
		}
		r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"stream":true,`+body[1:])
		if err != nil {
			t.Fatal(err)
		}
		stream, err := readStream(t, r.Body, nil)
		r.Body.Close()
		if err != nil || stream.text != *want.Choices[0].Message.Content || len(stream.finishes) != 1 {
			t.Errorf("seed %d: streamed %q, %v, %v", i, stream.text, stream.finishes, err)
		}
	}
	text := h.chat(`{"seed":1,` + hello + `}`)
	if len(text.Choices) != 1 {
		t.Errorf("%+v", text)
	}
	page := settled(t, h)
	heard, firsts := 0.0, 0.0
	for replica := range 3 {
		label := fmt.Sprintf(`{replica="%d",stage="0"}`, replica)
		if page["vllm:omni_audio_frames_total"+label] == 0 {
			t.Errorf("replica %d made no sound", replica)
		}
		heard += page["vllm:omni_audio_duration_s_count"+label]
		firsts += page["vllm:omni_audio_ttfp_s_count"+label]
	}
	if heard != 12 || firsts != 6 {
		t.Errorf("%v sounds and %v first packets on the page, want 12 and 6", heard, firsts)
	}
}

func TestRelayOfLimelightsThatChatSaysWhatTheySay(t *testing.T) {
	hosts, urls := three(t, pipeline.Options{})
	direct := serve(t, pipeline.Options{})
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, urls...), Policy: "round-robin"})
	for i := range 3 {
		body := fmt.Sprintf(`{"max_tokens":24,"n":2,"seed":%d,%s}`, i, hello)
		want, got := direct.chat(body), h.chat(body)
		for c := range 2 {
			if *got.Choices[c].Message.Content != *want.Choices[c].Message.Content || got.Choices[c].Finish != want.Choices[c].Finish {
				t.Errorf("seed %d, choice %d: the relay says %q, %s, the server itself %q, %s", i, c, *got.Choices[c].Message.Content, got.Choices[c].Finish, *want.Choices[c].Message.Content, want.Choices[c].Finish)
			}
		}
		if got.Usage != want.Usage {
			t.Errorf("seed %d: %+v, want %+v", i, got.Usage, want.Usage)
		}
		r, err := h.post(t.Context(), "/v1/chat/completions", "", fmt.Sprintf(`{"stream":true,"stream_options":{"include_usage":true},"max_tokens":24,"seed":%d,%s}`, i, hello))
		if err != nil {
			t.Fatal(err)
		}
		stream, err := readStream(t, r.Body, nil)
		r.Body.Close()
		if first := want.Choices[0]; err != nil || stream.text != *first.Message.Content || len(stream.finishes) != 1 || stream.finishes[0] != first.Finish || stream.usage.Prompt != want.Usage.Prompt {
			t.Errorf("seed %d: streamed %q, %v, %+v, %v", i, stream.text, stream.finishes, stream.usage, err)
		}
	}
	page := settled(t, h)
	const natural = `vllm:omni_requests_success_total{finished_reason="%s"}`
	stops, lengths := fmt.Sprintf(natural, "stop"), fmt.Sprintf(natural, "length")
	if page[stops]+page[lengths] != 6 || sum(hosts, stops)+sum(hosts, lengths) != 9 {
		t.Errorf("%v ends here and %v behind, want 6, of which three are two there", page[stops]+page[lengths], sum(hosts, stops)+sum(hosts, lengths))
	}
	if got := ofReplicas(page, `limelight_stage_part_seconds_count{part="work"}`, 0); got != [3]float64{2, 2, 2} {
		t.Errorf("requests at the replicas: %v", got)
	}
	wants(t, page, map[string]float64{
		"vllm:omni_e2e_request_latency_s_count": 6,
		"limelight_requests_admitted_total":     6,
		"vllm:omni_num_requests_running":        0,
		"vllm:omni_num_requests_waiting":        0,
	})
	p := scraped(t, h)
	for replica, behind := range hosts { // their own pages are part of this one
		behind.idle()
		want := behind.page()[`vllm:generation_tokens_total{replica="0",stage="0"}`]
		if got := valueOf(p, "vllm:generation_tokens_total", fmt.Sprint(replica), "exported_stage", "0", "exported_replica", "0"); got != want || got == 0 {
			t.Errorf("replica %d: %v tokens on the relay's page, %v on its own", replica, got, want)
		}
	}
}

func TestRelayOfLimelightsThatSpeakSaysWhatTheySay(t *testing.T) {
	hosts, urls := three(t, pipeline.Options{})
	direct := serve(t, pipeline.Options{})
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Speech, urls...), ServedName: "limelight-tiny", Policy: "round-robin"})
	samples := 0
	for i := range 3 {
		body := fmt.Sprintf(`{"input":"the time is now","voice":"aiden","max_new_tokens":40,"seed":%d}`, i)
		_, want := direct.exchange("/v1/audio/speech", body)
		r, got := h.exchange("/v1/audio/speech", body)
		if r.StatusCode != 200 || !bytes.Equal(got, want) {
			t.Errorf("seed %d: status %d, %d bytes, the server itself gives %d", i, r.StatusCode, len(got), len(want))
		}
		_, pcm, err := audio.ParseWAV(want)
		if err != nil {
			t.Fatal(err)
		}
		if r, got := h.exchange("/v1/audio/speech", `{"stream":true,"response_format":"pcm",`+body[1:]); r.StatusCode != 200 || !bytes.Equal(got, pcm) {
			t.Errorf("seed %d: status %d, %d bytes streamed, want %d", i, r.StatusCode, len(got), len(pcm))
		}
		samples += 2 * len(pcm) / 2
	}
	page := settled(t, h)
	for family, want := range map[string][3]float64{
		"vllm:omni_audio_duration_s_count": {2, 2, 2},
		"vllm:omni_audio_rtf_count":        {2, 2, 2},
		"vllm:omni_audio_ttfp_s_count":     {1, 1, 1},
		"vllm:omni_audio_underrun_s_count": {1, 1, 1},
	} {
		if got := ofReplicas(page, family, 0); got != want {
			t.Errorf("%s: %v, want %v", family, got, want)
		}
	}
	frames := ofReplicas(page, "vllm:omni_audio_frames_total", 0)
	const theirs = `vllm:omni_audio_frames_total{replica="0",stage="2"}`
	for replica := range hosts {
		if want := sum(hosts[replica:replica+1], theirs); frames[replica] != want {
			t.Errorf("replica %d: %v samples here, %v there", replica, frames[replica], want)
		}
	}
	if all := frames[0] + frames[1] + frames[2]; all != float64(samples) {
		t.Errorf("%v samples, clients got %d", all, samples)
	}
	wants(t, page, map[string]float64{`vllm:omni_requests_success_total{finished_reason="stop"}`: 6, "vllm:omni_num_requests_running": 0})
}

// asked is a way to a server that tells what it is asked to say.
func asked(t *testing.T, to string, tell func(text string)) string {
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		if r.In.URL.Path != "/v1/audio/speech" {
			return
		}
		var body struct{ Input string }
		data, err := io.ReadAll(r.In.Body)
		if err == nil {
			err = json.Unmarshal(data, &body)
		}
		if err != nil {
			t.Error(err)
		}
		tell(body.Input)
		r.Out.Body = io.NopCloser(bytes.NewReader(data))
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// A chain of three servers that chat and three that speak: the text is that of
// the first, the sound that of its sentences.
func TestRelayChainOfLimelightsSaysWhatTheySay(t *testing.T) {
	minds, mindURLs := three(t, pipeline.Options{})
	mouths, mouthURLs := three(t, greedy())
	direct := serve(t, greedy())
	var mu sync.Mutex
	var sentences []string
	for i, u := range mouthURLs {
		mouthURLs[i] = asked(t, u, func(text string) {
			mu.Lock()
			defer mu.Unlock()
			sentences = append(sentences, text)
		})
	}
	h := relayTo(t, pipeline.RelayOptions{Backends: append(backends(remote.Chat, mindURLs...), backends(remote.Speech, mouthURLs...)...)})
	pieces, textBytes, samples := 0, 0, 0
	// heard compares what the relay gave with what the servers say themselves.
	heard := func(what, text, wanted string, pcm []byte) {
		mu.Lock()
		defer mu.Unlock()
		if spoken := strings.Join(sentences, " "); text != wanted || !slices.Equal(strings.Fields(spoken), strings.Fields(text)) {
			t.Errorf("%s: the relay says %q and had %q spoken, the server itself says %q", what, text, spoken, wanted)
		}
		var sound []byte
		for _, s := range sentences {
			_, data := direct.exchange("/v1/audio/speech", fmt.Sprintf(`{"response_format":"pcm","input":%q}`, s))
			sound = append(sound, data...)
			textBytes += len(s)
		}
		if !bytes.Equal(pcm, sound) {
			t.Errorf("%s: %d bytes of sound, want %d", what, len(pcm), len(sound))
		}
		pieces += len(sentences)
		samples += len(sound) / 2
		sentences = nil
	}
	for i := range 3 {
		body := fmt.Sprintf(`"max_tokens":24,"seed":%d,%s}`, i, hello)
		want := *direct.chat(`{` + body).Choices[0].Message.Content
		body = `"modalities":["text","audio"],` + body
		got := h.chat(`{` + body)
		wav, err := base64.StdEncoding.DecodeString(got.Choices[1].Message.Audio.Data)
		if err != nil {
			t.Fatal(err)
		}
		_, pcm, err := audio.ParseWAV(wav)
		if err != nil {
			t.Fatal(err)
		}
		heard(fmt.Sprintf("seed %d", i), *got.Choices[0].Message.Content, want, pcm)
		r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"stream":true,`+body)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := readStream(t, r.Body, nil)
		r.Body.Close()
		if err != nil || len(stream.finishes) != 1 {
			t.Errorf("seed %d: %v, %v", i, stream.finishes, err)
		}
		heard(fmt.Sprintf("seed %d, streamed", i), stream.text, want, stream.pcm)
	}
	if pieces == 0 || samples == 0 {
		t.Fatal("nothing was spoken")
	}
	page := settled(t, h)
	total := func(family string, stage int) float64 {
		values := ofReplicas(page, family, stage)
		return values[0] + values[1] + values[2]
	}
	const stop, length, failed = `vllm:omni_requests_success_total{finished_reason="stop"}`, `vllm:omni_requests_success_total{finished_reason="length"}`, `vllm:omni_requests_success_total{finished_reason="error"}`
	for what, c := range map[string][2]float64{
		"ends":           {page[stop] + page[length], 6},
		"first packets":  {total("vllm:omni_audio_ttfp_s_count", 1), 3},
		"underruns":      {total("vllm:omni_audio_underrun_s_count", 1), 3},
		"sounds":         {total("vllm:omni_audio_duration_s_count", 1), 6},
		"samples":        {total("vllm:omni_audio_frames_total", 1), float64(samples)},
		"samples behind": {sum(mouths, `vllm:omni_audio_frames_total{replica="0",stage="2"}`), float64(samples)},
		"speech behind":  {sum(mouths, stop) + sum(mouths, length), float64(pieces)},
		"chats behind":   {sum(minds, stop) + sum(minds, length), 6},
		"errors behind":  {sum(minds, failed) + sum(mouths, failed), 0},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %v, want %v", what, c[0], c[1])
		}
	}
	hops, carried := 0.0, 0.0
	for from := range 3 {
		for k := range 2 {
			if ofReplicas(page, `limelight_stage_part_seconds_count{part="work"}`, k)[from] == 0 {
				t.Errorf("replica %d of stage %d had nothing to do", from, k)
			}
		}
		for to := range 3 {
			edge := fmt.Sprintf(`{from_replica="%d",from_stage="0",to_replica="%d",to_stage="1"}`, from, to)
			hops += page["vllm:omni_transfer_size_bytes_count"+edge]
			carried += page["vllm:omni_transfer_size_bytes_sum"+edge]
		}
	}
	if hops != float64(pieces) || carried != float64(textBytes) {
		t.Errorf("%v hops of %v bytes, want %d of %d", hops, carried, pieces, textBytes)
	}
}

// A recording is written down first; what the others say is what they say to
// its text.
func TestRecordingIsAnsweredAsItsTextByAChainOfLimelights(t *testing.T) {
	ears := fake(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"text":"what is new"}`) })
	mind, mouth := serve(t, pipeline.Options{}), serve(t, greedy())
	h := relayTo(t, pipeline.RelayOptions{Backends: append(append(backends(remote.Transcription, ears), backends(remote.Chat, mind.url)...), backends(remote.Speech, mouth.url)...)})
	says := func(h *host, modalities, part string) chatReply {
		return h.chat(`{` + modalities + `"max_tokens":24,"seed":7,"messages":[{"role":"user","content":[` + part + `]}]}`)
	}
	want := says(mind, "", `{"type":"text","text":"what is new"}`)
	got := says(h, `"modalities":["text","audio"],`, `{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}`)
	if *got.Choices[0].Message.Content != *want.Choices[0].Message.Content || got.Usage != want.Usage || len(got.Choices[1].Message.Audio.Data) < 1000 {
		t.Errorf("%q and %d bytes of sound, %+v; want %q, %+v", *got.Choices[0].Message.Content, len(got.Choices[1].Message.Audio.Data), got.Usage, *want.Choices[0].Message.Content, want.Usage)
	}
	wants(t, settled(t, h), map[string]float64{
		`vllm:omni_transfer_size_bytes_sum{from_replica="0",from_stage="0",to_replica="0",to_stage="1"}`: float64(len("what is new")),
		`vllm:omni_audio_duration_s_count{replica="0",stage="2"}`:                                        1,
		"vllm:omni_e2e_request_latency_s_count":                                                          1,
	})
}
