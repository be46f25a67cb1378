package check

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/limelight-omni/limelight/metrics"
)

// Options say what to check beyond what always holds.
type Options struct {
	// Moved also asks that every family has moved which the page's pipeline can
	// move.
	Moved bool
	// Earlier are pages of the same server from before, while requests ran: a
	// gauge has moved if any of the pages shows it. May be nil.
	Earlier []*Page
}

// Report is what a check found.
type Report struct {
	// Findings in the order of the page's lines, those of no line first.
	Findings []Finding
	// Notes say what could not be told, or is different and no fault.
	Notes []string
	// Families and Identities count what was held against the table.
	Families, Identities int
}

// Good says that nothing was found.
func (r *Report) Good() bool { return len(r.Findings) == 0 }

// Check holds a page against the family table.
func Check(p *Page, o Options) *Report {
	table := metrics.Families()
	p = withoutEngines(p)
	c := &checker{page: p, table: table, shape: read(p, table), report: &Report{}}
	c.report.Findings = slices.Clone(p.Faults)
	if c.shape.reference {
		c.note("the page is vLLM-Omni's: Limelight's own families are not asked for, children may be missing until their first event")
	}
	if !c.shape.stats {
		c.note("statistics are off: only the names of the families that need --log-stats are asked for")
	}
	c.declared()
	c.histograms()
	if c.shape.stats {
		c.children()
		c.identities()
	}
	if o.Moved {
		earlier := make([]*Page, len(o.Earlier))
		for i, e := range o.Earlier {
			earlier[i] = withoutEngines(e)
		}
		c.moved(earlier)
	}
	slices.SortStableFunc(c.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Family, b.Family))
	})
	return c.report
}

// checker is one check under way.
type checker struct {
	page   *Page
	table  []metrics.Family
	shape  shape
	report *Report
}

func (c *checker) find(line int, family, format string, args ...any) {
	c.report.Findings = append(c.report.Findings, Finding{Line: line, Family: family, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) note(format string, args ...any) {
	c.report.Notes = append(c.report.Notes, fmt.Sprintf(format, args...))
}

// Write writes the report for people: a line for each finding and note, and
// one that sums up.
func (r *Report) Write(w io.Writer) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintln(w, f); err != nil {
			return err
		}
	}
	for _, n := range r.Notes {
		if _, err := fmt.Fprintf(w, "note: %s\n", n); err != nil {
			return err
		}
	}
	verdict := "good"
	if n := len(r.Findings); n > 0 {
		verdict = fmt.Sprintf("%d findings", n)
		if n == 1 {
			verdict = "1 finding"
		}
	}
	_, err := fmt.Fprintf(w, "%d families, %d identities: %s\n", r.Families, r.Identities, verdict)
	return err
}

// String is the finding as one line: where, whose, what.
func (f Finding) String() string {
	text := f.Text
	if f.Family != "" {
		text = f.Family + ": " + text
	}
	if f.Line > 0 {
		text = fmt.Sprintf("line %d: %s", f.Line, text)
	}
	return text
}
