package qwen3omni

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// replyLengths sums up many replies of the tiny model.
type replyLengths struct {
	replies, stopped, cut int // stopped by the end of the message, cut at the limit
	speechCut             int // speech that did not end by itself
	fitting               int // 2 to 8 s of sound
	tokens, characters    int // characters are single ones
}

func measureReplies(p *player, n int, each func(reply)) replyLengths {
	var sum replyLengths
	voices := p.m.Config.Voices()
	for seed := range uint64(n) {
		out := p.reply(seed, tinyPrompt(p.m.Config, rand.New(rand.NewPCG(seed, 2))), voices[seed%uint64(len(voices))])
		sum.replies++
		if out.textEnded {
			sum.stopped++
		} else {
			sum.cut++
		}
		if len(out.codes) > 0 && !out.ended {
			sum.speechCut++
		}
		if n := len(out.codes); n >= 25 && n <= 100 { // frames of 80 ms
			sum.fitting++
		}
		for _, id := range out.tokens {
			sum.tokens++
			if id < 96 {
				sum.characters++
			}
		}
		each(out)
	}
	return sum
}

func TestTinyRepliesHaveTheLengthOfShortAnswers(t *testing.T) {
	m := Tiny()
	sum := measureReplies(newPlayer(m), tinyReplies, func(out reply) {
		for _, id := range out.tokens {
			if int(id) >= len(TinyVocabulary()) && id != m.Config.IMEnd {
				t.Errorf("the special id %d was written", id)
			}
		}
		if len(out.tokens) > m.Generation.Thinker.MaxNewTokens || len(out.codes) >= m.Generation.Talker.MaxNewTokens {
			t.Errorf("%d tokens and %d frames are past the limits", len(out.tokens), len(out.codes))
		}
	})
	if sum.stopped < sum.replies/4 || sum.cut < sum.replies/10 {
		t.Errorf("%d of %d replies ended by themselves, %d at the limit; both must be common", sum.stopped, sum.replies, sum.cut)
	}
	if sum.fitting*10 <= sum.replies*6 {
		t.Errorf("%d of %d replies have 2 to 8 s of sound, want more than 60 %%", sum.fitting, sum.replies)
	}
	if sum.speechCut*20 > sum.replies {
		t.Errorf("the speech of %d of %d replies did not end by itself", sum.speechCut, sum.replies)
	}
	if sum.characters*10 > sum.tokens {
		t.Errorf("%d of %d tokens are single characters, want words", sum.characters, sum.tokens)
	}
}

func TestTinySoundIsNeitherSilentNorClipped(t *testing.T) {
	m := Tiny()
	p := newPlayer(m)
	scratch := m.Code2Wav.NewScratch()
	for seed := range uint64(tinySounds) {
		out := p.reply(seed, tinyPrompt(m.Config, rand.New(rand.NewPCG(seed, 3))), "chelsie")
		if len(out.codes) < 10 {
			continue
		}
		sound, err := m.Code2Wav.NewStream().Decode(scratch, nil, slices.Concat(out.codes...))
		if err != nil {
			t.Fatal(err)
		}
		var peak float32
		for _, v := range sound {
			peak = max(peak, v, -v)
		}
		if peak < 0.2 || peak > 0.95 {
			t.Errorf("seed %d: the peak of %d frames is %.2f, want 0.2 to 0.95", seed, len(out.codes), peak)
		}
	}
}

func TestTinyIsTheSameModelEachTime(t *testing.T) {
	prompt := tinyPrompt(tinyConfig(), rand.New(rand.NewPCG(1, 4)))
	a := newPlayer(Tiny()).reply(1, prompt, "aiden")
	b := newPlayer(Tiny()).reply(1, prompt, "aiden")
	if !slices.Equal(a.tokens, b.tokens) || !slices.EqualFunc(a.codes, b.codes, slices.Equal) {
		t.Error("two instances gave different replies")
	}
}

// The configuration is not read from a file, so nothing else holds it to the
// file's rules.
func TestTinyConfigKeepsTheRulesOfAFile(t *testing.T) {
	c := tinyConfig()
	pieces := TinyVocabulary()
	special := []int32{c.IMStart, c.IMEnd, c.TTSPad, c.TTSBOS, c.TTSEOS, c.System, c.User, c.Assistant}
	special = append(special, c.Thinker.Placeholders...)
	slices.Sort(special)
	for i, id := range special {
		if int(id) != len(pieces)+i {
			t.Errorf("special id %d, want %d", id, len(pieces)+i)
		}
	}
	if c.Thinker.Vocab != len(pieces)+len(special) {
		t.Errorf("vocabulary of %d, want %d", c.Thinker.Vocab, len(pieces)+len(special))
	}
	parsed, err := ParseConfig(treeJSON(t, configTree(c, false)))
	if err != nil {
		t.Fatal(err)
	}
	parsed.Newline = c.Newline // not in the file
	if diff := cmp.Diff(c, parsed); diff != "" {
		t.Errorf("written to a config.json and read again (-want +got):\n%s", diff)
	}
}

func TestTinyVocabularyHasNoPieceTwice(t *testing.T) {
	pieces := TinyVocabulary()
	if pieces[0] != "\n" || pieces[1] != " " || pieces[95] != "~" || !strings.HasPrefix(pieces[96], " ") {
		t.Errorf("pieces begin %q", pieces[:97])
	}
	seen := map[string]bool{}
	for _, p := range pieces {
		if seen[p] {
			t.Errorf("%q is twice in the vocabulary", p)
		}
		seen[p] = true
	}
}

// BenchmarkTinyReply makes whole replies, text and codec frames, and reports
// how long they are.
func BenchmarkTinyReply(b *testing.B) {
	p := newPlayer(Tiny())
	frames := 0
	b.ReportAllocs()
	sum := measureReplies(p, b.N, func(out reply) { frames += len(out.codes) })
	b.ReportMetric(100*float64(sum.fitting)/float64(sum.replies), "%2-8s")
	b.ReportMetric(100*float64(sum.cut)/float64(sum.replies), "%length")
	b.ReportMetric(float64(sum.tokens)/float64(sum.replies), "tokens/op")
	b.ReportMetric(float64(frames)/float64(sum.replies), "frames/op")
}
