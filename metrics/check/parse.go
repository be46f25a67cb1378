package check

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// maxLine bounds one line of a page.
const maxLine = 1 << 20

// Prefixes of families that the table declares.
const (
	omniPrefix      = "vllm:omni_"
	omniPrefixLater = "vllm_omni:" // of vLLM-Omni since June 2026
	enginePrefix    = "vllm:"
	ourPrefix       = "limelight_"
)

// Parse reads a page in the text format or in OpenMetrics. A line that cannot
// be read is a fault of the page and costs no other line; the error is only
// that of r, or a line longer than a mebibyte.
func Parse(r io.Reader) (*Page, error) {
	p := parser{
		page:  &Page{Families: map[string]*Family{}},
		alias: map[string]string{},
		seen:  map[string]int{},
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		p.line++
		p.take(strings.TrimRight(lines.Text(), " \t\r"))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", p.line+1, err)
	}
	p.finish()
	return p.page, nil
}

// parser goes through a page line by line.
type parser struct {
	page  *Page
	line  int
	alias map[string]string // the name on a TYPE line to the family's
	seen  map[string]int    // the line of each series
	last  *Family           // of the newest sample
	left  map[*Family]bool  // families whose samples had ended
	eof   int               // the line of # EOF

	exemplar int // the first line with an exemplar
	unit     int // the first UNIT line
}

func (p *parser) fault(family, format string, args ...any) {
	p.page.Faults = append(p.page.Faults, Finding{Line: p.line, Family: family, Text: fmt.Sprintf(format, args...)})
}

func (p *parser) take(text string) {
	switch {
	case p.eof > 0 && text != "":
		if p.line == p.eof+1 {
			p.fault("", "text after # EOF")
		}
	case text == "":
	case text == "# EOF":
		p.eof = p.line
	case text[0] == '#':
		p.comment(text)
	default:
		p.sample(text)
	}
}

// comment takes a line that begins with #; all but three kinds mean nothing.
func (p *parser) comment(text string) {
	l := line{text[1:]}
	switch keyword := l.word(); keyword {
	case "TYPE":
		name, kind := l.word(), l.word()
		p.declare(name, kind, l.rest)
	case "HELP":
		name := l.word()
		if !validName(name) {
			p.fault("", "HELP of %q, which is no metric name", name)
			return
		}
		f := p.family(p.resolve(name))
		if f.helped {
			p.fault(f.Name, "a second HELP line")
		}
		f.helped = true
	case "UNIT":
		if p.unit == 0 {
			p.unit = p.line
		}
	}
}

// declare takes a TYPE line.
func (p *parser) declare(name, kind, rest string) {
	if !validName(name) {
		p.fault("", "TYPE of %q, which is no metric name", name)
		return
	}
	switch kind {
	case "counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram":
	default:
		p.fault(canonical(name), "unknown type %q", kind)
		return
	}
	if rest != "" {
		p.fault(canonical(name), "%q after the type", rest)
	}
	full := canonical(name)
	if kind == "counter" && !strings.HasSuffix(full, "_total") {
		// OpenMetrics declares a counter without the suffix of its samples. A
		// counter without it on a page in the text format keeps its name.
		if p.page.Families[full] == nil || !p.hasSamples(full) {
			p.rename(full, full+"_total")
			p.alias[full] = full + "_total"
			full += "_total"
		}
	}
	f := p.family(full)
	if f.Kind != "" {
		p.fault(full, "a second TYPE line, the first is line %d", f.Line)
		return
	}
	if len(f.Samples) > 0 {
		p.fault(full, "TYPE line after the samples, which begin at line %d", f.Samples[0].Line)
	}
	f.Kind = kind
}

func (p *parser) hasSamples(name string) bool { return len(p.page.Families[name].Samples) > 0 }

// rename gives a family that only HELP has named its full name.
func (p *parser) rename(from, to string) {
	f := p.page.Families[from]
	if f == nil || p.page.Families[to] != nil {
		return
	}
	delete(p.page.Families, from)
	f.Name = to
	p.page.Families[to] = f
}

// canonical is a name with the prefix that the table has.
func canonical(name string) string {
	if rest, later := strings.CutPrefix(name, omniPrefixLater); later {
		return omniPrefix + rest
	}
	return name
}

// resolve is the name of the family that a name on the page means.
func (p *parser) resolve(name string) string {
	name = canonical(name)
	if full, ok := p.alias[name]; ok {
		return full
	}
	return name
}

// family returns the family of a name, and makes it the first time.
func (p *parser) family(name string) *Family {
	f := p.page.Families[name]
	if f == nil {
		f = &Family{Name: name, Line: p.line}
		p.page.Families[name] = f
	}
	return f
}

// owner finds the family that a sample belongs to.
func (p *parser) owner(name string) *Family {
	if f := p.page.Families[name]; f != nil && f.Kind != "" {
		return f
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count", "_created"} {
		base, ok := strings.CutSuffix(name, suffix)
		if !ok {
			continue
		}
		f := p.page.Families[p.resolve(base)]
		if f == nil {
			continue
		}
		switch f.Kind {
		case "histogram", "gaugehistogram":
			return f
		case "summary":
			if suffix != "_bucket" {
				return f
			}
		case "counter":
			if suffix == "_created" {
				return f
			}
		}
	}
	return p.family(name)
}

// sample takes a line with a value.
func (p *parser) sample(text string) {
	l := line{text}
	s, exemplar, err := l.sample()
	s.Line, s.Name = p.line, canonical(s.Name)
	if err != nil {
		p.fault("", "%v", err)
		return
	}
	if exemplar && p.exemplar == 0 {
		p.exemplar = p.line
	}
	f := p.owner(s.Name)
	series := s.Name + s.labels()
	if first, twice := p.seen[series]; twice {
		p.fault(f.Name, "%s stands twice, first at line %d", series, first)
		return
	}
	p.seen[series] = p.line
	if p.last != f {
		if p.left[f] {
			p.fault(f.Name, "its samples do not stand together")
		}
		if p.left == nil {
			p.left = map[*Family]bool{}
		}
		if p.last != nil {
			p.left[p.last] = true
		}
		p.last = f
	}
	if strings.HasSuffix(s.Name, "_created") && f.Name != s.Name {
		p.page.created = true // it says when a child was made, and counts nothing
		return
	}
	f.Samples = append(f.Samples, s)
}

// finish looks at what only the whole page tells.
func (p *parser) finish() {
	p.page.OpenMetrics = p.eof > 0
	if !p.page.OpenMetrics && p.unit > 0 {
		p.page.OpenMetrics = true
		p.fault("", "the page has UNIT lines, as OpenMetrics, and no # EOF at its end: it is cut off")
	} else if !p.page.OpenMetrics && p.exemplar > 0 {
		p.line = p.exemplar
		p.fault("", "an exemplar, which only OpenMetrics has, on a page without # EOF")
	}
	for bare, full := range p.alias {
		// The text format has counters without the suffix: one whose samples do
		// without it is declared under its own name after all.
		f, own := p.page.Families[full], p.page.Families[bare]
		if f != nil && len(f.Samples) == 0 && own != nil && own.Kind == "" {
			own.Kind, own.Line = f.Kind, f.Line
			delete(p.page.Families, full)
		}
	}
	for _, name := range p.page.names() {
		// A client of Python's writes _created as gauges of their own.
		base, ok := strings.CutSuffix(name, "_created")
		if !ok {
			continue
		}
		if p.page.Families[base] != nil || p.page.Families[base+"_total"] != nil {
			p.page.created = true
			delete(p.page.Families, name)
		}
	}
}
