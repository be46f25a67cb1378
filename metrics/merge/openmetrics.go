package merge

import (
	"bytes"
	"strconv"
)

// unknown is what OpenMetrics calls untyped families, and counters that cannot
// be declared as it demands.
const unknown Kind = "unknown"

// openKind is the kind that the cursor's family has in OpenMetrics. It names a
// counter without _total, which the samples have to end in: there must be one,
// and no other family may be called like the rest.
func (c *Cursor) openKind(kind Kind) Kind {
	if kind == Untyped {
		return unknown
	}
	if kind == Counter {
		if base, ok := bytes.CutSuffix(c.Name(), total); !ok || bytes.HasSuffix(base, total) || c.any(base) {
			return unknown
		}
	}
	return kind
}

// appendOpenHeader appends the lines of OpenMetrics; help is in the form of the
// text format, which leaves quotes as they are.
func appendOpenHeader(line, name []byte, kind Kind, help []byte) []byte {
	if kind == Counter {
		name = bytes.TrimSuffix(name, total)
	}
	if len(help) > 0 {
		line = append(append(append(line, "# HELP "...), name...), ' ')
		for _, b := range help {
			if b == '"' {
				line = append(line, '\\')
			}
			line = append(line, b)
		}
		line = append(line, '\n')
	}
	line = append(append(append(append(line, "# TYPE "...), name...), ' '), kind...)
	return append(line, '\n')
}

// appendSecondStamps appends relabelled samples; their timestamps, milliseconds
// in the text format, become seconds.
func appendSecondStamps(dst, samples []byte) []byte {
	for line := range bytes.Lines(samples) {
		end := bytes.LastIndexByte(line, '}') + 1 // neither a value nor a timestamp has one
		fields := bytes.Fields(line[end:])
		dst = append(append(append(dst, line[:end]...), ' '), fields[0]...)
		if len(fields) > 1 {
			dst = appendSeconds(append(dst, ' '), fields[1])
		}
		dst = append(dst, '\n')
	}
	return dst
}

// appendSeconds appends a number of milliseconds of at most 18 digits.
func appendSeconds(dst, milliseconds []byte) []byte {
	n, _ := strconv.ParseInt(string(milliseconds), 10, 64) // validValue has seen it
	dst = append(strconv.AppendInt(dst, n/1000, 10), '.')
	fraction := strconv.AppendInt(nil, 1000+n%1000, 10)
	return append(dst, fraction[1:]...)
}
