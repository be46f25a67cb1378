package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/internal/stage"
)

// admin are the routes that change the pipeline while it runs.
func (s *Server) admin() []route {
	return []route{
		{method: "GET", path: "/admin/stages/{stage}/replicas", handle: s.listReplicas, uncounted: true, admin: true, about: "the replicas of a stage, by its name or id"},
		{method: "POST", path: "/admin/stages/{stage}/replicas", handle: s.addReplica, uncounted: true, admin: true, about: "a further replica"},
		{method: "DELETE", path: "/admin/stages/{stage}/replicas/{id}", handle: s.removeReplica, uncounted: true, admin: true, about: "drain a replica and let it go"},
	}
}

// mayAdmin says whether a request may use the admin routes: with a key if there
// are keys, and otherwise from this host alone. A request that a browser or a
// proxy on this host sends for somebody else is not from this host.
func (s *Server) mayAdmin(r *http.Request) bool {
	if len(s.keys) > 0 {
		return s.keys.accepts(r)
	}
	for _, name := range []string{"Origin", "Forwarded", "X-Forwarded-For", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return true // a Unix domain socket has no port
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// refuseAdmin answers a request that may not use the admin routes.
func (c *call) refuseAdmin() {
	if len(c.server.keys) > 0 {
		c.refuseKey()
		return
	}
	c.fail(openai.Problem(http.StatusForbidden, "without --api-key only requests of this host itself may change the pipeline"))
}

// replicaBody is a replica on the wire.
type replicaBody struct {
	Stage   string      `json:"stage"`
	StageID int         `json:"stage_id"`
	ID      int         `json:"id"`
	State   stage.State `json:"state"`
	// Requests is the number of requests bound to it.
	Requests int `json:"requests"`
}

func (s *Server) listReplicas(c *call) {
	k, ok := c.stage()
	if !ok {
		return
	}
	list := struct {
		Object string        `json:"object"`
		Data   []replicaBody `json:"data"`
	}{Object: "list", Data: []replicaBody{}}
	for _, m := range s.orch.Stages()[k].Members() {
		list.Data = append(list.Data, s.replicaBody(k, m))
	}
	c.answer(http.StatusOK, list)
}

func (s *Server) addReplica(c *call) {
	k, ok := c.stage()
	if !ok {
		return
	}
	id, err := s.newReplica(c, k)
	if err != nil {
		c.failAdmin(err)
		return
	}
	s.log.Info("replica added", "stage", s.orch.Stages()[k].Name, "replica", id)
	c.w.Header().Set("Location", fmt.Sprintf("/admin/stages/%d/replicas/%d", k, id))
	c.answer(http.StatusCreated, s.replicaBody(k, stage.Member{ID: id, State: stage.Ready}))
}

// newReplica adds what the request asks for: an embedded replica, or, to a
// relay, the server whose URL the body names.
func (s *Server) newReplica(c *call, k int) (int, error) {
	if s.relay == nil {
		return s.orch.AddReplica(k)
	}
	data, err := s.body(c)
	if err != nil {
		return 0, openai.BadRequest("", "the body could not be read: %v", err)
	}
	var body struct {
		URL string `json:"url"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil || body.URL == "" {
		return 0, openai.BadRequest("url", `is required: the server to add, as {"url":"http://gpu2:8000"}`)
	}
	id, err := s.relay.AddServer(k, body.URL)
	if err != nil && !errors.Is(err, orchestrator.ErrDraining) && !errors.Is(err, stage.ErrTooManyReplicas) {
		return 0, openai.BadRequest("url", "%v", err)
	}
	return id, err
}

// removeReplica answers 202: the replica leaves when its requests have ended.
func (s *Server) removeReplica(c *call) {
	k, ok := c.stage()
	if !ok {
		return
	}
	id, err := strconv.Atoi(c.r.PathValue("id"))
	if err != nil {
		c.fail(openai.BadRequest("id", "must be the decimal id of a replica"))
		return
	}
	if err := s.orch.RemoveReplica(k, id); err != nil {
		c.failAdmin(err)
		return
	}
	if s.relay != nil {
		s.relay.Forget(k, id)
	}
	left := stage.Member{ID: id, State: stage.Draining}
	for _, m := range s.orch.Stages()[k].Members() {
		if m.ID == id {
			left = m
		}
	}
	s.log.Info("replica drains", "stage", s.orch.Stages()[k].Name, "replica", id, "requests", left.Requests)
	c.answer(http.StatusAccepted, s.replicaBody(k, left))
}

func (s *Server) replicaBody(k int, m stage.Member) replicaBody {
	return replicaBody{Stage: s.orch.Stages()[k].Name, StageID: k, ID: m.ID, State: m.State, Requests: m.Requests}
}

// stage is the stage that the path names; false when the request was answered,
// because there is none.
func (c *call) stage() (int, bool) {
	k, err := c.server.orch.FindStage(c.r.PathValue("stage"))
	if err != nil {
		c.failAdmin(err)
		return 0, false
	}
	return k, true
}

// failAdmin answers why the pipeline was not changed.
func (c *call) failAdmin(err error) {
	var said *openai.Error
	if errors.As(err, &said) {
		c.fail(said)
		return
	}
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, orchestrator.ErrUnknownStage), errors.Is(err, stage.ErrUnknownReplica):
		status = http.StatusNotFound
	case errors.Is(err, stage.ErrLastReplica), errors.Is(err, stage.ErrTooManyReplicas):
		status = http.StatusConflict
	case errors.Is(err, orchestrator.ErrDraining), errors.Is(err, engine.ErrClosed):
		status = http.StatusServiceUnavailable
	}
	c.fail(openai.Problem(status, "%v", err))
}

// answer sends a body in JSON.
func (c *call) answer(status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		c.fail(internalError(err.Error()))
		return
	}
	_ = writeBody(c.w, status, "application/json", body)
}
