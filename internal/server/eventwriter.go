package server

import (
	"context"
	"net/http"

	"github.com/limelight-omni/limelight/internal/orchestrator"
)

const eventStream = "text/event-stream; charset=utf-8"

// maxBatch bounds, but for the last event, what one write sends in bytes.
const maxBatch = 16 << 10

// eventWriter sends server-sent events: each at once, together with those that
// are there by then.
type eventWriter struct {
	w     *response
	ctrl  *http.ResponseController
	reply replyEvents // what the events are made of
	buf   []byte      // what the next flush sends
}

// replyEvents is what an eventWriter needs of an orchestrator.Reply.
type replyEvents interface {
	Next(context.Context) (orchestrator.Event, error)
	// Ready says that Next will return an event, and at once.
	Ready() bool
	// Writing says that what was made of the events so far is being written.
	Writing()
}

func newEventWriter(w *response, reply replyEvents) *eventWriter {
	return &eventWriter{w: w, ctrl: http.NewResponseController(w), reply: reply}
}

// next sends what is in the buffer, unless another event is there already that
// goes with it, and returns the next event of the reply.
func (e *eventWriter) next(ctx context.Context) (orchestrator.Event, error) {
	if len(e.buf) > 0 && (len(e.buf) >= maxBatch || !e.reply.Ready()) {
		if err := e.flush(); err != nil {
			return orchestrator.Event{}, err
		}
	}
	return e.reply.Next(ctx)
}

// flush sends the buffer. The first one sends the header.
func (e *eventWriter) flush() error {
	if e.w.status == 0 {
		h := e.w.Header()
		h.Set("Content-Type", eventStream)
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	}
	e.reply.Writing()
	_, err := e.w.Write(e.buf)
	e.buf = e.buf[:0]
	if err != nil {
		return err
	}
	return e.ctrl.Flush()
}

func isEventStream(h http.Header) bool { return h.Get("Content-Type") == eventStream }
