// Package webpage serves pages that are files in the binary, each in a folder
// with what it loads. A page loads from its own server and from nowhere else.
package webpage

import (
	"embed"
	"net/http"
	"path"
)

// policy lets a page load from its own server and from nowhere else, and no
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

// Page is a folder of embedded files. Its links are relative, so that they hold
// behind a proxy that adds a prefix.
type Page struct {
	files  embed.FS
	folder string
}

// New returns the page in a folder of files.
func New(files embed.FS, folder string) Page { return Page{files, folder} }

// Read returns a file of the page and its type, and sets the headers that go
// with it. The empty name is the page itself. It is false, and sets nothing, if
// there is no file of that name.
func (p Page) Read(h http.Header, name string) (data []byte, contentType string, ok bool) {
	if name == "" {
		name = "index.html"
	}
	if name != path.Base(name) {
		return nil, "", false
	}
	data, err := p.files.ReadFile(path.Join(p.folder, name))
	if err != nil {
		return nil, "", false
	}
	Guard(h)
	h.Set("Cache-Control", "no-cache") // the next version has other files of the same names
	return data, types[path.Ext(name)], true
}

// Guard sets the headers that keep other sites out of an answer.
func Guard(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}
