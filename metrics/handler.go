package metrics

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// Content types of the text exposition format and of OpenMetrics.
const (
	contentType     = "text/plain; version=0.0.4; charset=utf-8"
	openContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // a fixed, valid level
	return z
}}

// Handler serves the page, families in alphabetical order: in OpenMetrics 1.0 to
// a client that asks for it, in the text format 0.0.4 to all others; compressed
// if the client would rather have gzip. It always answers 200: a collector that
// fails costs its own families only.
func (m *Metrics) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		open := takesOpenMetrics(r.Header.Values("Accept"))
		h.Set("Content-Type", contentType)
		if open {
			h.Set("Content-Type", openContentType)
		}
		h.Add("Vary", "Accept, Accept-Encoding")
		if !takesGzip(r.Header.Values("Accept-Encoding")) {
			m.write(w, open)
			return
		}
		h.Set("Content-Encoding", "gzip")
		z := compressors.Get().(*gzip.Writer)
		defer compressors.Put(z)
		z.Reset(w)
		m.write(z, open)
		z.Close()
	})
}

// write writes the page. A client that went away needs no answer, so errors of
// w end the writing and nothing else.
func (m *Metrics) write(w io.Writer, open bool) {
	m.forget()
	gathered, _ := m.registry.Gather() // what could be gathered comes with the error
	gathered = m.renamed(gathered)
	page := bufio.NewWriterSize(w, 64<<10)
	defer page.Flush()
	family, head := expfmt.MetricFamilyToText, header
	if open {
		m.addUnits(gathered)
		family, head = openFamily, openHeader
	}
	childless := m.childless(gathered)
	for _, f := range gathered {
		for len(childless) > 0 && childless[0].Name < f.GetName() {
			head(page, childless[0])
			childless = childless[1:]
		}
		if _, err := family(page, f); err != nil {
			return
		}
	}
	for _, f := range childless {
		head(page, f)
	}
	if open {
		_, _ = expfmt.FinalizeOpenMetrics(page) // as with Flush, there is nobody to tell
	}
}

// childless returns the declared families that were not gathered, which is
// those without a child, by name: client_golang leaves them out, the page
// names them.
func (m *Metrics) childless(gathered []*dto.MetricFamily) []Family {
	var missing []Family
	for _, f := range m.table {
		if f.Foreign || slices.ContainsFunc(f.NamedWith, func(n Need) bool { return !slices.Contains(m.options, n) }) {
			continue
		}
		f.Name = m.shown(f.Name)
		if find(gathered, f.Name) == nil {
			missing = append(missing, f)
		}
	}
	slices.SortFunc(missing, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	return missing
}

// find returns the gathered family of a name, or nil.
func find(gathered []*dto.MetricFamily, name string) *dto.MetricFamily {
	i, found := slices.BinarySearchFunc(gathered, name, func(g *dto.MetricFamily, name string) int {
		return strings.Compare(g.GetName(), name)
	})
	if !found {
		return nil
	}
	return gathered[i]
}

func header(w io.Writer, f Family) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", f.Name, helpEscapes.Replace(f.Help), f.Name, f.Kind)
}

var helpEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
