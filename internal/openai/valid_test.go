package openai

import (
	"encoding/json"
	"strings"
	"testing"
)

func FuzzValidIsAsEncodingJSONHasIt(f *testing.F) {
	for _, text := range []string{
		``, ` `, `{}`, ` { } `, `[]`, `[ ]`, `{"a":1}`, `{"a":1,}`, `{"a" : [ 1 , 2 ] , "b" : null }`, `[1,]`, `[,]`, `{,}`, `{"a"}`, `{"a":}`, `{1:2}`, `[1 2]`,
		`0`, `-0`, `01`, `-`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e-`, `1e`, `-1.25e-10`, `+1`, `1x`, `true`, `tru`, `truefalse`, `null`, `nul`, `NaN`,
		`"`, `""`, `"abc`, `"abcdefgh"`, `"abcdefghijklmnop\n"`, `"\`, `"\u00e4"`, `"\u00g4"`, `"\u00e`, `"\x"`, "\"\n\"", "\"abcdefg\x1f\"", "\"\x7f\xff\xe4\"", `"\"\\\/\b\f\n\r\t"`,
		`{"a":"b"}x`, `[[[[]]]]`, `[[[[]]]`, `{"a":{"b":{"c":[{}]}}}`, "\t\r\n1\t\r\n", "\v1", "1\x00",
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
		strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth), strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, want := valid(text), json.Valid(text); got != want {
			t.Errorf("%.200q: valid is %v, json.Valid %v", text, got, want)
		}
	})
}

func BenchmarkValid(b *testing.B) {
	text := []byte(`{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("What is said in a long prompt. ", 7000) + `"}]}`)
	for name, check := range map[string]func([]byte) bool{"here": valid, "encoding/json": json.Valid} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if !check(text) {
					b.Fatal("not valid")
				}
			}
		})
	}
}
