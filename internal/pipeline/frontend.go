package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/internal/config"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/internal/model/tokenizer"
)

// TinyName is the name of the built-in model.
const TinyName = "limelight-tiny"

// Frontend is the model as the server sees it: its name, its prompts, its
// voices and its default parameters.
type Frontend struct {
	name        string
	about       string
	model       *qwen3omni.Model
	tok         tokenizer.Tokenizer
	maxModelLen int
	// talkerLen bounds the talker's rows: its prefill, which is no longer than
	// the prompt and its head, and one row a frame.
	talkerLen int
	sampling  map[string]config.Sampling // by stage name: what was configured
}

// loadModel finds the model and what turns its ids into text.
func loadModel(o Options) (*Frontend, error) {
	f := &Frontend{name: o.ServedName, sampling: o.Sampling}
	if o.Model == "" {
		f.model = qwen3omni.Tiny()
		f.tok = tokenizer.NewPieces(qwen3omni.TinyVocabulary())
		f.about = "limelight-tiny: Qwen3-Omni's architecture at tiny size with random weights, made at start. Its words and sounds are noise by design; its scheduling, transfers, streaming, PCM and metrics are real."
		if f.name == "" {
			f.name = TinyName
		}
		o.Log.Info(f.about)
	} else {
		if err := checkDirectory(o.Model); err != nil {
			return nil, err
		}
		var err error
		if f.model, err = qwen3omni.Load(o.Model); err != nil {
			return nil, err
		}
		if vocab := f.model.Thinker.Vocab(); vocab < 256 {
			return nil, errors.Join(fmt.Errorf("model %s: config.json: thinker_config.text_config.vocab_size: %d tokens are too few for the byte-level tokenizer, which needs 256", o.Model, vocab), f.model.Close())
		}
		f.tok = tokenizer.Bytes{}
		f.model.Config.Newline = '\n'
		f.about = "served with a byte-level tokenizer: the text of prompts and replies is not what the model was trained with"
		if f.name == "" {
			f.name = o.Model
		}
		o.Log.Warn("no tokenizer is loaded: "+f.about, "model", o.Model)
	}
	f.maxModelLen = f.model.Config.Thinker.MaxPositions
	if o.MaxModelLen > 0 {
		f.maxModelLen = min(f.maxModelLen, o.MaxModelLen)
	}
	var thinker, talker error
	f.maxModelLen, thinker = o.bound(Thinker, f.maxModelLen, f.model.Thinker.Decoder())
	f.talkerLen, talker = o.bound(Talker, f.model.Config.Talker.MaxPositions, f.model.Talker.Decoder())
	if err := errors.Join(thinker, talker); err != nil {
		return nil, errors.Join(err, f.model.Close())
	}
	return f, nil
}

// checkDirectory says what is wrong with a MODEL that is no directory.
func checkDirectory(model string) error {
	info, err := os.Stat(model)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("model %s: is a file; MODEL is a directory with config.json and safetensors files", model)
	case errors.Is(err, fs.ErrNotExist) && strings.Count(model, "/") == 1 && !filepath.IsAbs(model) && model[0] != '.':
		return fmt.Errorf("model %s: there is no such directory, and models are not downloaded: fetch the model first and name its directory, or leave MODEL out to serve %s", model, TinyName)
	}
	return fmt.Errorf("model: %w", err)
}

// Name is the model's served name.
func (f *Frontend) Name() string { return f.name }

// About says in a sentence or two what the model is.
func (f *Frontend) About() string { return f.about }

// MaxModelLen bounds prompt and reply together, in tokens.
func (f *Frontend) MaxModelLen() int { return f.maxModelLen }

// Voices lists the speakers.
func (f *Frontend) Voices() []string { return f.model.Config.Voices() }

// SpokenPrompt is the number of rows that the talker makes of a prompt, and the
// length of its sequences.
func (f *Frontend) SpokenPrompt(tokens []int32) (taken, most int, err error) {
	rows, _, err := f.model.Config.TalkerPromptRows(tokens)
	return qwen3omni.PrefillRows(len(rows)), f.talkerLen, err
}

// SpeechEntry is the stage that speech requests start at.
func (f *Frontend) SpeechEntry() int { return Talker }

// ChatPrompt renders a conversation in Qwen's chat form and opens the
// assistant's turn.
func (f *Frontend) ChatPrompt(messages []engine.Message) []int32 {
	c := f.model.Config
	var ids []int32
	open := func(role int32) {
		ids = append(ids, c.IMStart, role, c.Newline)
	}
	for _, m := range messages {
		switch m.Role {
		case "system":
			open(c.System)
		case "assistant":
			open(c.Assistant)
		default:
			open(c.User)
		}
		ids = append(ids, f.tok.Encode(m.Content)...)
		ids = append(ids, c.IMEnd, c.Newline)
	}
	open(c.Assistant)
	return ids
}

// TextPrompt makes the tokens of a text as it stands, without a turn around it.
func (f *Frontend) TextPrompt(text string) []int32 { return f.tok.Encode(text) }

// Text is the text of tokens.
func (f *Frontend) Text(tokens []int32) string {
	d := f.tok.NewDecoder()
	var text []byte
	for _, id := range tokens {
		text = d.Append(text, id)
	}
	return string(d.Flush(text))
}

// SpeechPrompt makes the tokens to speak from text.
func (f *Frontend) SpeechPrompt(text string) []int32 { return f.tok.Encode(text) }

// KnowsVoice says whether a speaker exists; the empty name is the default one.
func (f *Frontend) KnowsVoice(name string) bool {
	return name == "" || slices.Contains(f.Voices(), strings.ToLower(name))
}

// Sampling returns each stage's default parameters, without seeds.
func (f *Frontend) Sampling() []engine.Sampling {
	g := f.model.Generation
	return []engine.Sampling{
		sampling(g.Thinker, f.sampling[stageNames[Thinker]], f.maxModelLen),
		sampling(g.Talker, f.sampling[stageNames[Talker]], f.talkerLen),
		{TopP: 1, RepetitionPenalty: 1, MaxTokens: 1}, // code2wav samples nothing
	}
}

// Vocabulary is the number of tokens that a stage chooses from: code2wav
// chooses none.
func (f *Frontend) Vocabulary(stage int) int {
	switch stage {
	case Thinker:
		return f.model.Thinker.Vocab()
	case Talker:
		return f.model.Talker.Vocab()
	}
	return 0
}

// Spellings are the token sequences that spell a word, at the beginning of a
// text and behind a space, which many vocabularies have words begin with. It is
// empty when nothing spells it.
func (f *Frontend) Spellings(word string) [][]int32 {
	word = strings.TrimLeft(word, " ")
	bare, spaced := f.tok.Encode(word), f.tok.Encode(" "+word)
	switch {
	case len(bare) == 0:
		return nil
	case slices.Equal(spaced[1:], bare):
		return [][]int32{bare} // the space stands alone
	}
	return [][]int32{bare, spaced}
}

// sampling is the model's default for one stage with what was configured put
// over it. Tokens are bounded by the model's length, which the engine holds to.
func sampling(g qwen3omni.SamplingConfig, set config.Sampling, length int) engine.Sampling {
	s := engine.Sampling{
		Temperature: g.Temperature, TopP: g.TopP, TopK: g.TopK,
		RepetitionPenalty: g.RepetitionPenalty, MaxTokens: min(g.MaxNewTokens, length),
	}
	if !g.DoSample {
		s.Temperature = 0
	}
	assign(&s.Temperature, set.Temperature)
	assign(&s.TopP, set.TopP)
	assign(&s.TopK, set.TopK)
	assign(&s.MinP, set.MinP)
	assign(&s.RepetitionPenalty, set.RepetitionPenalty)
	assign(&s.PresencePenalty, set.PresencePenalty)
	assign(&s.FrequencyPenalty, set.FrequencyPenalty)
	assign(&s.MaxTokens, set.MaxTokens)
	s.MaxTokens = min(s.MaxTokens, length)
	return s
}

func assign[T any](to *T, set *T) {
	if set != nil {
		*to = *set
	}
}
