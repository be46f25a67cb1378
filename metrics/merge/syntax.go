package merge

import (
	"bytes"
	"strconv"
)

// Classes of bytes in names: a label's name may not hold a colon.
const (
	inLabel = 1 << iota // letters, digits, underscore
	inName              // the same and the colon
	digit
)

var class = func() (c [256]byte) {
	for b := range c {
		switch {
		case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_':
			c[b] = inLabel | inName
		case b >= '0' && b <= '9':
			c[b] = inLabel | inName | digit
		case b == ':':
			c[b] = inName
		}
	}
	return c
}()

// validName returns the length of the metric name that text begins with, 0 if
// it begins with none.
func validName(text []byte) int { return nameLength(text, inName) }

// restOfName returns the length of what text goes on with of a metric name.
func restOfName(text []byte) int {
	n := 0
	for n < len(text) && class[text[n]]&inName != 0 {
		n++
	}
	return n
}

func nameLength(text []byte, allowed byte) int {
	n := 0
	for n < len(text) && class[text[n]]&allowed != 0 {
		n++
	}
	if n == 0 || class[text[0]]&digit != 0 {
		return 0
	}
	return n
}

// validHelp says whether every backslash of a help text begins an escape.
func validHelp(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 {
			return true
		}
		if at+1 == len(text) || text[at+1] != '\\' && text[at+1] != 'n' {
			return false
		}
		text = text[at+2:]
	}
}

// quoted returns the length of the quoted string that text begins with, both
// quotes included, 0 if there is none. Escapes says that there may be a
// backslash in it.
func quoted(text []byte, escapes bool) int {
	if len(text) == 0 || text[0] != '"' {
		return 0
	}
	end := bytes.IndexByte(text[1:], '"')
	if end < 0 {
		return 0
	}
	if !escapes || bytes.IndexByte(text[1:1+end], '\\') < 0 {
		return end + 2
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			if i++; i == len(text) || text[i] != '\\' && text[i] != '"' && text[i] != 'n' {
				return 0
			}
		}
	}
	return 0
}

// validValue returns the value and the timestamp, if there is one, that a line
// ends with, without the space before them and without an exemplar.
func validValue(text []byte) (value []byte, stamped, ok bool) {
	text = skipSpace(text)
	n := numberLength(text)
	if n == 0 {
		return nil, false, false
	}
	rest := skipSpace(text[n:])
	if len(rest) == 0 {
		return text[:n], false, true
	}
	if len(rest) == len(text[n:]) {
		return nil, false, false // something is glued to the number
	}
	if rest[0] == '#' {
		return text[:n], false, true
	}
	at := len(text) - len(rest)
	end := timestampLength(rest)
	if tail := skipSpace(rest[end:]); end == 0 || len(tail) > 0 && (tail[0] != '#' || len(tail) == len(rest[end:])) {
		return nil, false, false
	}
	return text[:at+end], true, true
}

// numberLength is the length of the number that text begins with, 0 if it
// begins with none: what both Go and Prometheus read as a float.
func numberLength(text []byte) int {
	i := 0
	if i < len(text) && (text[i] == '+' || text[i] == '-') {
		i++
	}
	start := i
	i += digits(text[i:])
	whole := i - start
	fraction := 0
	if i < len(text) && text[i] == '.' {
		i++
		fraction = digits(text[i:])
		i += fraction
	}
	if whole+fraction == 0 {
		return specialLength(text)
	}
	power := 0
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		e := i + 1
		if e < len(text) && (text[e] == '+' || text[e] == '-') {
			e++
		}
		if power = digits(text[e:]); power == 0 {
			return 0
		}
		i = e + power
	}
	if whole > 100 || power > 2 { // it may be out of a float's range, which readers refuse
		if _, err := strconv.ParseFloat(string(text[:i]), 64); err != nil {
			return 0
		}
	}
	return i
}

func digits(text []byte) int {
	n := 0
	for n < len(text) && text[n]-'0' <= 9 {
		n++
	}
	return n
}

// specialLength is the length of an infinity or a NaN, in any case of letters.
func specialLength(text []byte) int {
	end := bytes.IndexAny(text, " \t")
	if end < 0 {
		end = len(text)
	}
	word := text[:end]
	if bytes.EqualFold(word, []byte("nan")) {
		return end
	}
	if len(word) > 0 && (word[0] == '+' || word[0] == '-') {
		word = word[1:]
	}
	if bytes.EqualFold(word, []byte("inf")) {
		return end
	}
	return 0
}

// timestampLength is the length of a timestamp: whole milliseconds. The format
// has negative ones too, which make Prometheus refuse the whole page.
func timestampLength(text []byte) int {
	if n := digits(text); n <= 18 {
		return n
	}
	return 0
}
