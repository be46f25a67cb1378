package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/metrics"
)

func TestEveryWayToRefuseHasItsReason(t *testing.T) {
	for status, want := range map[int]metrics.RefusalReason{
		http.StatusBadRequest:                  metrics.BadRequest,
		http.StatusUnprocessableEntity:         metrics.BadRequest,
		http.StatusUnauthorized:                metrics.Unauthorized,
		http.StatusNotFound:                    metrics.NotFound,
		http.StatusMethodNotAllowed:            metrics.MethodNotAllowed,
		http.StatusRequestTimeout:              metrics.SlowBody,
		http.StatusRequestEntityTooLarge:       metrics.TooLarge,
		http.StatusRequestHeaderFieldsTooLarge: metrics.TooLarge,
	} {
		if got, refused := refusedWith(status); got != want || !refused {
			t.Errorf("status %d: %s, %v", status, got, refused)
		}
	}
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		if _, refused := refusedWith(status); refused {
			t.Errorf("status %d is a refusal by itself", status)
		}
	}
	for err, want := range map[error]metrics.RefusalReason{
		orchestrator.ErrQueueFull: metrics.QueueFull, orchestrator.ErrDraining: metrics.Draining, orchestrator.ErrNoReplica: metrics.NoReplica,
		errStreams: metrics.TooManyStreams, errBodies: metrics.TooManyBodies,
	} {
		if got, later := busy(fmt.Errorf("x: %w", err)); got != want || !later {
			t.Errorf("%v: %s, %v", err, got, later)
		}
	}
}

func TestRefusalIsCountedOnceAndOnCountedRoutesAlone(t *testing.T) {
	s := configured(t, Options{Keys: []string{"key"}, Pprof: true})
	for _, path := range []string{"/v1/models", "/v1/secret", "/nothing", "/debug/pprof/cmdline"} { // the last one is not counted
		ask(s.Handler(), "GET", path)
	}
	page := ask(s.Handler(), "GET", "/metrics").Body.String()
	for series, want := range map[string]string{
		`limelight_requests_refused_total{model_name="limelight-tiny",reason="unauthorized"}`: "2",
		`limelight_requests_refused_total{model_name="limelight-tiny",reason="not_found"}`:    "1",
		`limelight_requests_refused_total{model_name="limelight-tiny",reason="bad_request"}`:  "0",
		`limelight_requests_admitted_total{model_name="limelight-tiny"}`:                      "0",
	} {
		if !strings.Contains(page, series+" "+want+"\n") {
			t.Errorf("%s is not %s", series, want)
		}
	}
}
