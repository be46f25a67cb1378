package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/metrics/check"
)

func newCheck() *cobra.Command {
	var moved bool
	cmd := &cobra.Command{
		Use:   "check URL|FILE",
		Short: "Check that a metrics page is what the family table promises",
		Long: `Check that a metrics page is what the family table promises: every family there
with its type, labels, buckets and children, none unknown, histograms consistent,
and numbers that agree with each other (docs/check.md lists what).

The page is that of a running server (a URL without a path means its /metrics) or
a saved one, of Limelight or of vLLM-Omni, in the text format or OpenMetrics. The
exit code is 0 for a good page, 1 for findings, 2 for a wrong command line.`,
		Example: `  limelight check http://localhost:8000
  limelight check --moved saved-page.txt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target := args[0]
			load := func(ctx context.Context) (*check.Page, error) { return check.Load(ctx, nil, target) }
			var report *check.Report
			var err error
			if check.IsURL(target) {
				report, err = check.Steady(cmd.Context(), load, check.Options{Moved: moved})
			} else {
				var page *check.Page
				if page, err = load(cmd.Context()); err == nil {
					report = check.Check(page, check.Options{Moved: moved})
				}
			}
			if err != nil {
				return err
			}
			return verdict(cmd, target, report)
		},
	}
	cmd.Flags().BoolVar(&moved, "moved", false, "also ask that every family has moved which the page's pipeline can move")
	return cmd
}

// verdict prints a report; findings are an error.
func verdict(cmd *cobra.Command, what string, report *check.Report) error {
	err := report.Write(cmd.OutOrStdout())
	if !report.Good() {
		err = errors.Join(err, fmt.Errorf("%s is not what the family table promises", what))
	}
	return err
}
