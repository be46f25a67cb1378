package main

import (
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/top"
)

func newTop() *cobra.Command {
	var o top.Options
	var once bool
	cmd := &cobra.Command{
		Use:   "top [URL]",
		Short: "Watch a server's stages, replicas and hops in the terminal",
		Long: `Watch a server's stages, replicas and hops in the terminal.

URL is a server, or its metrics page; default http://localhost:8000. vLLM-Omni's
page is read as well. Rates and quantiles are those of the time between two
looks; where nothing happened in it, quantiles are those since the start.`,
		Example: `  limelight top
  limelight top http://gpu1:8000/metrics --interval 5s
  limelight top --once`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Address, o.In, o.Out = "http://localhost:8000", cmd.InOrStdin(), cmd.OutOrStdout()
			if len(args) == 1 {
				o.Address = args[0]
			}
			if once {
				return top.Once(cmd.Context(), o)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM)
			defer stop()
			return top.Run(ctx, o)
		},
	}
	cmd.Flags().DurationVar(&o.Interval, "interval", 2*time.Second, "time between two looks")
	cmd.Flags().BoolVar(&once, "once", false, "print one view and end")
	return cmd
}
