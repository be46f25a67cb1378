package merge

import "bytes"

// pattern is what the braces of a sample became. The next sample's are mostly
// the same but for the bound of a bucket, and need not be taken apart.
type pattern struct {
	bound string // the bound's label, empty if there is none
	// before and after are the braces up to the bound's value and from it on;
	// without a bound, before is all. They are slices of the page's text; before
	// is empty if nothing is known.
	before, after []byte
	// relabelled is both together, with the source's labels; the bound's value
	// stands at at.
	relabelled []byte
	at         int
	boundName  uint64 // hash of the bound's name
	others     uint64 // sum of the other labels' hashes
}

// pattern is that of samples with the bound.
func (l *relabel) pattern(bound string) *pattern {
	if bound == "" {
		return &l.last[0]
	}
	return &l.last[1]
}

// forget makes a pattern void, and keeps its memory.
func (p *pattern) forget() { *p = pattern{relabelled: p.relabelled[:0]} }

// learn keeps what the braces text became: relabelled, with the bound's value,
// a slice of text, at at.
func (p *pattern) learn(text []byte, bound string, value, relabelled []byte, at int) {
	p.bound, p.before = bound, text
	if bound == "" {
		p.relabelled = append(p.relabelled[:0], relabelled...)
		return
	}
	start := cap(text) - cap(value) // both are slices of the page
	p.before, p.after = text[:start], text[start+len(value):]
	p.relabelled = append(append(p.relabelled[:0], relabelled[:at]...), relabelled[at+len(value):]...)
	p.at = at
}

// again appends the relabelled braces of a sample whose labels are those of the
// pattern, but for the bound's value. It is false when they are not.
func (l *relabel) again(buf *[]byte, text []byte, bound string) ([]byte, bool) {
	p := l.pattern(bound)
	if len(p.before) == 0 || p.bound != bound || !bytes.HasPrefix(text, p.before) {
		return nil, false
	}
	text = text[len(p.before):]
	if bound == "" {
		*buf = append(*buf, p.relabelled...)
		l.hash, l.boundLength = p.others, 0
		return text, true
	}
	n := boundLength(text)
	if n == 0 || !bytes.HasPrefix(text[n:], p.after) {
		return nil, false
	}
	out := append(*buf, p.relabelled[:p.at]...)
	out = append(out, text[:n]...)
	*buf = append(out, p.relabelled[p.at:]...)
	l.hash, l.boundLength = p.others+labelHash(p.boundName, text[:n]), n
	return text[n+len(p.after):], true
}

var infinity = []byte("+Inf") // of each histogram's last bucket

// boundLength is the length of the number that text, which goes on behind it,
// begins with; 0 if it is none.
func boundLength(text []byte) int {
	if bytes.HasPrefix(text, infinity) {
		return len(infinity)
	}
	return numberLength(text)
}
