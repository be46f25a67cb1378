package server

import (
	"encoding/json"
	"net/http"

	"github.com/limelight-omni/limelight/internal/openai"
)

// health says that the process answers; a server that drains still does.
func (s *Server) health(c *call) {
	_ = writeBody(c.w, http.StatusOK, "application/json", statusBody("healthy"))
}

func statusBody(status string) []byte { return []byte(`{"status":"` + status + `"}`) }

func (s *Server) version(c *call) {
	body, err := json.Marshal(map[string]string{"version": Version()})
	if err != nil {
		c.fail(internalError(err.Error()))
		return
	}
	_ = writeBody(c.w, http.StatusOK, "application/json", body)
}

func (s *Server) page(c *call) { s.metrics.Handler().ServeHTTP(c.w, c.r) }

func (s *Server) models(c *call) {
	_ = writeBody(c.w, http.StatusOK, "application/json", openai.ModelList(s.modelCard()))
}

func (s *Server) oneModel(c *call) {
	if e := s.checkModel(c.r.PathValue("model")); e != nil {
		c.fail(e)
		return
	}
	body, err := json.Marshal(s.modelCard())
	if err != nil {
		c.fail(internalError(err.Error()))
		return
	}
	_ = writeBody(c.w, http.StatusOK, "application/json", body)
}

func (s *Server) modelCard() openai.ModelCard {
	return openai.ModelCard{
		ID:          s.card.Name(),
		Created:     s.started.Unix(),
		OwnedBy:     "limelight",
		Root:        s.card.Name(),
		MaxModelLen: s.card.MaxModelLen(),
		Description: s.card.About(),
		Modalities:  []string{"text", "audio"},
		Voices:      s.card.Voices(),
	}
}

func (s *Server) voices(c *call) {
	_ = writeBody(c.w, http.StatusOK, "application/json", openai.VoiceList(s.card.Voices()))
}
