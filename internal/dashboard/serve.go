package dashboard

import (
	"embed"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// files are the page and what it loads. Its links are relative, so that they
// hold behind a proxy that adds a prefix.
//
//go:embed page
var files embed.FS

// policy lets the page load from its own server and from nowhere else, and no
// other site frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// types name the files' types: the system's own table may lack them.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// Asset writes a file of the page, of which the empty name is the page itself.
// It is false if there is none of that name; nothing was written then.
func Asset(w http.ResponseWriter, name string) bool {
	if name == "" {
		name = "index.html"
	}
	if name != path.Base(name) {
		return false
	}
	data, err := files.ReadFile(path.Join("page", name))
	if err != nil {
		return false
	}
	h := w.Header()
	guard(h)
	h.Set("Content-Type", types[path.Ext(name)])
	h.Set("Cache-Control", "no-cache") // the next version has other files of the same names
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(data) // a client that went away needs no answer
	return true
}

func guard(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// ServeState answers with the state. The query's after is the newest step that
// the viewer has.
func (b *Board) ServeState(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64) // who has none gets all
	if boot := r.URL.Query().Get("boot"); boot != b.boot {
		after = 0
	}
	d, err := b.state(after)
	answer(w, r, d, err)
}

// ServeRequests answers with the requests that are worth a look.
func (b *Board) ServeRequests(w http.ResponseWriter, r *http.Request) {
	d, err := b.worth()
	answer(w, r, d, err)
}

func answer(w http.ResponseWriter, r *http.Request, d document, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	guard(h)
	h.Set("Cache-Control", "no-cache, private")
	h.Set("ETag", d.tag)
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == d.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := d.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = d.gzip
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body)
}

// Handler serves the page by itself, at /dashboard.
func (b *Board) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dashboard", func(w http.ResponseWriter, _ *http.Request) { Asset(w, "") })
	mux.HandleFunc("GET /dashboard/state", b.ServeState)
	mux.HandleFunc("GET /dashboard/requests", b.ServeRequests)
	mux.HandleFunc("GET /dashboard/{file}", func(w http.ResponseWriter, r *http.Request) {
		if !Asset(w, r.PathValue("file")) {
			http.NotFound(w, r)
		}
	})
	mux.Handle("GET /{$}", http.RedirectHandler("dashboard", http.StatusFound))
	return mux
}
