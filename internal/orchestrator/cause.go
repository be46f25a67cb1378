package orchestrator

import (
	"context"
	"errors"
	"os"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
)

// hopError is a failure of the way between two stages.
type hopError struct{ err error }

func (e *hopError) Error() string { return e.err.Error() }
func (e *hopError) Unwrap() error { return e.err }

// cause sorts a stage's error into the closed set of the metrics page. What
// took too long is a timeout wherever it happened.
func cause(err error) metrics.FailureCause {
	var rejected *engine.RejectedError
	var hop *hopError
	switch {
	case errors.As(err, &rejected):
		return metrics.CauseRejected
	case errors.Is(err, ErrRequestTimeout):
		return metrics.CauseDeadline
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, ErrStageTimeout):
		return metrics.CauseTimeout
	case errors.Is(err, stage.ErrNoReplica):
		return metrics.CauseNoReplica
	case errors.As(err, &hop):
		return metrics.CauseHop
	case errors.Is(err, engine.ErrLost):
		return metrics.CauseLost
	case errors.Is(err, engine.ErrClosed):
		return metrics.CauseClosed
	}
	return metrics.CauseEngine
}
