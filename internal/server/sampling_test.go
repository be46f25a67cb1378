package server

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/pipeline"
)

func TestStopParametersEndTheReply(t *testing.T) {
	h := serve(t, pipeline.Options{})
	const base = `"seed":3,"max_tokens":30,"min_tokens":20`
	whole, _ := h.one(base)
	stop := whole.text[len(whole.text)-9 : len(whole.text)-4] // the last tokens, behind min_tokens
	before, _, _ := strings.Cut(whole.text, stop)
	quoted, _ := json.Marshal(stop)

	got, tokens := h.one(fmt.Sprintf(`%s,"stop":["~~",%s]`, base, quoted))
	if got.text != before || got.finish != "stop" || got.stop != stop || tokens < 20 {
		t.Errorf("%+v after %d tokens, want %q", got, tokens, before)
	}
	if got, _ := h.one(fmt.Sprintf(`%s,"stop":%s,"include_stop_str_in_output":true`, base, quoted)); got.text != before+stop {
		t.Errorf("%q, want %q", got.text, before+stop)
	}
}

func TestStopTokenIsTheStopReason(t *testing.T) {
	h := serve(t, pipeline.Options{})
	id := h.id(" time")
	got, tokens := h.one(fmt.Sprintf(`"logit_bias":{"%d":100},"stop_token_ids":[%d],"min_tokens":3`, id, id))
	if got.finish != "stop" || got.stop != float64(id) || tokens < 4 || strings.HasSuffix(got.text, " time") {
		t.Errorf("%+v after %d tokens", got, tokens)
	}
}

func TestRepetitionIsAFinishReason(t *testing.T) {
	h := serve(t, pipeline.Options{})
	bias := fmt.Sprintf(`"logit_bias":{"%d":100}`, h.id(" time"))
	got, tokens := h.one(bias + `,"repetition_detection":{"max_pattern_size":2,"min_count":5}`)
	if want := (written{text: strings.Repeat(" time", 5), finish: "repetition", stop: "repetition_detected"}); got.text != want.text || got.finish != want.finish || got.stop != want.stop || tokens != 5 {
		t.Errorf("%+v after %d tokens", got, tokens)
	}
	if n := h.page()[`vllm:omni_requests_success_total{finished_reason="repetition"}`]; n != 2 {
		t.Errorf("%v requests ended as repetition, want 2", n)
	}
}

func TestParametersShapeTheChoiceOfTokens(t *testing.T) {
	h := serve(t, pipeline.Options{})
	words := fmt.Sprintf(`"max_tokens":12,"allowed_token_ids":[%d,%d]`, h.id(" time"), h.id(" water"))
	likely := fmt.Sprintf(`,"logit_bias":{"%d":20}`, h.id(" time"))
	greedy, _ := h.one(`"temperature":0,"max_tokens":12`)
	count := func(params string) (time, water int) {
		t.Helper()
		got, _ := h.one(params)
		time, water = strings.Count(got.text, " time"), strings.Count(got.text, " water")
		if len(got.text) != 5*time+6*water {
			t.Errorf("%s: %q has other words", params, got.text)
		}
		return time, water
	}
	if time, water := count(words + `,"seed":1`); time == 0 || water == 0 || time+water != 12 {
		t.Errorf("allowed tokens: %d and %d", time, water)
	}
	if time, water := count(words + likely); time != 12 || water != 0 {
		t.Errorf("bias: %d and %d", time, water)
	}
	if time, water := count(words + likely + `,"bad_words":["time"]`); time != 0 || water != 12 {
		t.Errorf("bad words: %d and %d", time, water)
	}
	close := fmt.Sprintf(`,"temperature":0,"logit_bias":{"%d":-8.5,"%d":-10}`, h.id(" time"), h.id(" water"))
	if time, water := count(words + close); time != 12 || water != 0 {
		t.Fatalf("greedy: %d and %d", time, water)
	}
	for _, penalty := range []string{`"frequency_penalty":2`, `"presence_penalty":2`, `"repetition_penalty":2`} {
		if time, water := count(words + close + `,` + penalty); min(time, water) == 0 {
			t.Errorf("%s: %d and %d", penalty, time, water)
		}
	}
	for _, param := range []string{`"top_k":1`, `"top_p":1e-9`, `"min_p":1`, `"temperature":1e-4`} {
		if got, _ := h.one(`"max_tokens":12,` + param); got.text != greedy.text {
			t.Errorf("%s: %q, want the greedy reply %q", param, got.text, greedy.text)
		}
	}
	off, _ := h.one(`"max_tokens":12,"seed":9`)
	if got, _ := h.one(`"max_tokens":12,"seed":9,"top_k":-1,"top_p":1,"min_p":0,"presence_penalty":0,"frequency_penalty":0,"repetition_penalty":1,"temperature":1`); got.text != off.text || got.text == greedy.text {
		t.Errorf("parameters that ask for nothing: %q, want %q", got.text, off.text)
	}
}

func TestSeedOfMinusOneIsLeftOpen(t *testing.T) {
	h := serve(t, pipeline.Options{})
	ask := func(seed string) string {
		r, data := h.exchange("/v1/chat/completions", `{"max_tokens":20,"ignore_eos":true,"seed":`+seed+`,`+hello+`}`)
		var reply writtenReply
		if err := json.Unmarshal(data, &reply); err != nil || r.StatusCode != 200 {
			t.Fatalf("%s, %v", data, err)
		}
		return reply.Choices[0].Message.Content
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{{"5", "5", true}, {"5", "6", false}, {"-1", "-1", false}} {
		if a, b := ask(c.a), ask(c.b); (a == b) != c.same {
			t.Errorf("seeds %s and %s: %q and %q", c.a, c.b, a, b)
		}
	}
}

func TestLogprobsComeWithEveryToken(t *testing.T) {
	h := serve(t, pipeline.Options{})
	got, tokens := h.one(`"seed":3,"max_tokens":15,"ignore_eos":true,"logprobs":true,"top_logprobs":4,"stop":["zzz"]`)
	if len(got.logprobs) != tokens || tokens != 15 {
		t.Fatalf("%d entries for %d tokens", len(got.logprobs), tokens)
	}
	text := ""
	for i, l := range got.logprobs {
		if !strings.HasPrefix(l.Token, "token_id:") {
			text += l.Token
			if len(l.Bytes) != len(l.Token) || int(l.Token[0]) != l.Bytes[0] {
				t.Errorf("token %d: %q has bytes %v", i, l.Token, l.Bytes)
			}
		}
		sum := 0.0
		for k, top := range l.Top {
			sum += math.Exp(top.Logprob)
			if k > 0 && top.Logprob > l.Top[k-1].Logprob || top.Top != nil {
				t.Errorf("token %d: %+v", i, l.Top)
			}
		}
		if len(l.Top) != 4 || sum > 1 || l.Logprob > l.Top[0].Logprob || l.Logprob >= 0 {
			t.Errorf("token %d: %+v", i, l)
		}
	}
	if text != got.text {
		t.Errorf("the entries spell %q, the reply %q", text, got.text)
	}
	if got, _ := h.one(`"max_tokens":3,"ignore_eos":true,"logprobs":true`); len(got.logprobs) != 3 || len(got.logprobs[0].Top) != 0 {
		t.Errorf("without top_logprobs: %+v", got.logprobs)
	}
}

func TestChoicesAreSampledFromOnePrompt(t *testing.T) {
	h := serve(t, pipeline.Options{MaxNumSeqs: 2}) // the third choice waits for a place
	const base = `"seed":40,"max_tokens":25`
	all, counted := h.write(base + `,"n":3`)
	if len(all) != 3 {
		t.Fatalf("%d choices", len(all))
	}
	tokens, prompt := 0, 0
	for i, c := range all {
		alone, u := h.write(fmt.Sprintf(`"seed":%d,"max_tokens":25`, 40+i))
		if c.text != alone[0].text || c.finish != alone[0].finish {
			t.Errorf("choice %d: %+v, with its seed alone %+v", i, c, alone[0])
		}
		tokens, prompt = tokens+u.Completion, u.Prompt
	}
	if all[0].text == all[1].text {
		t.Error("two choices are the same")
	}
	if want := (usage{prompt, tokens, prompt + tokens}); counted != want {
		t.Errorf("usage %+v, want %+v: the prompt once, the tokens of all", counted, want)
	}
	ended := 0.0
	for series, n := range h.page() {
		if strings.HasPrefix(series, "vllm:omni_requests_success_total") {
			ended += n
		}
	}
	if ended != 8 {
		t.Errorf("%v requests ended, want 2 of three choices and 6 of one", ended)
	}
}

func TestClientThatLeavesEndsAllChoicesOnce(t *testing.T) {
	h := serve(t, pipeline.Options{})
	r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"n":4,"stream":true,"max_tokens":4000,"ignore_eos":true,`+hello+`}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if err := h.pipeline.Orchestrator.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.page()[`vllm:omni_requests_success_total{finished_reason="abort"}`]; n != 1 {
		t.Errorf("%v aborts, want 1", n)
	}
}

func TestSamplingThatIsRefusedNamesTheParameter(t *testing.T) {
	h := serve(t, pipeline.Options{})
	thinker, talker := h.pipeline.Frontend.Vocabulary(pipeline.Thinker), h.pipeline.Frontend.Vocabulary(pipeline.Talker)
	list := func(stage int, object string) string {
		objects := []string{"{}", "{}", "{}"}
		objects[stage] = object
		return `"modalities":["text","audio"],"sampling_params_list":[` + strings.Join(objects, ",") + `]`
	}
	for _, c := range []struct{ params, param, message string }{
		{`"n":2,"modalities":["text","audio"]`, "n", "must be 1 with audio"},
		{`"n":2,"temperature":0`, "n", "must be 1 with temperature 0"},
		{`"n":0`, "n", "at least 1"},
		{`"temperature":2.5`, "temperature", "between 0 and 2"},
		{`"top_p":0`, "top_p", "greater than 0 and at most 1"},
		{`"top_k":-2`, "top_k", "at least -1"},
		{`"min_p":1.5`, "min_p", "between 0 and 1"},
		{`"presence_penalty":-2.1`, "presence_penalty", "between -2 and 2"},
		{`"frequency_penalty":3`, "frequency_penalty", "between -2 and 2"},
		{`"repetition_penalty":0`, "repetition_penalty", "greater than 0"},
		{`"max_tokens":0`, "max_tokens", "at least 1"},
		{`"min_tokens":5,"max_tokens":4`, "min_tokens", "at most the maximum of tokens, 4"},
		{`"stop":[""]`, "stop[0]", "must not be empty"},
		{fmt.Sprintf(`"stop_token_ids":[1,%d]`, thinker), "stop_token_ids[1]", fmt.Sprintf("0 to %d", thinker-1)},
		{fmt.Sprintf(`"allowed_token_ids":[%d]`, thinker), "allowed_token_ids[0]", "is not a token of stage thinker"},
		{fmt.Sprintf(`"logit_bias":{"%d":1}`, thinker), fmt.Sprintf("logit_bias.%d", thinker), "is not a token"},
		{`"logit_bias":{"1":-101}`, "logit_bias.1", "between -100 and 100"},
		{`"top_logprobs":21,"logprobs":true`, "top_logprobs", "at most 20"},
		{`"top_logprobs":2`, "top_logprobs", "logprobs must be true"},
		{`"repetition_detection":{"max_pattern_size":2,"min_count":1}`, "repetition_detection.min_count", "between 2 and 1024"},
		{`"prompt_logprobs":1`, "prompt_logprobs", "is not supported"},
		{`"guided_json":{}`, "guided_json", "is not supported"},
		{`"sampling_params_list":[{},{}]`, "sampling_params_list", "one object for each of the 3 stages, got 2"},
		{list(1, `{"temprature":1}`), "sampling_params_list[1].temprature", `did you mean "temperature"`},
		{list(1, `{"stop":"x"}`), "sampling_params_list[1].stop", "stage talker, which makes no text"},
		{list(1, `{"logprobs":1}`), "sampling_params_list[1].logprobs", "makes no text"},
		{list(1, `{"bad_words":["x"]}`), "sampling_params_list[1].bad_words", "makes no text"},
		{list(1, fmt.Sprintf(`{"stop_token_ids":[%d]}`, talker)), "sampling_params_list[1].stop_token_ids[0]", "is not a token of stage talker"},
		{list(2, `{"stop_token_ids":[1]}`), "sampling_params_list[2].stop_token_ids[0]", "stage code2wav, which chooses no tokens"},
		{list(0, `{"n":2}`), "sampling_params_list[0].n", "the request's own n"},
	} {
		r, data := h.exchange("/v1/chat/completions", `{`+c.params+`,`+hello+`}`)
		var body struct {
			Error struct{ Message, Param string }
		}
		if err := json.Unmarshal(data, &body); err != nil || r.StatusCode != 400 || body.Error.Param != c.param || !strings.Contains(body.Error.Message, c.message) {
			t.Errorf("%s: status %d: %s", c.params, r.StatusCode, data)
		}
	}
}

func TestEachStageHasItsOwnParameters(t *testing.T) {
	h := serve(t, pipeline.Options{})
	sound := func(params string) int {
		t.Helper()
		reply := h.chat(`{"modalities":["text","audio"],"seed":2,"max_tokens":8,"ignore_eos":true,"sampling_params_list":[` + params + `],` + hello + `}`)
		return len(reply.Choices[1].Message.Audio.Data)
	}
	base := sound(`{},{"max_tokens":20,"ignore_eos":true},{}`)
	// A code that is sure to come, and stops the talker at the tenth.
	if n := sound(`{},{"max_tokens":20,"ignore_eos":true,"logit_bias":{"7":100},"stop_token_ids":[7],"min_tokens":9},{}`); n >= base {
		t.Errorf("a stop code of the talker: %d bytes of sound, %d without it", n, base)
	}
	// What the reference's clients send for a stage that samples nothing.
	if n := sound(`{},{"max_tokens":20,"ignore_eos":true},{"temperature":0.0,"top_p":1.0,"top_k":-1,"max_tokens":65536,"seed":42,"detokenize":true,"repetition_penalty":1.1}`); n != base {
		t.Errorf("%d bytes of sound, want %d", n, base)
	}
	reply := h.chat(`{"sampling_params_list":[{"max_tokens":3,"ignore_eos":true,"logprobs":2},{},{}],` + hello + `}`)
	if reply.Usage.Completion != 3 || reply.Choices[0].Finish != "length" {
		t.Errorf("%+v", reply)
	}
}
