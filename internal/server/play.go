package server

import (
	"embed"
	"net/http"

	"github.com/limelight-omni/limelight/internal/webpage"
)

// playFiles are the page that lets one hear the server, at /play, and what it
// loads.
//
//go:embed play
var playFiles embed.FS

var play = webpage.New(playFiles, "play")

// playPage answers GET /play.
func (s *Server) playPage(c *call) { c.playFile("") }

// playPart answers GET /play/{file}.
func (s *Server) playPart(c *call) { c.playFile(c.r.PathValue("file")) }

func (c *call) playFile(name string) {
	data, contentType, ok := play.Read(c.w.Header(), name)
	if !ok {
		c.fail(notFound(c.r.URL.Path))
		return
	}
	_ = writeBody(c.w, http.StatusOK, contentType, data)
}
