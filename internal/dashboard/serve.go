package dashboard

import (
	"embed"
	"net/http"
	"strconv"
	"strings"

	"github.com/limelight-omni/limelight/internal/webpage"
)

// files are the page and what it loads.
//
//go:embed page
var files embed.FS

var page = webpage.New(files, "page")

// Asset writes a file of the page, of which the empty name is the page itself.
// It is false if there is none of that name; nothing was written then.
func Asset(w http.ResponseWriter, name string) bool {
	h := w.Header()
	data, contentType, ok := page.Read(h, name)
	if !ok {
		return false
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(data) // a client that went away needs no answer
	return true
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
	webpage.Guard(h)
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
