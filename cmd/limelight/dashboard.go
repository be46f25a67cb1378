package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	neturl "net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/dashboard"
	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/metrics/check"
)

func newDashboard() *cobra.Command {
	var url, listen, file string
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "dashboard --url URL",
		Short: "Show the live page for anybody's metrics page",
		Long: `Show the live page for anybody's metrics page.

It is the page that "limelight serve" has at /dashboard, for a server that has
none: vLLM-Omni with either prefix, a plain vLLM, or another Limelight. The page
at URL is read each interval; it is all that is read, so requests by themselves
are not shown.`,
		Example: `  limelight dashboard --url http://gpu1:8000/metrics
  limelight dashboard --url http://gpu1:8000 --listen 127.0.0.1:9001 --interval 5s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !check.IsURL(url) {
				return fmt.Errorf("--url: want an http:// or https:// URL, got %q", url)
			}
			if interval < 250*time.Millisecond || interval > time.Minute {
				return fmt.Errorf("--interval: want 250ms to 1m, got %v", interval)
			}
			judged, err := objectives(file)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("listen: %w", err)
			}
			shown := url
			if u, err := neturl.Parse(url); err == nil {
				shown = u.Redacted()
			}
			board := dashboard.New(dashboard.Options{Source: dashboard.Scraped{URL: url}, Address: shown, Interval: interval, Objectives: judged})
			fmt.Fprintf(cmd.OutOrStdout(), "%s is shown at http://%s/dashboard\n", shown, reachable(l.Addr()))
			return show(ctx, board, l)
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "metrics page, or a server whose /metrics is meant")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8001", "HOST:PORT to show it at")
	cmd.Flags().DurationVar(&interval, "interval", 2*time.Second, "time between two looks")
	cmd.Flags().StringVar(&file, "objectives", "", "YAML file of the objectives to judge by; without it the defaults")
	_ = cmd.MarkFlagRequired("url") // the flag exists
	return cmd
}

// objectives reads a file of them; the empty name is the defaults.
func objectives(file string) ([]objective.Objective, error) {
	if file == "" {
		return objective.Default().Objectives, nil
	}
	set, err := objective.Load(file)
	if err != nil {
		return nil, err
	}
	return set.Objectives, nil
}

// show serves a board until ctx ends.
func show(ctx context.Context, board *dashboard.Board, l net.Listener) error {
	web := &http.Server{Handler: board.Handler(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		board.Run(watching)
	}()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		err = errors.Join(web.Close(), closed(<-served))
	}
	stop()
	<-watched
	return err
}

// closed is nil for a server that was closed on purpose.
func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
