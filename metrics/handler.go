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

// contentType is the text exposition format's.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // a fixed, valid level
	return z
}}

// Handler serves the page: text exposition 0.0.4, families in alphabetical
// order, compressed if the client takes gzip. It always answers 200: a
// collector that fails costs its own families only.
func (m *Metrics) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Add("Vary", "Accept-Encoding")
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			m.write(w)
			return
		}
		h.Set("Content-Encoding", "gzip")
		z := compressors.Get().(*gzip.Writer)
		defer compressors.Put(z)
		z.Reset(w)
		m.write(z)
		z.Close()
	})
}

// write writes the page. A client that went away needs no answer, so errors of
// w end the writing and nothing else.
func (m *Metrics) write(w io.Writer) {
	gathered, _ := m.registry.Gather() // what could be gathered comes with the error
	gathered = m.renamed(gathered)
	page := bufio.NewWriterSize(w, 64<<10)
	defer page.Flush()
	childless := m.childless(gathered)
	for _, f := range gathered {
		for len(childless) > 0 && childless[0].Name < f.GetName() {
			header(page, childless[0])
			childless = childless[1:]
		}
		if _, err := expfmt.MetricFamilyToText(page, f); err != nil {
			return
		}
	}
	for _, f := range childless {
		header(page, f)
	}
}

// childless returns the declared families that were not gathered, which is
// those without a child, by name: client_golang leaves them out, the page
// names them.
func (m *Metrics) childless(gathered []*dto.MetricFamily) []Family {
	var missing []Family
	for _, f := range m.table {
		if f.Foreign {
			continue
		}
		f.Name = m.shown(f.Name)
		_, found := slices.BinarySearchFunc(gathered, f.Name, func(g *dto.MetricFamily, name string) int {
			return strings.Compare(g.GetName(), name)
		})
		if !found {
			missing = append(missing, f)
		}
	}
	slices.SortFunc(missing, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	return missing
}

func header(w io.Writer, f Family) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", f.Name, helpEscapes.Replace(f.Help), f.Name, f.Kind)
}

var helpEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
