// Package selfcheck lets Limelight prove its own metrics page: it runs a server
// in process, sends it requests of every outcome, and holds the page against
// the family table.
package selfcheck

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/limelight-omni/limelight/metrics/check"
)

// Run checks a server of the built-in model after every outcome, and while
// requests run and wait, for the gauges. Log receives the server's log; nil
// drops it.
func Run(ctx context.Context, log *slog.Logger) (report *check.Report, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h, err := start(log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if stopErr := h.stop(ctx); err == nil {
			err = stopErr
		}
	}()
	busy, err := h.crowd(ctx)
	if err != nil {
		return nil, fmt.Errorf("crowd: %w", err)
	}
	for _, l := range loads {
		if err := l.send(ctx, h); err != nil {
			return nil, fmt.Errorf("outcome %s: %w", l.outcome, err)
		}
	}
	page, err := h.settled(ctx)
	if err != nil {
		return nil, err
	}
	return check.Check(page, check.Options{Moved: true, Earlier: []*check.Page{busy}}), nil
}
