package merge

import (
	"bytes"
	"io"
	"slices"
)

// Cursor walks the families of several pages in the order of their names.
type Cursor struct {
	// OpenMetrics says that the page is written in OpenMetrics 1.0; otherwise it
	// is written in the text format 0.0.4.
	OpenMetrics bool
	// Local is the kind that the caller's own family of a name has on the same
	// page, empty if there is none: the caller's families win over those of
	// pages. Nil means that there are none.
	Local func(name []byte) Kind
	// Conflicts counts, by page, the families that were left out so far: those
	// that another page, or the caller, has with another type, and those whose
	// name is that of another's samples.
	Conflicts []int

	pages   []*Page
	next    []int  // the family that comes next, by page
	name    []byte // that the cursor stands at, if it is known
	scratch []byte
}

// NewCursor starts a walk. The pages must not be read into while it lasts. On a
// difference in type that most pages have wins, of several the first page's; on
// one in help the first page that has any.
func NewCursor(pages ...*Page) *Cursor {
	return &Cursor{pages: pages, next: make([]int, len(pages)), Conflicts: make([]int, len(pages))}
}

// at is what a page has of a family, nil if that is not what it has next.
func (c *Cursor) at(i int, name []byte) *family {
	p := c.pages[i]
	if c.next[i] == len(p.families) {
		return nil
	}
	if f := &p.families[c.next[i]]; bytes.Equal(p.bytes(f.name), name) {
		return f
	}
	return nil
}

// Name is the name of the family that the cursor stands at, nil at the end.
// It is valid until the pages are read into again.
func (c *Cursor) Name() []byte {
	for c.name == nil {
		name := c.least()
		if name == nil {
			return nil
		}
		if !c.shadowed(name) {
			c.name = name
			break
		}
		for i := range c.pages {
			if c.at(i, name) != nil {
				c.next[i]++
				c.Conflicts[i]++
			}
		}
	}
	return c.name
}

func (c *Cursor) least() []byte {
	var least []byte
	for i, p := range c.pages {
		if c.next[i] == len(p.families) {
			continue
		}
		if name := p.bytes(p.families[c.next[i]].name); least == nil || bytes.Compare(name, least) < 0 {
			least = name
		}
	}
	return least
}

// Samples of a histogram or a summary have such names, and counters this one.
var compound = [][]byte{[]byte("_bucket"), []byte("_count"), []byte("_sum")}
var total = []byte("_total")

// shadowed says whether a family has the name that a sample of some histogram
// or summary on the merged page has or, in OpenMetrics, that of a counter of the
// caller's without its ending.
func (c *Cursor) shadowed(name []byte) bool {
	for _, suffix := range compound {
		if base, ok := bytes.CutSuffix(name, suffix); ok && c.any(base, Histogram, Summary) {
			return true
		}
	}
	if !c.OpenMetrics || c.local(name) != "" {
		return false
	}
	c.scratch = append(append(c.scratch[:0], name...), total...)
	return c.local(c.scratch) == Counter
}

func (c *Cursor) local(name []byte) Kind {
	if c.Local == nil {
		return ""
	}
	return c.Local(name)
}

// any says whether the caller, or any page, has a family of one of some kinds;
// of any kind if none is named.
func (c *Cursor) any(name []byte, kinds ...Kind) bool {
	among := func(k Kind) bool { return k != "" && (len(kinds) == 0 || slices.Contains(kinds, k)) }
	if among(c.local(name)) {
		return true
	}
	for _, p := range c.pages {
		if i, found := p.find(name); found && among(p.families[i].kind) {
			return true
		}
	}
	return false
}

// Header returns the type of the family that the cursor stands at, and its
// help in the escaped form of the text format.
func (c *Cursor) Header() (Kind, []byte) {
	name := c.Name()
	kind, votes, help := Kind(""), 0, []byte(nil)
	for i, p := range c.pages {
		f := c.at(i, name)
		if f == nil {
			continue
		}
		if f.kind != kind {
			if n := c.votes(name, f.kind); n > votes {
				kind, votes = f.kind, n
			}
		}
		if len(help) == 0 {
			help = p.bytes(f.help)
		}
	}
	return kind, help
}

// votes counts the pages that have the family as a kind.
func (c *Cursor) votes(name []byte, kind Kind) (n int) {
	for i := range c.pages {
		if f := c.at(i, name); f != nil && f.kind == kind {
			n++
		}
	}
	return n
}

// WriteSamples writes the samples of the family that the cursor stands at, and
// goes on to the next one. Pages that have it as another kind are passed over
// and counted as conflicts.
func (c *Cursor) WriteSamples(w io.Writer, kind Kind) error {
	name := c.Name()
	var failed error
	for i, p := range c.pages {
		f := c.at(i, name)
		if f == nil {
			continue
		}
		c.next[i]++
		if f.kind != kind {
			c.Conflicts[i]++
			continue
		}
		for _, b := range p.blocks[f.from:f.to] {
			if b.kind != kind {
				c.Conflicts[i]++
				continue
			}
			if err := c.writeBlock(w, p, b); err != nil && failed == nil {
				failed = err
			}
		}
	}
	c.name = nil
	return failed
}

func (c *Cursor) writeBlock(w io.Writer, p *Page, b block) error {
	samples := p.bytes(b.samples)
	if c.OpenMetrics && p.stamped {
		c.scratch = appendSecondStamps(c.scratch[:0], samples)
		samples = c.scratch
	}
	_, err := w.Write(samples)
	return err
}

// WriteFamily writes the family that the cursor stands at, under its HELP and
// TYPE, and goes on to the next one.
func (c *Cursor) WriteFamily(w io.Writer) error {
	kind, help := c.Header()
	line := c.scratch[:0]
	if c.OpenMetrics {
		line = appendOpenHeader(line, c.Name(), c.openKind(kind), help)
	} else {
		line = appendHeader(line, c.Name(), kind, help)
	}
	c.scratch = line
	if _, err := w.Write(line); err != nil {
		return err
	}
	return c.WriteSamples(w, kind)
}

// WriteAll writes every family that is left.
func (c *Cursor) WriteAll(w io.Writer) error {
	for c.Name() != nil {
		if err := c.WriteFamily(w); err != nil {
			return err
		}
	}
	return nil
}

func appendHeader(line, name []byte, kind Kind, help []byte) []byte {
	if len(help) > 0 {
		line = append(append(append(append(line, "# HELP "...), name...), ' '), help...)
		line = append(line, '\n')
	}
	line = append(append(append(append(line, "# TYPE "...), name...), ' '), kind...)
	return append(line, '\n')
}
