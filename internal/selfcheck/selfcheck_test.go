package selfcheck

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/metrics"
	"github.com/limelight-omni/limelight/metrics/check"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServerProvesItsPage(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	report, err := Run(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		t.Error(f)
	}
	if len(report.Notes) > 0 || report.Families < 60 || report.Identities < 26 {
		t.Errorf("%d families, %d identities, notes %q", report.Families, report.Identities, report.Notes)
	}
}

// TestOutcomeMovesWhatTheTableSays sends each outcome to a server of its own: a
// family moves if and only if the table says so.
func TestOutcomeMovesWhatTheTableSays(t *testing.T) {
	for _, l := range loads {
		t.Run(string(l.outcome), func(t *testing.T) {
			h, err := start(slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := h.stop(context.Background()); err != nil {
					t.Error(err)
				}
			}()
			if err := l.send(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			page, err := h.settled(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range check.Check(page, check.Options{}).Findings {
				t.Error(f)
			}
			for _, f := range metrics.Families() {
				if f.Foreign || f.Kind == metrics.Gauge || f.Constant != "" {
					continue
				}
				suffix := "_count"
				if f.Kind == metrics.Counter {
					suffix = ""
				}
				moved := page.Sum(f.Name, suffix) > 0
				if says := slices.Contains(f.At, l.outcome); moved != says && !slices.Contains(f.May, l.outcome) {
					t.Errorf("%s moved: %v, the table says %v", f.Name, moved, says)
				}
			}
		})
	}
}

func TestEveryOutcomeIsSent(t *testing.T) {
	for _, f := range metrics.Families() {
		if slices.Contains(f.Needs, metrics.NeedPages) || slices.Contains(f.Needs, metrics.NeedRelay) || slices.Contains(f.Needs, metrics.NeedDeadline) {
			continue // its engines are in process, and requests have all the time
		}
		for _, o := range f.At {
			if !slices.ContainsFunc(loads, func(l load) bool { return l.outcome == o }) {
				t.Errorf("outcome %s, which moves %s, is never sent", o, f.Name)
			}
		}
	}
}
