package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/selfcheck"
	"github.com/limelight-omni/limelight/metrics/check"
)

// selfCheckTimeout is far more than the check in process takes.
const selfCheckTimeout = 2 * time.Minute

func newCheck() *cobra.Command {
	var moved, self bool
	cmd := &cobra.Command{
		Use:   "check {URL|FILE|--self}",
		Short: "Check that a metrics page is what the family table promises",
		Long: `Check that a metrics page is what the family table promises: every family there
with its type, labels, buckets and children, none unknown, histograms consistent,
and numbers that agree with each other (docs/check.md lists what).

The page is that of a running server (a URL without a path means its /metrics) or
a saved one, of Limelight or of vLLM-Omni, in the text format or OpenMetrics. With
--self a server runs in process, gets requests of every outcome, and its page is
checked with --moved.

The exit code is 0 for a good page, 1 for findings, 2 for a wrong command line.`,
		Example: `  limelight check http://localhost:8000
  limelight check --moved saved-page.txt
  limelight check --self`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case self && len(args) > 0:
				return errors.New("--self takes no page")
			case !self && len(args) != 1:
				return errors.New("one URL or FILE is needed")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			what := "the server's own page"
			var report *check.Report
			var err error
			if self {
				ctx, cancel := context.WithTimeout(cmd.Context(), selfCheckTimeout)
				defer cancel()
				report, err = selfcheck.Run(ctx, nil)
			} else {
				what = args[0]
				report, err = checkPage(cmd.Context(), what, check.Options{Moved: moved})
			}
			if err != nil {
				return err
			}
			err = report.Write(cmd.OutOrStdout())
			if !report.Good() {
				err = errors.Join(err, fmt.Errorf("%s is not what the family table promises", what))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&moved, "moved", false, "also ask that every family has moved which the page's pipeline can move")
	cmd.Flags().BoolVar(&self, "self", false, "check a server that runs in process")
	return cmd
}

func checkPage(ctx context.Context, target string, o check.Options) (*check.Report, error) {
	load := func(ctx context.Context) (*check.Page, error) { return check.Load(ctx, nil, target) }
	if check.IsURL(target) {
		return check.Steady(ctx, load, o)
	}
	page, err := load(ctx)
	if err != nil {
		return nil, err
	}
	return check.Check(page, o), nil
}
