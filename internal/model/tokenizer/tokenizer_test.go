package tokenizer

import (
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
	for _, id := range (Bytes{}).Encode("aß€") {
		got = append(got, string(d.Append(nil, id)))
	}
	if want := []string{"a", "", "ß", "", "", "€"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if rest := d.Flush(nil); len(rest) != 0 {
		t.Errorf("flush gave %q", rest)
	}
}

func TestBytesThatAreNoTextBecomeReplacementCharacters(t *testing.T) {
	if got := decode(Bytes{}, []int32{0xE2, 0x82, 'x', 300, 0xE2}); !utf8.ValidString(got) || !strings.Contains(got, "x") || !strings.HasSuffix(got, "\uFFFD") {
		t.Errorf("%q", got)
	}
}

func TestPiecesPreferTheLongest(t *testing.T) {
	p := NewPieces([]string{"\n", "?", "a", "b", " ", " ab", " abba"})
	if got, want := p.Encode("ab abba ab ü\n"), []int32{2, 3, 6, 5, 4, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := decode(p, []int32{6, 4, 2, -1, 99}); got != " abba a" {
		t.Errorf("%q", got)
	}
}

func TestPiecesWithoutUnknownLeaveOut(t *testing.T) {
	if got := NewPieces([]string{"a"}).Encode("xay"); !slices.Equal(got, []int32{0}) {
		t.Errorf("%v", got)
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
	})
}
