package merge

import "bytes"

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
