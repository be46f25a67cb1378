package qwen3omni

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// talkerCase is one of golden.json's talker_cases.
type talkerCase struct {
	Speaker  string  `json:"speaker"`
	Tokens   int     `json:"thinker_max_new_tokens"`
	NewIDs   []int32 `json:"thinker_new_ids"`
	MaxCodes int     `json:"talker_max_new_tokens"`
}

func talkerCases(t *testing.T) map[string]talkerCase {
	t.Helper()
	data, err := os.ReadFile(setA + "/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases map[string]talkerCase `json:"talker_cases"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no talker cases")
	}
	return file.Cases
}

// speech is a run of the talker and everything that it computed on the way.
type speech struct {
	tokens, codes          []int32
	stepLogits, scores     []float32
	pastHidden, stepInputs []float32
	predictorInputs        []float32 // of frame 0
	predictorHidden        [][]float32
	predictorLogits        []float32
	prefillHidden          [][]float32
	frames                 int
}

// speak is a plain greedy loop around the talker. More is called when a text
// row does not exist yet, to make it exist.
func speak(m *Model, in *TalkerInput, maxTokens int, penalty float32, more func()) speech {
	var out speech
	t, d := m.Talker, m.Talker.Decoder()
	h, vocab := d.Hidden(), t.Vocab()
	s, ps := d.NewScratch(), t.Predictor().NewScratch()
	residual := t.Predictor().Groups() - 1
	rows, ok := in.Prefill()
	for ; !ok; rows, ok = in.Prefill() {
		more()
	}
	prefill := len(rows) / h
	kv := d.NewKVCache(1, prefill+maxTokens)
	seen := make([]bool, vocab)

	s.observer.hidden = func(_ int, x []float32) { out.prefillHidden = append(out.prefillHidden, slices.Clone(x)) }
	x := slices.Clone(rows)
	d.Forward(s, x, []Segment{{Rows: prefill, Blocks: []int32{0}}}, kv)
	s.observer.hidden = nil
	out.prefillHidden[len(out.prefillHidden)-1] = slices.Clone(x) // the reference lists the final norm's output last
	ps.scratch.observer.hidden = func(_ int, x []float32) {
		if out.frames == 0 && len(x) == 2*h {
			out.predictorHidden = append(out.predictorHidden, slices.Clone(x))
		}
	}
	for at := prefill; ; at++ {
		past := x[len(x)-h:]
		logits := make([]float32, vocab)
		t.Logits(logits, past, 1)
		out.stepLogits = append(out.stepLogits, logits...)
		out.pastHidden = append(out.pastHidden, past...)
		penalize(logits, seen, penalty)
		t.Suppress(logits)
		out.scores = append(out.scores, logits[:m.Config.Code2Wav.CodebookSize]...)
		id := int32(tensor.ArgMax(logits))
		seen[id] = true
		out.tokens = append(out.tokens, id)
		if id == m.Config.CodecEOS() || len(out.tokens) == maxTokens {
			return out
		}

		embed := make([]float32, h)
		t.EmbedCode(embed, id)
		sum := slices.Clone(embed)
		if out.frames == 0 {
			out.predictorInputs = slices.Concat(past, embed)
		}
		codes := make([]int32, residual)
		t.Predictor().Predict(ps, past, embed, func(_, _ int, logits []float32) int32 {
			out.predictorLogits = append(out.predictorLogits, logits...)
			return int32(tensor.ArgMax(logits))
		}, codes, sum)
		out.codes = append(append(out.codes, id), codes...)
		text, ok := in.TextRow(out.frames)
		for ; !ok; text, ok = in.TextRow(out.frames) {
			more()
		}
		out.frames++
		tensor.Add(sum, text)
		out.stepInputs = append(out.stepInputs, sum...)
		x = sum
		d.Forward(s, x, []Segment{{Rows: 1, Start: at, Blocks: []int32{0}}}, kv)
	}
}

// penalize is the repetition penalty of the reference.
func penalize(scores []float32, seen []bool, penalty float32) {
	for id, was := range seen {
		switch {
		case !was:
		case scores[id] < 0:
			scores[id] *= penalty
		default:
			scores[id] /= penalty
		}
	}
}

// wholeInput is a talker input whose text is complete from the start.
func wholeInput(t *testing.T, m *Model, voice string, prompt []int32, embeds []float32) *TalkerInput {
	t.Helper()
	in, err := NewTalkerInput(m.Talker, voice)
	if err != nil {
		t.Fatal(err)
	}
	rows, text, err := m.Config.TalkerPromptRows(prompt)
	if err != nil {
		t.Fatal(err)
	}
	in.AddPrompt(gather(m, embeds, rows))
	in.AddText(gather(m, embeds, text))
	in.AddText(embeds[len(prompt)*m.Thinker.Decoder().Hidden():])
	in.EndText()
	return in
}

func gather(m *Model, embeds []float32, rows []int) []float32 {
	h := m.Thinker.Decoder().Hidden()
	var out []float32
	for _, at := range rows {
		out = append(out, embeds[at*h:(at+1)*h]...)
	}
	return out
}

func TestTalkerMatchesTheReference(t *testing.T) {
	m := loadSetA(t)
	for name, c := range talkerCases(t) {
		t.Run(name, func(t *testing.T) {
			g := openGolden(t)
			name := "talker." + name + "."
			prompt := g.ids(name + "input_ids")
			ids, embeds, accepted := generate(m, prompt, c.Tokens)
			g.same(name+"thinker_sequences", ids)
			if !slices.Equal(ids[len(prompt):], c.NewIDs) {
				t.Errorf("thinker wrote %v, want %v", ids[len(prompt):], c.NewIDs)
			}
			g.near(name+"thinker_embed", embeds, hiddenTolerance)
			g.near(name+"thinker_accept_hidden", accepted, hiddenTolerance)

			tk, h := m.Talker, m.Talker.Decoder().Hidden()
			probe := make([]float32, len(ids[1:])*h)
			tk.ProjectHidden(&Scratch{}, probe, accepted, len(ids)-1)
			g.near(name+"hidden_projection_of_accept", probe, hiddenTolerance)
			g.near(name+"tts_bos_embed", tk.ttsBOS, hiddenTolerance)
			g.near(name+"tts_eos_embed", tk.ttsEOS, hiddenTolerance)
			g.near(name+"tts_pad_embed", tk.ttsPad, hiddenTolerance)

			in := wholeInput(t, m, c.Speaker, prompt, embeds)
			rows, ok := in.Prefill()
			if !ok {
				t.Fatal("no prefill though the text is complete")
			}
			g.near(name+"prefill_inputs_embeds", rows, hiddenTolerance)
			if got, want := len(rows)/h, len(g.ids(name+"talker_input_ids")); got != want {
				t.Errorf("prefill of %d rows, want %d", got, want)
			}
			g.near(name+"assistant_part", rows[len(rows)-9*h:], hiddenTolerance)
			at := 0
			for i := 0; at < len(rows)-9*h; i++ {
				part := fmt.Sprintf("%suser_part.%d", name, i)
				n := len(g.floats(part))
				g.near(part, rows[at:at+n], hiddenTolerance)
				at += n
			}
			trailing := g.floats(name + "trailing_text_hidden")
			var got []float32
			for k := range len(trailing) / h {
				row, _ := in.TextRow(k)
				got = append(got, row...)
			}
			g.near(name+"trailing_text_hidden", got, hiddenTolerance)
			for k := range 3 {
				if row, ok := in.TextRow(len(trailing)/h + k); !ok || !slices.Equal(row, tk.ttsPad) {
					t.Errorf("row %d behind the text is not padding", k)
				}
			}

			out := speak(m, in, c.MaxCodes, 1, nil)
			checkSpeech(g, name, out)
			for i, x := range out.prefillHidden {
				want := i + 1
				g.near(fmt.Sprintf("%sprefill_hidden.%d", name, want), x, hiddenTolerance)
			}
			g.near(name+"prefill_hidden.0", rows, hiddenTolerance)
			g.near(name+"cp.first_inputs_embeds", out.predictorInputs, hiddenTolerance)
			g.near(name+"cp.first_prefill_hidden.0", out.predictorInputs, hiddenTolerance)
			for i, x := range out.predictorHidden[:len(out.predictorHidden)-1] {
				g.near(fmt.Sprintf("%scp.first_prefill_hidden.%d", name, i+1), x, hiddenTolerance)
			}
			last := slices.Clone(out.predictorHidden[len(out.predictorHidden)-1])
			tensor.RMSNormRows(last, last, tk.predictor.decoder.norm, tk.predictor.decoder.cfg.Eps, 2)
			g.near(fmt.Sprintf("%scp.first_prefill_hidden.%d", name, len(out.predictorHidden)), last, hiddenTolerance)
		})
	}
}

func checkSpeech(g golden, name string, out speech) {
	g.t.Helper()
	residual := len(out.predictorLogits) / out.frames
	g.same(name+"codec_tokens", out.tokens)
	g.same(name+"codes", out.codes)
	vocab := len(out.stepLogits) / len(out.tokens)
	g.near(name+"first_logits", out.stepLogits[:vocab], hiddenTolerance)
	g.near(name+"step_logits", out.stepLogits, hiddenTolerance)
	g.near(name+"past_hidden", out.pastHidden, hiddenTolerance)
	g.near(name+"step_inputs_embeds", out.stepInputs, hiddenTolerance)
	g.near(name+"cp.first_logits", out.predictorLogits[:residual], predictorTolerance)
	g.near(name+"cp.logits", out.predictorLogits, predictorTolerance)
}

func TestTalkerWithRepetitionPenaltyMatchesTheReference(t *testing.T) {
	m := loadSetA(t)
	g := openGolden(t)
	const name = "talker.c0."
	c := talkerCases(t)["c0"]
	prompt := g.ids(name + "input_ids")
	out := speak(m, wholeInput(t, m, c.Speaker, prompt, g.floats(name+"thinker_embed")), c.MaxCodes, 1.05, nil)
	g.same(name+"rp105.codec_tokens", out.tokens)
	g.same(name+"rp105.codes", out.codes)
	g.near(name+"rp105.step_scores", out.scores, hiddenTolerance)
	if slices.Equal(out.tokens, g.ids(name+"codec_tokens")) {
		t.Error("the penalty changed nothing")
	}
}

// Text that reaches the talker token by token must give the frames that the
// whole text gives.
func TestTalkerFedAsTextAppearsMakesTheSameFrames(t *testing.T) {
	m := loadSetA(t)
	g := openGolden(t)
	h := m.Thinker.Decoder().Hidden()
	for name, c := range talkerCases(t) {
		t.Run(name, func(t *testing.T) {
			name := "talker." + name + "."
			prompt, embeds := g.ids(name+"input_ids"), g.floats(name+"thinker_embed")
			rows, _, err := m.Config.TalkerPromptRows(prompt)
			if err != nil {
				t.Fatal(err)
			}
			in, err := NewTalkerInput(m.Talker, c.Speaker)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range rows {
				in.AddPrompt(embeds[at*h : (at+1)*h])
			}
			left := embeds[len(prompt)*h:]
			waits := 0
			out := speak(m, in, c.MaxCodes, 1, func() {
				waits++
				if len(left) == 0 {
					in.EndText()
					return
				}
				in.AddText(left[:h])
				left = left[h:]
			})
			g.same(name+"codec_tokens", out.tokens)
			g.same(name+"codes", out.codes)
			whole := speak(m, wholeInput(t, m, c.Speaker, prompt, embeds), c.MaxCodes, 1, nil)
			if !slices.Equal(bits(out.stepInputs), bits(whole.stepInputs)) {
				t.Error("the inputs differ from those of the whole text")
			}
			if want := min(c.MaxCodes, c.Tokens); waits != want {
				t.Errorf("the talker waited for %d rows, want %d", waits, want)
			}
		})
	}
}

func bits(x []float32) []uint32 {
	out := make([]uint32, len(x))
	for i, v := range x {
		out[i] = math.Float32bits(v)
	}
	return out
}
