package metrics

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// Content types of the formats.
const (
	contentType         = "text/plain; version=0.0.4; charset=utf-8"
	openContentType     = "application/openmetrics-text; version=1.0.0; charset=utf-8"
	protobufContentType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // a fixed, valid level
	return z
}}

// Handler serves the page, families in alphabetical order: in OpenMetrics 1.0 to
// a client that asks for it, in protobuf to one that asks for that if there are
// native histograms, in the text format 0.0.4 to all others; compressed
// if the client would rather have gzip. It always answers 200: a collector that
// fails, or an engine elsewhere, costs its own families only.
func (m *Metrics) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		as := preferred(r.Header.Values("Accept"), m.native)
		h.Set("Content-Type", as.contentType())
		h.Add("Vary", "Accept, Accept-Encoding")
		pages, release := m.enginePages(r)
		defer release()
		if !takesGzip(r.Header.Values("Accept-Encoding")) {
			m.write(w, as, pages)
			return
		}
		h.Set("Content-Encoding", "gzip")
		z := compressors.Get().(*gzip.Writer)
		defer compressors.Put(z)
		z.Reset(w)
		m.write(z, as, pages)
		z.Close()
	})
}

// enginePages returns the pages of engines elsewhere, and a function that gives
// them back. A page that does not come in the time that the client leaves is
// missing.
func (m *Metrics) enginePages(r *http.Request) ([]*merge.Page, func()) {
	if m.scrapes == nil {
		return nil, func() {}
	}
	ctx, cancel := context.WithTimeout(r.Context(), scrapeBudget(r.Header))
	defer cancel()
	return m.scrapes.scraper.Load().Pages(ctx)
}

// write writes the page. A client that went away needs no answer, so errors of
// w end the writing and nothing else. No lock is held meanwhile: what is written
// was gathered before.
func (m *Metrics) write(w io.Writer, as format, pages []*merge.Page) {
	m.forget()
	families := m.families(as)
	cursor := merge.NewCursor(pages...)
	cursor.OpenMetrics, cursor.Local = as == openFormat, families.kind
	page := bufio.NewWriterSize(w, 64<<10)
	defer page.Flush()
	to := newEncoder(page, as, cursor)
	for _, f := range families {
		for name := cursor.Name(); name != nil && string(name) < f.name; name = cursor.Name() {
			if err := to.elsewhere(); err != nil {
				return
			}
		}
		if err := to.own(f); err != nil {
			return
		}
	}
	for cursor.Name() != nil {
		if err := to.elsewhere(); err != nil {
			return
		}
	}
	_ = to.end() // as with Flush, there is nobody to tell
	for i, p := range pages {
		m.scraped(p.From).conflict(cursor.Conflicts[i])
	}
}

// childless returns the declared families that were not gathered, which is
// those without a child: client_golang leaves them out, the page
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
