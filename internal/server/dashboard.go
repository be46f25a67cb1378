package server

import (
	"context"

	"github.com/limelight-omni/limelight/internal/dashboard"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// statsOff says why the live page of a server without statistics is empty.
const statsOff = "Nothing is recorded, so there is nothing to show. Start the server with --log-stats (metrics.log_stats: true in its file) to see its pipeline here."

// newBoard makes the live page of the pipeline.
func (s *Server) newBoard() *dashboard.Board {
	o := s.look
	o.Model = s.card.Name()
	for _, stage := range s.orch.Stages() {
		o.Stages = append(o.Stages, stage.Name)
	}
	if s.metrics.Recording() {
		s.requests = &dashboard.Requests{}
		o.Source, o.Requests = dashboard.Own{Metrics: s.metrics}, s.requests
	} else {
		o.Off = statsOff
	}
	return dashboard.New(o)
}

// Watch lets the live page follow the pipeline until ctx ends. It must be called
// after Begin or BeginRelay; until then the page has no history.
func (s *Server) Watch(ctx context.Context) { s.board.Run(ctx) }

func (s *Server) dashboardPage(c *call) { dashboard.Asset(c.w, "") }

func (s *Server) dashboardPart(c *call) {
	if !dashboard.Asset(c.w, c.r.PathValue("file")) {
		c.fail(notFound(c.r.URL.Path))
	}
}

func (s *Server) dashboardState(c *call)    { s.board.ServeState(c.w, c.r) }
func (s *Server) dashboardRequests(c *call) { s.board.ServeRequests(c.w, c.r) }

// keep tells the live page of a request that has ended.
func (s *Server) keep(c *call, streamed bool, reply *orchestrator.Reply, sum *orchestrator.Summary) {
	now := s.now()
	if !s.requests.Wants(string(sum.Reason), sum.Duration, now) {
		return
	}
	q := dashboard.Request{
		ID: c.id, Ended: now, Route: c.r.URL.Path, Streamed: streamed, Reason: string(sum.Reason), Cause: string(sum.Cause),
		E2E: sum.Duration, TTFP: sum.TTFP, Audio: sum.Audio, Made: sum.Made, Underrun: sum.Underrun,
	}
	if f := sum.Failed; f != nil {
		q.Failed, q.FailedReplica = f.Name, f.Replica
	}
	receipt := reply.Receipt()
	q.Parts = receipt.Request
	for i, stage := range receipt.Stages[:min(len(receipt.Stages), len(q.Stages))] {
		q.Stages[i] = dashboard.StagePart{Name: stage.Name, Replica: stage.Replica, StageTimes: stage.StageTimes}
		q.N = i + 1
	}
	s.requests.Ended(&q)
}
