package openai

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// appendJSON appends s as a JSON string. Each byte that is no UTF-8 becomes
// U+FFFD; U+2028 and U+2029 are escaped, since some readers end a line there.
func appendJSON(dst []byte, s string) []byte {
	dst = append(dst, '"')
	plain := 0 // s[plain:i] goes out as it is
	for i := 0; i < len(s); {
		c, n := s[i], 1
		escape := c < ' ' || c == '"' || c == '\\' || c == 0x7f
		if c >= utf8.RuneSelf {
			var r rune
			r, n = utf8.DecodeRuneInString(s[i:])
			escape = r == utf8.RuneError && n == 1 || r == '\u2028' || r == '\u2029'
		}
		if escape {
			dst = append(dst, s[plain:i]...)
			dst = appendEscape(dst, s[i:i+n])
			plain = i + n
		}
		i += n
	}
	dst = append(dst, s[plain:]...)
	return append(dst, '"')
}

// appendEscape appends a character that can't stand in a string as it is.
func appendEscape(dst []byte, s string) []byte {
	switch c := s[0]; {
	case s == "\u2028":
		return append(dst, `\u2028`...)
	case s == "\u2029":
		return append(dst, `\u2029`...)
	case c >= utf8.RuneSelf:
		return append(dst, `\ufffd`...)
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\t':
		return append(dst, `\t`...)
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}
