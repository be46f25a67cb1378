package openai

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// checkJSON holds appendJSON to what encoding/json reads; each byte that is no
// UTF-8 is U+FFFD, as a range over the string has it.
func checkJSON(t *testing.T, s string) {
	t.Helper()
	b := appendJSON(nil, s)
	var got string
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%q: %s: %v", s, b, err)
	}
	if want := string([]rune(s)); got != want {
		t.Errorf("%q became %q, want %q", s, got, want)
	}
	if bytes.ContainsAny(b, "\n\r\u2028\u2029") {
		t.Errorf("%q breaks a line: %q", s, b)
	}
}

func TestEveryCharacterComesBack(t *testing.T) {
	for r := range rune(0x11000) {
		checkJSON(t, "a"+string(r)+"b")
	}
	for b := range 256 {
		checkJSON(t, string([]byte{'a', byte(b), 'b'}))
	}
	checkJSON(t, "\xe2\x80\xa8\xe2\x80 \xf0\x9f\x98 \U0001F600\U0010FFFF")
}

func FuzzJSONStringsComeBack(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\"\\\n\u2028\U0001F600\xff\x7f")
	f.Fuzz(func(t *testing.T, s string) { checkJSON(t, s) })
}

func BenchmarkAppendJSON(b *testing.B) {
	s := strings.Repeat("The reply's text, with \"quotes\" and — dashes.\n", 20)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		buf = appendJSON(buf[:0], s)
	}
}
