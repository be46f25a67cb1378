package merge

import (
	"bytes"
	"slices"
)

// precedent is the line before, a sample with a bound. Most lines of a page
// differ from the one before in the bound and the value alone: they are compared
// with it, and copied in four pieces, rather than taken apart. Whatever is not
// just so goes the long way, which gives the same.
type precedent struct {
	// text is the line up to the bound, and rest what follows the bound, up to
	// the value. text is empty if there is none.
	text, rest []byte
	// relabelled and relabelledRest are what they became, in the page's buffer.
	relabelled, relabelledRest span
}

// remember makes a line that was taken in the precedent of the next one: a sample
// whose name has n bytes and which was relabelled from from on.
func (r *reader) remember(line []byte, n, from int) {
	if r.bound == "" {
		return
	}
	p, bound := r.labels.pattern(r.bound), r.labels.boundLength
	at := n + len(p.before)
	end := at + bound + len(p.after)
	if line[end] != ' ' {
		return
	}
	r.before = precedent{text: line[:at], rest: line[at+bound : end+1]}
	at = from + n + p.at
	r.before.relabelled = span{from, at}
	r.before.relabelledRest = span{at + bound, at + bound + len(p.relabelled) - p.at + 1}
}

// alike takes in the lines that text begins with for as long as each is like
// the precedent: its numbers are plain ones. It returns what is left.
func (r *reader) alike(text []byte) []byte {
	m := &r.before
	if len(m.text) == 0 {
		return text
	}
	p := r.page
	others, name := r.sampleHash+r.labels.last[1].others, r.labels.last[1].boundName
	for bytes.HasPrefix(text, m.text) {
		bound := text[len(m.text):]
		n := plainLength(bound)
		if n == 0 || !bytes.HasPrefix(bound[n:], m.rest) {
			break
		}
		value := bound[n+len(m.rest):]
		v := plainLength(value)
		if v == 0 || value[v] != '\n' || len(m.text)+n+len(m.rest)+v > maxLine {
			break
		}
		text = value[v+1:]
		if !p.seen.add(others + labelHash(name, bound[:n])) {
			p.Malformed++
			continue
		}
		at := len(p.buf)
		first, second := m.relabelled.to-m.relabelled.from, m.relabelledRest.to-m.relabelledRest.from
		size := first + n + second + v + 1
		p.buf = slices.Grow(p.buf, size+plainRoom)
		line := p.buf[at : at+size+plainRoom]
		copy(line, p.buf[m.relabelled.from:m.relabelled.to])
		copyPlain(line[first:], bound, n)
		copy(line[first+n:], p.buf[m.relabelledRest.from:m.relabelledRest.to])
		copyPlain(line[first+n+second:], value, v)
		line[size-1] = '\n'
		p.buf = p.buf[:at+size]
		m.relabelled = span{at, at + first}
		m.relabelledRest = span{at + first + n, at + first + n + second}
		p.Series++
	}
	p.blocks[len(p.blocks)-1].samples.to = len(p.buf)
	return text
}

// copyPlain copies the plain number of n bytes that src begins with, and more
// than that where both have room: for a few bytes that is faster.
func copyPlain(dst, src []byte, n int) {
	if n > 16 {
		copy(dst, src[:n])
		return
	}
	*(*[16]byte)(dst) = *(*[16]byte)(src)
}
