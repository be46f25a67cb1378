package server

import (
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// logRequest writes the one line of an admitted request.
func (s *Server) logRequest(c *call, streamed bool, reply *orchestrator.Reply, sum orchestrator.Summary, err error) {
	attrs := []slog.Attr{
		slog.String("request_id", c.id),
		slog.String("path", c.r.URL.Path),
		slog.Int("status", c.w.status),
		slog.Int64("bytes", c.w.bytes),
		slog.Bool("streamed", streamed),
		slog.String("reason", string(sum.Reason)),
		slog.Duration("e2e", sum.Duration.Round(time.Microsecond)),
		slog.Duration("queued", sum.Queued.Round(time.Microsecond)),
	}
	if sum.TTFP > 0 {
		attrs = append(attrs, slog.Duration("ttfp", sum.TTFP.Round(time.Microsecond)))
	}
	if sum.Samples > 0 {
		attrs = append(attrs, slog.Int64("audio_frames", sum.Samples))
	}
	for _, st := range sum.Stages {
		attrs = append(attrs, slog.Group(strings.ReplaceAll(st.Name, " ", "_"),
			slog.Int("replica", st.Replica),
			slog.Duration("start", st.Start.Round(time.Microsecond)),
			slog.Duration("end", st.End.Round(time.Microsecond)),
			slog.Int("in", st.Usage.PromptTokens),
			slog.Int("out", st.Usage.CompletionTokens)))
	}
	level := slog.LevelInfo
	if c.meter.Samples() > 0 {
		peak, rms := c.meter.Level()
		attrs = append(attrs, slog.Float64("peak", rounded(peak)), slog.Float64("rms", rounded(rms)))
	}
	if c.meter.Silent() { // an answer, and no success
		level = slog.LevelWarn
		attrs = append(attrs, slog.Bool("silent", true))
	}
	if natural(sum.Reason) {
		attrs = append(attrs, receiptAttr(reply.Receipt()))
	}
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.Any("error", err))
	}
	s.log.LogAttrs(c.r.Context(), level, "request", attrs...)
}

// natural says whether a request ended because its reply was complete.
func natural(reason engine.FinishReason) bool {
	return reason != engine.FinishAbort && reason != engine.FinishError
}

// rounded is a level as a line of the log has it.
func rounded(level float64) float64 { return math.Round(level*1e4) / 1e4 }

// logRefusal writes the one line of a request of a counted route that was
// refused: what the client was told, and nothing else that it sent.
func (c *call) logRefusal(status int, message string) {
	c.server.log.LogAttrs(c.r.Context(), slog.LevelInfo, "refused",
		slog.String("request_id", c.id),
		slog.String("method", clip(c.r.Method)),
		slog.String("path", clip(c.r.URL.Path)),
		slog.Int("status", status),
		slog.String("error", clip(message)),
		slog.Duration("took", c.server.now().Sub(c.arrived).Round(time.Microsecond)))
}

// clip bounds what a client chose in a line of the log.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
