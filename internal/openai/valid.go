package openai

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is how deep JSON may be nested, as in encoding/json.
const maxDepth = 10000

// valid says what json.Valid says, several times as fast where the text is
// mostly strings, as the bodies of requests are: those are looked at eight bytes
// at a time.
func valid(text []byte) bool {
	end := validValue(text, space(text), maxDepth)
	return end >= 0 && end+space(text[end:]) == len(text)
}

// validValue returns where the value ends that text has at i, -1 if there is
// none. It may hold at most depth arrays and objects in each other.
func validValue(text []byte, i, depth int) int {
	if i >= len(text) {
		return -1
	}
	switch c := text[i]; {
	case c == '"':
		return validString(text, i)
	case c == '{':
		return validObject(text, i, depth)
	case c == '[':
		return validArray(text, i, depth)
	case c == '-' || c-'0' <= 9:
		return validNumber(text, i)
	}
	for _, word := range []string{"true", "false", "null"} {
		if len(text)-i >= len(word) && string(text[i:i+len(word)]) == word {
			return i + len(word)
		}
	}
	return -1
}

func validObject(text []byte, i, depth int) int {
	if depth == 0 {
		return -1
	}
	i = skip(text, i+1)
	if i < len(text) && text[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(text) || text[i] != '"' {
			return -1
		}
		if i = validString(text, i); i < 0 {
			return -1
		}
		if i = skip(text, i); i >= len(text) || text[i] != ':' {
			return -1
		}
		if i = validValue(text, skip(text, i+1), depth-1); i < 0 {
			return -1
		}
		if i = skip(text, i); i >= len(text) {
			return -1
		}
		switch text[i] {
		case '}':
			return i + 1
		case ',':
			i = skip(text, i+1)
		default:
			return -1
		}
	}
}

func validArray(text []byte, i, depth int) int {
	if depth == 0 {
		return -1
	}
	i = skip(text, i+1)
	if i < len(text) && text[i] == ']' {
		return i + 1
	}
	for {
		if i = validValue(text, i, depth-1); i < 0 {
			return -1
		}
		if i = skip(text, i); i >= len(text) {
			return -1
		}
		switch text[i] {
		case ']':
			return i + 1
		case ',':
			i = skip(text, i+1)
		default:
			return -1
		}
	}
}

// skip is where the white space ends that text has at i.
func skip(text []byte, i int) int {
	if i < len(text) && text[i] > ' ' { // mostly there is none
		return i
	}
	return i + space(text[min(i, len(text)):])
}

func validNumber(text []byte, i int) int {
	if text[i] == '-' {
		i++
	}
	from := i
	if i = digitsEnd(text, i); i == from || text[from] == '0' && i > from+1 {
		return -1
	}
	if i < len(text) && text[i] == '.' {
		from = i + 1
		if i = digitsEnd(text, from); i == from {
			return -1
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		from = i
		if i = digitsEnd(text, from); i == from {
			return -1
		}
	}
	return i
}

func digitsEnd(text []byte, i int) int {
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	return i
}

// validString returns where the string ends whose quote text has at i.
func validString(text []byte, i int) int {
	for i++; ; {
		if i = plainEnd(text, i); i >= len(text) {
			return -1
		}
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			if i = escapeEnd(text, i); i < 0 {
				return -1
			}
		default:
			return -1 // a control character
		}
	}
}

// plainEnd is where the first quote, backslash or control character stands that
// text has from i on.
func plainEnd(text []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(text); i += 8 {
		x := binary.LittleEndian.Uint64(text[i:])
		quote, backslash := x^'"'*ones, x^'\\'*ones
		// The high bit of each byte that is below what is taken from it; a borrow
		// spoils only what comes behind the first of them.
		found := ((quote-ones)&^quote | (backslash-ones)&^backslash | (x-' '*ones)&^x) & highs
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] >= ' ' {
		i++
	}
	return i
}

// escapeEnd returns where the escape ends whose backslash text has at i.
func escapeEnd(text []byte, i int) int {
	if i++; i == len(text) {
		return -1
	}
	switch text[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(text) {
			return -1
		}
		for _, c := range text[i+1 : i+5] {
			if c-'0' > 9 && (c|0x20)-'a' > 5 {
				return -1
			}
		}
		return i + 5
	}
	return -1
}
