package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func decode(t Tokenizer, ids []int32) string {
	var b []byte
	d := t.NewDecoder()
	for _, id := range ids {
		b = d.Append(b, id)
	}
	return string(d.Flush(b))
}

func TestBytesHoldBackIncompleteCharacters(t *testing.T) {
	d := Bytes{}.NewDecoder()
	var got []string
	for _, id := range (Bytes{}).Encode("aß€😀") {
		got = append(got, string(d.Append(nil, id)))
	}
	if want := []string{"a", "", "ß", "", "", "€", "", "", "", "😀"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if rest := d.Flush(nil); len(rest) != 0 {
		t.Errorf("flush gave %q", rest)
	}
}

func TestBytesThatAreNoTextAreReplacedRunByRun(t *testing.T) {
	for text, want := range map[string]string{
		"\xe2\x82":             "\uFFFD",
		"\xe2\x82x":            "\uFFFDx",
		"\xe2\x82\xe2\x82\xac": "\uFFFD€",
		"\x80\x80":             "\uFFFD\uFFFD",
		"\xf0\x9f\x98":         "\uFFFD",
		"\xed\xa0\x80":         "\uFFFD\uFFFD\uFFFD", // a surrogate: its second byte can't follow
		"\xff":                 "\uFFFD",
		"\uFFFD":               "\uFFFD",
	} {
		if got := decode(Bytes{}, Bytes{}.Encode(text)); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestIDsWithoutTextCompleteNothing(t *testing.T) {
	if got := decode(Bytes{}, []int32{0xE2, 300, 0x82, -1, 0xAC}); got != "€" {
		t.Errorf("%q, want €", got)
	}
	if got := decode(NewPieces([]string{"a"}), []int32{-1, 0, 1, 99}); got != "a" {
		t.Errorf("%q, want a", got)
	}
}

func TestFlushBeginsAnew(t *testing.T) {
	d := Bytes{}.NewDecoder()
	b := d.Flush(d.Append(nil, 0xE2))
	if got := string(d.Append(b, 'x')); got != "\uFFFDx" {
		t.Errorf("%q", got)
	}
}

func TestPiecesPreferTheLongest(t *testing.T) {
	p := NewPieces([]string{"\n", "?", "a", "b", " ", " ab", " abba", "a", ""})
	if got, want := p.Encode("ab abba ab ü\n"), []int32{2, 3, 6, 5, 4, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := decode(p, []int32{6, 4, 2, 7, 8}); got != " abba aa" {
		t.Errorf("%q", got)
	}
}

func TestPiecesWithoutUnknownLeaveOut(t *testing.T) {
	if got := NewPieces([]string{"a"}).Encode("xay"); !slices.Equal(got, []int32{0}) {
		t.Errorf("%v", got)
	}
}

func TestPiecesMayCutACharacter(t *testing.T) {
	p := NewPieces([]string{"\xe2\x82", "\xac", "x"})
	d := p.NewDecoder()
	if got := d.Append(nil, 0); len(got) != 0 {
		t.Errorf("%q of half a character", got)
	}
	if got := string(d.Append(nil, 1)); got != "€" {
		t.Errorf("%q, want €", got)
	}
	if got := p.Encode("€x"); !slices.Equal(got, []int32{0, 1, 2}) {
		t.Errorf("%v", got)
	}
}

func TestPieceIsTheBytesOfOneID(t *testing.T) {
	for _, c := range []struct {
		tok  Tokenizer
		id   int32
		want string
	}{
		{Bytes{}, 0xE2, "\xe2"}, {Bytes{}, 256, ""}, {Bytes{}, -1, ""},
		{NewPieces([]string{"a", " bc"}), 1, " bc"}, {NewPieces([]string{"a"}), 1, ""}, {NewPieces([]string{"a"}), -1, ""},
	} {
		if got := c.tok.Piece(c.id); got != c.want {
			t.Errorf("%T: id %d is %q, want %q", c.tok, c.id, got, c.want)
		}
	}
}

func TestVocabSizeCountsTheIDsWithText(t *testing.T) {
	if n := (Bytes{}).VocabSize(); n != 256 {
		t.Errorf("bytes: %d", n)
	}
	if n := NewPieces([]string{"a", "b"}).VocabSize(); n != 2 {
		t.Errorf("pieces: %d", n)
	}
}

// english is a vocabulary like the tiny model's: single characters, and words
// with a space in front.
func english() *Pieces {
	pieces := []string{"\n"}
	for c := ' '; c <= '~'; c++ {
		pieces = append(pieces, string(c))
	}
	return NewPieces(append(pieces, " the", " then", " sentence", " people", " wa", " water", "€"))
}

func TestWrittenTextComesBackThroughPieces(t *testing.T) {
	p := english()
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var text strings.Builder
		for range random.IntN(20) {
			text.WriteString(p.text[random.IntN(len(p.text))])
		}
		ids := p.Encode(text.String())
		if got := decode(p, ids); got != text.String() {
			t.Fatalf("%q became %q", text.String(), got)
		}
	}
}

func TestDecodingAllocatesNothingWhenThereIsRoom(t *testing.T) {
	dst := make([]byte, 0, 64)
	for _, tok := range []Tokenizer{Bytes{}, english()} {
		d := tok.NewDecoder()
		if n := testing.AllocsPerRun(100, func() {
			dst = dst[:0]
			for id := range int32(4) {
				dst = d.Append(dst, 0x61+id)
			}
		}); n != 0 {
			t.Errorf("%T: %v allocations", tok, n)
		}
	}
}

func FuzzBytesRoundTrip(f *testing.F) {
	f.Add("aß€😀")
	f.Add("\xff\xe2\x82")
	f.Fuzz(func(t *testing.T, text string) {
		got := decode(Bytes{}, Bytes{}.Encode(text))
		if !utf8.ValidString(got) {
			t.Errorf("%q became %q, which is not valid", text, got)
		}
		if utf8.ValidString(text) && got != text {
			t.Errorf("%q became %q", text, got)
		}
		// Valid text is never lost around the rest.
		if strings.ReplaceAll(got, "\uFFFD", "") != strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\uFFFD", "") {
			t.Errorf("%q became %q, which lost text", text, got)
		}
	})
}

func FuzzPiecesRoundTrip(f *testing.F) {
	f.Add("the water, then the people €")
	f.Add("schön \xff\x00")
	p := english()
	f.Fuzz(func(t *testing.T, text string) {
		var want strings.Builder
		for _, r := range text { // an invalid byte is a character outside the vocabulary, too
			if !slices.Contains(p.text, string(r)) {
				r = '?'
			}
			want.WriteRune(r)
		}
		if got := decode(p, p.Encode(text)); got != want.String() {
			t.Errorf("%q became %q, want %q", text, got, want.String())
		}
	})
}

const prose = "The people said that there is no sound in the water, then they turned around and were gone for a year. "

func BenchmarkPiecesEncode(b *testing.B) {
	p, text := english(), strings.Repeat(prose, 10)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		p.Encode(text)
	}
}

func BenchmarkDecoder(b *testing.B) {
	p := english()
	ids, d := p.Encode(prose), p.NewDecoder()
	dst := make([]byte, 0, len(prose))
	b.ReportAllocs()
	b.SetBytes(int64(len(prose)))
	for b.Loop() {
		dst = dst[:0]
		for _, id := range ids {
			dst = d.Append(dst, id)
		}
	}
}
