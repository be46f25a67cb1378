// Package merge puts the metrics pages of other servers on one's own. It
// relabels them byte by byte, without making an object for a sample, and
// merges them family by family, so that each family stands under one HELP and
// one TYPE whatever number of servers has it.
//
// A page that lies, or is broken, costs its own series and nothing else: every
// line is checked against the text format before it is taken over, and what a
// strict reader would refuse is left out and counted.
package merge

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// Kind is a family's type, as the TYPE line of the text format spells it.
type Kind string

// The kinds of the text format. Untyped is also what OpenMetrics calls unknown.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
	Summary   Kind = "summary"
	Untyped   Kind = "untyped"
)

// Limits of what a page may hold; a line beyond them is malformed.
const (
	maxLine   = 64 << 10 // bytes
	maxLabels = 64       // in one sample
)

// Rules say which families of a page are taken over.
type Rules struct {
	// Keep are the prefixes of the families to take over.
	Keep []string
	// Drop are prefixes, and DropEnding endings, that win over Keep.
	Drop, DropEnding []string
}

// EngineFamilies are the families that inference engines have of their own:
// vLLM's, SGLang's and llama.cpp's, without those of a pipeline around them.
// Without the times, too, at which Python's client made each child: half a page
// that counts nothing, of families whose names OpenMetrics has for counters.
var EngineFamilies = Rules{
	Keep:       []string{"vllm:", "sglang:", "llamacpp:"},
	Drop:       []string{"vllm:omni_", "vllm_omni"},
	DropEnding: []string{"_created"},
}

// takes says whether a family is taken over.
func (r *Rules) takes(name []byte) bool {
	if !hasAny(name, r.Keep) || hasAny(name, r.Drop) {
		return false
	}
	for _, e := range r.DropEnding {
		if len(name) >= len(e) && string(name[len(name)-len(e):]) == e {
			return false
		}
	}
	return true
}

func hasAny(name []byte, prefixes []string) bool {
	for _, p := range prefixes {
		if len(name) >= len(p) && string(name[:len(p)]) == p {
			return true
		}
	}
	return false
}

// Source says where a page comes from: the labels that its series get.
type Source struct {
	// ModelName is one's own name of the model.
	ModelName string
	// Stage and Replica place the server in the pipeline.
	Stage, Replica int
}

// Page is one server's page, relabelled and ready to be merged. The zero value
// is an empty page. It is reused by Read and not safe for concurrent use.
type Page struct {
	buf      []byte // headers and relabelled samples
	families []family
	blocks   []block // in the order of the page, then by family
	given    []byte
	patterns [2]pattern // void but for their memory, unless the page is being read
	seen     seriesSet
	stamped  bool // a sample has a timestamp
	// From is the source of the page.
	From Source
	// Series is the number of samples taken over.
	Series int
	// Malformed is the number of lines left out because the text format, or
	// Prometheus, would not accept them; a series that stands twice among them.
	Malformed int
}

// span is a piece of the page's buffer.
type span struct{ from, to int }

func (p *Page) bytes(s span) []byte { return p.buf[s.from:s.to] }

// block is a run of samples of one family.
type block struct {
	name, help span
	kind       Kind
	samples    span
	// first and second are the name's first sixteen bytes, which most names
	// differ in.
	first, second uint64
}

// firstBytes are the first sixteen bytes of a name as two numbers that are in
// the order of the names.
func firstBytes(name []byte) (first, second uint64) {
	if len(name) >= 16 {
		return binary.BigEndian.Uint64(name), binary.BigEndian.Uint64(name[8:])
	}
	var padded [16]byte // no name has a zero byte
	copy(padded[:], name)
	return binary.BigEndian.Uint64(padded[:]), binary.BigEndian.Uint64(padded[8:])
}

// family is what a page has of one family: blocks[from:to].
type family struct {
	name, help span
	kind       Kind
	from, to   int
}

// Read takes in a page in the text format 0.0.4, or OpenMetrics' as far as the
// two agree (exemplars are cut off). What the page held before is gone; text
// is not kept. Read never fails: see Malformed.
func (p *Page) Read(text []byte, from Source, rules Rules) {
	p.From, p.given = from, appendGiven(p.given[:0], from)
	r := reader{page: p, rules: &rules, labels: relabel{given: p.given, last: &p.patterns}}
	r.utf8 = utf8.Valid(text)
	r.labels.escapes = bytes.IndexByte(text, '\\') >= 0
	if !r.read(text) { // the engines have to be told apart
		r.labels.keepEngine = true
		r.read(text)
	}
	r.forget()
	p.group()
}

// group sorts the blocks by family and joins those of one family. A page has
// each family in one block, unless it is a liar.
func (p *Page) group() {
	slices.SortFunc(p.blocks, func(a, b block) int {
		if a.first != b.first {
			return cmp.Compare(a.first, b.first)
		}
		if a.second != b.second {
			return cmp.Compare(a.second, b.second)
		}
		if c := bytes.Compare(p.bytes(a.name), p.bytes(b.name)); c != 0 {
			return c
		}
		return cmp.Compare(a.name.from, b.name.from)
	})
	for i := 0; i < len(p.blocks); {
		b := p.blocks[i]
		f := family{name: b.name, help: b.help, kind: b.kind, from: i, to: i + 1}
		for f.to < len(p.blocks) && bytes.Equal(p.bytes(p.blocks[f.to].name), p.bytes(f.name)) {
			f.to++
		}
		p.families = append(p.families, f)
		i = f.to
	}
}

// find looks a family up by its name.
func (p *Page) find(name []byte) (int, bool) {
	return slices.BinarySearchFunc(p.families, name, func(f family, name []byte) int { return bytes.Compare(p.bytes(f.name), name) })
}
