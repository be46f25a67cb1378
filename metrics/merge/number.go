package merge

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
)

// validValue returns the value and the timestamp, if there is one, that a line
// ends with, without the space before them and without an exemplar.
func validValue(text []byte) (value []byte, stamped, ok bool) {
	text = skipSpace(text)
	n := numberLength(text)
	if n == 0 {
		return nil, false, false
	}
	if n == len(text) {
		return text, false, true
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
	// What follows text on the page may be looked at, too: mostly not a digit.
	if n := plainLength(text[:cap(text)]); n == len(text) || n > 0 && n < len(text) && text[n]|0x20 != 'e' {
		return n
	}
	return anyLength(text)
}

// anyLength is numberLength for all numbers, plain or not.
func anyLength(text []byte) int {
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

// Of numbers as plainLength knows them.
const (
	maxPlain  = 8 + 1 + 16   // their greatest length
	plainRoom = maxPlain + 1 // what has to be there for it to look
)

// plainLength is the length of the number that text begins with, if it is a
// plain one: one to eight digits, and perhaps a point and up to sixteen more.
// What follows is not looked at: an exponent may. It is 0 for all others, and
// near the end of text. Most of a page's numbers are plain, each of another
// length, so that a loop over their digits would be mispredicted at each.
func plainLength(text []byte) int {
	if len(text) < plainRoom {
		return 0
	}
	n := leadingDigits(text)
	if n == 0 {
		return 0
	}
	if text[n] != '.' {
		if n == 8 && text[n]-'0' <= 9 {
			return 0
		}
		return n
	}
	n++
	m := leadingDigits(text[n:])
	if m == 8 {
		if m += leadingDigits(text[n+8:]); m == 16 && text[n+16]-'0' <= 9 {
			return 0
		}
	}
	return n + m
}

// leadingDigits is how many of text's first eight bytes come before the first
// that is not a digit.
func leadingDigits(text []byte) int {
	x := binary.LittleEndian.Uint64(text) ^ 0x3030303030303030 // digits are 0 to 9 now
	// The highest bit of every byte up to the first that is not: a carry out of
	// that one spoils only what comes behind.
	return bits.TrailingZeros64((x|(x+0x7676767676767676))&0x8080808080808080) / 8
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
