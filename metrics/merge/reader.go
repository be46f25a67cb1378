package merge

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// reader takes a page in, line by line.
type reader struct {
	page   *Page
	rules  *Rules
	labels relabel
	utf8   bool // the whole page is valid UTF-8

	// The family that the lines speak of.
	name   []byte // of the text; nil before the first
	help   []byte
	kind   Kind
	taken  bool // the rules take it over
	opened bool // it has a block: the last one

	sample     []byte // name of the last sample
	sampleHash uint64
	bound      string // the label of such samples that has to be a number, if any

	before precedent // what the next line mostly is like
}

// read takes in a page. It is false when it met a second engine and has to
// begin again with the label that tells them apart.
func (r *reader) read(text []byte) bool {
	p := r.page
	p.buf = slices.Grow(p.buf[:0], len(text)+len(text)/4)
	p.families, p.blocks = p.families[:0], p.blocks[:0]
	p.Series, p.Malformed, p.stamped = 0, 0, false
	p.seen.reset()
	r.name, r.sample = nil, nil
	r.forget()
	for len(text) > 0 {
		if text = r.alike(text); len(text) == 0 {
			break
		}
		end := bytes.IndexByte(text, '\n')
		if end < 0 { // cut off: a number may lack its last digits
			p.Malformed++
			break
		}
		r.line(text[:end])
		if r.labels.severalEngines && !r.labels.keepEngine {
			return false
		}
		text = text[end+1:]
	}
	return true
}

// forget makes what is known of lines before void.
func (r *reader) forget() {
	r.before.text = nil
	for i := range r.labels.last {
		r.labels.last[i].forget()
	}
}

// line takes in one line, without its line feed.
func (r *reader) line(line []byte) {
	r.before.text = nil
	switch {
	case len(line) == 0:
	case line[0] == '#':
		r.comment(line)
	case len(line) > maxLine || !r.utf8 && !utf8.Valid(line) || !r.series(line):
		r.page.Malformed++
	}
}

// What the comments that count begin with.
const (
	helpIntro = "# HELP "
	typeIntro = "# TYPE "
)

// comment takes in HELP and TYPE; any other comment says nothing.
func (r *reader) comment(line []byte) {
	if len(line) < len(helpIntro) {
		return
	}
	isHelp := string(line[:len(helpIntro)]) == helpIntro
	if !isHelp && string(line[:len(typeIntro)]) != typeIntro {
		return
	}
	name, text := line[len(helpIntro):], []byte(nil)
	if end := bytes.IndexByte(name, ' '); end >= 0 {
		name, text = name[:end], name[end+1:]
	}
	known := len(name) > 0 && bytes.Equal(name, r.name)
	if !known && (len(name) == 0 || validName(name) != len(name)) || len(line) > maxLine || !r.utf8 && !utf8.Valid(line) {
		r.page.Malformed++
		return
	}
	if !known {
		r.begin(name)
		r.sample = nil
	}
	switch {
	case isHelp && validHelp(text):
		r.help = text
	case isHelp:
		r.page.Malformed++
	case !r.opened: // a type that comes after its samples is too late
		r.kind = kindOf(text)
	}
}

// begin turns to a family that the lines speak of from now on.
func (r *reader) begin(name []byte) {
	r.name, r.help, r.kind, r.opened = name, nil, Untyped, false
	r.taken = r.rules.takes(name)
}

func kindOf(text []byte) Kind {
	for len(text) > 0 && (text[len(text)-1] == ' ' || text[len(text)-1] == '\t') {
		text = text[:len(text)-1]
	}
	switch string(text) {
	case "counter":
		return Counter
	case "gauge":
		return Gauge
	case "histogram":
		return Histogram
	case "summary":
		return Summary
	}
	return Untyped
}

// series takes in one sample. It is false when the line is not one.
func (r *reader) series(line []byte) bool {
	n := len(r.sample)
	if n == 0 || len(line) <= n || !bytes.Equal(line[:n], r.sample) || line[n] != '{' && line[n] != ' ' {
		if bytes.HasPrefix(line, r.name) && r.name != nil {
			n = len(r.name) + restOfName(line[len(r.name):])
		} else if n = validName(line); n == 0 {
			return false
		}
		r.sample, r.sampleHash = line[:n], hash(line[:n])
		if r.name == nil || !r.belongs(r.sample) {
			r.begin(r.sample)
		}
		r.bound = r.boundOf(r.sample)
	}
	if !r.taken {
		return true
	}
	p := r.page
	mark := len(p.buf)
	if !r.opened {
		r.open()
	}
	from := len(p.buf)
	p.buf = append(p.buf, line[:n]...)
	rest, ok := r.labels.apply(&p.buf, line[n:], r.bound)
	if ok {
		var stamped bool
		rest, stamped, ok = validValue(rest)
		ok = ok && !(rest[0] == '-' && r.counts())
		if ok = ok && p.seen.add(r.sampleHash+r.labels.hash); ok {
			p.stamped = p.stamped || stamped
			p.buf = append(p.buf, ' ')
			p.buf = append(p.buf, rest...)
			p.buf = append(p.buf, '\n')
			r.opened = true
			p.blocks[len(p.blocks)-1].samples.to = len(p.buf)
			p.Series++
			r.remember(line, n, from)
			return true
		}
	}
	p.buf = p.buf[:from]
	if !r.opened { // a family without a sample has no header either
		p.buf = p.buf[:mark]
		p.blocks = p.blocks[:len(p.blocks)-1]
	}
	return false
}

// belongs says whether a sample is of the family that the lines speak of.
func (r *reader) belongs(sample []byte) bool {
	suffix, ok := bytes.CutPrefix(sample, r.name)
	if !ok {
		return false
	}
	switch r.kind {
	case Histogram:
		return string(suffix) == "_bucket" || string(suffix) == "_sum" || string(suffix) == "_count"
	case Summary:
		return len(suffix) == 0 || string(suffix) == "_sum" || string(suffix) == "_count"
	case Counter:
		if string(suffix) == "_total" && !r.opened { // OpenMetrics names the family without it
			r.name = sample
			return true
		}
	}
	return len(suffix) == 0
}

// counts says whether the sample is one of a histogram's counts, which strict
// readers want no negative of.
func (r *reader) counts() bool {
	return r.kind == Histogram && (r.bound != "" || bytes.HasSuffix(r.sample, []byte("_count")))
}

// boundOf is the label that says which bucket or quantile a sample is.
func (r *reader) boundOf(sample []byte) string {
	switch {
	case r.kind == Histogram && bytes.HasSuffix(sample, []byte("_bucket")):
		return "le"
	case r.kind == Summary && len(sample) == len(r.name):
		return "quantile"
	}
	return ""
}

// open starts a block of samples.
func (r *reader) open() {
	p := r.page
	b := block{kind: r.kind}
	b.name.from = len(p.buf)
	p.buf = append(p.buf, r.name...)
	b.name.to = len(p.buf)
	b.help.from = len(p.buf)
	p.buf = append(p.buf, r.help...)
	b.help.to = len(p.buf)
	b.samples = span{len(p.buf), len(p.buf)}
	b.first, b.second = firstBytes(r.name)
	p.blocks = append(p.blocks, b)
}
