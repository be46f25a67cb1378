package server

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/internal/openai"
	"github.com/limelight-omni/limelight/internal/orchestrator"
)

// serverTiming is the header that a receipt stands in.
const serverTiming = "Server-Timing"

// readDebug reads the query's debug parameter.
func (c *call) readDebug() *openai.Error {
	switch v := c.r.URL.Query().Get("debug"); v {
	case "", "false":
	case "true":
		c.debug = true
	default:
		return openai.BadRequest("debug", "must be true or false, got %q", clip(v))
	}
	return nil
}

// deliver sends a whole answer, with its receipt as far as it goes: the write
// itself is yet to come.
func (c *call) deliver(reply *orchestrator.Reply, contentType string, body []byte) error {
	if err := reply.Whole(); err != nil {
		return err
	}
	c.w.Header().Set(serverTiming, string(appendTiming(nil, reply.Receipt())))
	reply.Writing()
	return writeBody(c.w, http.StatusOK, contentType, body)
}

// appendReceipt appends the receipt so far, if the client wants it, as a comment
// in front of a stream's last event. The comment belongs to that event: there
// are clients that take a comment by itself for an event without data.
func (c *call) appendReceipt(buf []byte, reply *orchestrator.Reply) []byte {
	if !c.debug {
		return buf
	}
	buf = append(buf, ": "...)
	return append(appendTiming(buf, reply.Receipt()), '\n')
}

// trailReceipt sends the receipt so far, if the client wants it, behind a sound
// that is streamed as it is.
func (c *call) trailReceipt(reply *orchestrator.Reply) {
	if c.debug {
		c.w.Header().Set(http.TrailerPrefix+serverTiming, string(appendTiming(nil, reply.Receipt())))
	}
}

// appendTiming appends a receipt as a Server-Timing header has it: names and
// milliseconds, the parts in the order of the pipeline and their total.
func appendTiming(b []byte, r orchestrator.Receipt) []byte {
	eachPart(r, func(stage, part string, took time.Duration) {
		if stage != "" {
			b = append(append(b, token(stage)...), '-')
		}
		b = append(append(b, part...), ";dur="...)
		b = strconv.AppendFloat(b, milliseconds(took), 'f', -1, 64)
		b = append(b, ", "...)
	})
	b = append(b, "total;dur="...)
	return strconv.AppendFloat(b, milliseconds(r.Total), 'f', -1, 64)
}

// eachPart calls do with every part of a receipt; stage is empty for those that are
// no stage's.
func eachPart(r orchestrator.Receipt, do func(stage, part string, took time.Duration)) {
	do("", "receive", r.Request.Receive)
	do("", "admission", r.Request.Admission)
	for i, s := range r.Stages {
		if i > 0 {
			do(s.Name, "hop", s.Hop)
		}
		do(s.Name, "queue", s.Queue)
		do(s.Name, "work", s.Work)
	}
	do("", "encode", r.Request.Encode)
	do("", "write", r.Request.Write)
	do("", "residual", r.Request.Residual)
}

// milliseconds are rounded to microseconds.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond).Microseconds()) / 1000
}

// token is a stage's name as a header may have it.
func token(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, name)
}

// receiptAttr is a receipt as a line of the log has it.
func receiptAttr(r orchestrator.Receipt) slog.Attr {
	var parts []any
	eachPart(r, func(stage, part string, took time.Duration) {
		if stage != "" {
			part = token(stage) + "_" + part
		}
		parts = append(parts, slog.Duration(part, took.Round(time.Microsecond)))
	})
	return slog.Group("receipt", parts...)
}
