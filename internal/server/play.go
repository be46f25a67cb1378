package server

import (
	"embed"
	"net/http"
	"path"
)

// playFiles are the page that lets one hear the server, at /play, and what it
// loads. Its links are relative, as those of the landing page.
//
//go:embed play
var playFiles embed.FS

// playPolicy lets the page load from this server and from nowhere else, and no
// other site frame it.
const playPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// playTypes name the files' types: the system's own table may lack them.
var playTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// playPage answers GET /play.
func (s *Server) playPage(c *call) { c.playFile("index.html") }

// playPart answers GET /play/{file}.
func (s *Server) playPart(c *call) { c.playFile(c.r.PathValue("file")) }

func (c *call) playFile(name string) {
	data, err := playFiles.ReadFile(path.Join("play", path.Base(name)))
	if err != nil {
		c.fail(notFound(c.r.URL.Path))
		return
	}
	h := c.w.Header()
	h.Set("Content-Security-Policy", playPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache") // the next version has other files of the same names
	_ = writeBody(c.w, http.StatusOK, playTypes[path.Ext(name)], data)
}
