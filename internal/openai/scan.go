package openai

import "bytes"

// The pieces of a body are found without reading it again: that the whole is
// valid JSON has been checked, so a piece ends where its brackets and quotes
// close. Text that is not valid gives wrong pieces, and no more than that.

// space is the length of the white space that text begins with.
func space(text []byte) int {
	n := 0
	for n < len(text) && (text[n] == ' ' || text[n] == '\n' || text[n] == '\t' || text[n] == '\r') {
		n++
	}
	return n
}

// stringLength is the length of the string that text begins with.
func stringLength(text []byte) int {
	for i := 1; i < len(text); {
		end := bytes.IndexByte(text[i:], '"')
		if end < 0 {
			break
		}
		end += i
		escapes := 0
		for end-escapes-1 > 0 && text[end-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end + 1
		}
		i = end + 1
	}
	return len(text)
}

// valueLength is the length of the value that text begins with.
func valueLength(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	switch text[0] {
	case '"':
		return stringLength(text)
	case '{', '[':
		depth := 0
		for i := 0; i < len(text); i++ {
			switch text[i] {
			case '"':
				i += stringLength(text[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
		return len(text)
	}
	n := 0
	for n < len(text) && text[n] != ',' && text[n] != '}' && text[n] != ']' && space(text[n:n+1]) == 0 {
		n++
	}
	return n
}

// piece cuts the value that text begins with off, and what may follow it of
// white space and a comma.
func piece(text []byte) (value, rest []byte) {
	text = text[space(text):]
	n := valueLength(text)
	value, rest = text[:n:n], text[n:]
	rest = rest[space(rest):]
	if len(rest) > 0 && rest[0] == ',' {
		rest = rest[1:]
	}
	return value, rest[space(rest):]
}
