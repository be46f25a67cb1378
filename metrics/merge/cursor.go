package merge

import (
	"bytes"
	"io"
)

// Cursor walks the families of several pages in the order of their names.
type Cursor struct {
	// Compound says whether the caller has a histogram or a summary of this
	// name on the same page; nil means that it has none.
	Compound func(name []byte) bool
	// Conflicts counts the families of pages that were left out so far: those
	// that another page, or the caller, has with another type, and those whose
	// name is that of a histogram's or summary's samples.
	Conflicts int

	pages []*Page
	next  []int // the family that comes next, by page
}

// NewCursor starts a walk. The pages must not be read into while it lasts; on
// a difference in type or help the first page that has the family wins.
func NewCursor(pages ...*Page) *Cursor {
	return &Cursor{pages: pages, next: make([]int, len(pages))}
}

// peek is what a page has next, or nil.
func (c *Cursor) peek(i int) *family {
	if p := c.pages[i]; c.next[i] < len(p.families) {
		return &p.families[c.next[i]]
	}
	return nil
}

// Name is the name of the family that the cursor stands at, nil at the end.
// It is valid until the pages are read into again.
func (c *Cursor) Name() []byte {
	for {
		name := c.least()
		if name == nil || !c.shadowed(name) {
			return name
		}
		for i, p := range c.pages {
			if f := c.peek(i); f != nil && bytes.Equal(p.bytes(f.name), name) {
				c.next[i]++
				c.Conflicts++
			}
		}
	}
}

// shadowed says whether a family has the name that a sample of some histogram
// or summary on the merged page has.
func (c *Cursor) shadowed(name []byte) bool {
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		base, ok := bytes.CutSuffix(name, []byte(suffix))
		if !ok {
			continue
		}
		if c.Compound != nil && c.Compound(base) {
			return true
		}
		for _, p := range c.pages {
			if i, found := p.find(base); found && (p.families[i].kind == Histogram || p.families[i].kind == Summary) {
				return true
			}
		}
	}
	return false
}

func (c *Cursor) least() []byte {
	var least []byte
	for i, p := range c.pages {
		if f := c.peek(i); f != nil && (least == nil || bytes.Compare(p.bytes(f.name), least) < 0) {
			least = p.bytes(f.name)
		}
	}
	return least
}

// Header returns the type of the family that the cursor stands at, and its
// help in the escaped form of the text format.
func (c *Cursor) Header() (Kind, []byte) {
	name := c.Name()
	kind, help := Kind(""), []byte(nil)
	for i, p := range c.pages {
		f := c.peek(i)
		if f == nil || !bytes.Equal(p.bytes(f.name), name) {
			continue
		}
		if kind == "" {
			kind = f.kind
		}
		if len(help) == 0 {
			help = p.bytes(f.help)
		}
	}
	return kind, help
}

// WriteSamples writes the samples of the family that the cursor stands at, as
// lines of the text format, and goes on to the next one. Pages that have it as
// another kind are passed over and counted as conflicts.
func (c *Cursor) WriteSamples(w io.Writer, kind Kind) error {
	name := c.Name()
	var failed error
	for i, p := range c.pages {
		f := c.peek(i)
		if f == nil || !bytes.Equal(p.bytes(f.name), name) {
			continue
		}
		c.next[i]++
		if f.kind != kind {
			c.Conflicts++
			continue
		}
		for _, b := range p.blocks[f.from:f.to] {
			if b.kind != kind {
				c.Conflicts++
				continue
			}
			if _, err := w.Write(p.bytes(b.samples)); err != nil && failed == nil {
				failed = err
			}
		}
	}
	return failed
}

// WriteText writes everything that is left, each family under its HELP and
// TYPE.
func (c *Cursor) WriteText(w io.Writer) error {
	var line []byte
	for name := c.Name(); name != nil; name = c.Name() {
		kind, help := c.Header()
		line = line[:0]
		if len(help) > 0 {
			line = append(append(append(append(line, "# HELP "...), name...), ' '), help...)
			line = append(line, '\n')
		}
		line = append(append(append(append(line, "# TYPE "...), name...), ' '), kind...)
		line = append(line, '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
		if err := c.WriteSamples(w, kind); err != nil {
			return err
		}
	}
	return nil
}
