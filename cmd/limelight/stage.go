package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/config"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// stageFlags are what only `limelight stage` is told.
type stageFlags struct {
	listen  string
	metrics string // where to serve the engines' page; may be empty
	stages  []string
	files   pipeline.TLSFiles
}

func newStage() *cobra.Command {
	var f stageFlags
	cmd := &cobra.Command{
		Use:   "stage --stages NAME,... [MODEL]",
		Short: "Run stages for a server in another process",
		Long: `Run some of a model's stages for limelight serve in another process, which
reaches them with --stage-peer over gRPC. Both need the same MODEL. The command
line and the file of serve may be used here, too: what does not concern the
stages is left alone. Connections are in plain text unless a certificate is
given; anyone who can connect can use the stages, unless --ssl-ca-certs is given.`,
		Example: `  limelight stage --stages talker,code2wav --listen 127.0.0.1:9400
  limelight serve --log-stats --stage-peer talker,code2wav=127.0.0.1:9400`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(f.stages) == 0 {
				return errors.New("--stages must say which stages to run, as talker,code2wav")
			}
			return cobra.MaximumNArgs(1)(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:9400", "HOST:PORT to listen on; port 0 picks a free one")
	flags.StringSliceVar(&f.stages, "stages", nil, "stages to run, as talker,code2wav")
	flags.StringVar(&f.metrics, "metrics-addr", "", "HOST:PORT to serve /metrics of the stages' engines on, in plain HTTP; --log-stats records them")
	flags.StringVar(&f.files.Cert, "ssl-certfile", "", "PEM file of the certificate to serve TLS with; needs --ssl-keyfile")
	flags.StringVar(&f.files.Key, "ssl-keyfile", "", "PEM file of the key of --ssl-certfile")
	flags.StringVar(&f.files.CA, "ssl-ca-certs", "", "PEM file of the authorities that a caller's certificate must come from; needs --ssl-certfile")
	o := addOptions(cmd, "server.", "limits.", "metrics.addr", "metrics.prefix", "metrics.objectives", "metrics.exemplars", "peers.", "default-sampling-params")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := o.load(args)
		if err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return f.run(ctx, stop, c, log)
	}
	return cmd
}

// run runs the stages until ctx is cancelled by a signal, then lets the callers
// finish. Stop gives signals their default meaning back, so that a second one
// ends the process at once.
func (f stageFlags) run(ctx context.Context, stop func(), c *config.Config, log *slog.Logger) error {
	began := time.Now()
	c.Peers = config.Peers{} // those of serve
	o, err := pipelineOptions(c, log)
	if err != nil {
		return err
	}
	var files *pipeline.TLSFiles
	if f.files != (pipeline.TLSFiles{}) {
		files = &f.files
	}
	host, err := pipeline.NewHost(o, f.stages, files)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), host.Close())
	}
	if ip := listener.Addr().(*net.TCPAddr).IP; files == nil && !ip.IsLoopback() {
		log.Warn("connections are in plain text and anyone who reaches the port can use the stages; --ssl-certfile, --ssl-keyfile and --ssl-ca-certs secure them")
	}
	about := []any{"address", reachable(listener.Addr()), "stages", host.Describe(), "took", time.Since(began).Round(time.Millisecond)}
	if f.metrics != "" {
		page, err := net.Listen("tcp", f.metrics)
		if err != nil {
			return errors.Join(fmt.Errorf("listen for metrics: %w", err), listener.Close(), host.Close())
		}
		about = append(about, "metrics", "http://"+reachable(page.Addr())+"/metrics")
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", host.Metrics.Handler())
		watch := http.Server{Handler: mux, ReadHeaderTimeout: c.Limits.HeaderTimeout}
		go func() { _ = watch.Serve(page) }() // it ends when it is closed
		defer watch.Close()
	}
	log.Info("ready", about...)
	served := make(chan error, 1)
	go func() { served <- host.Serve(listener) }()
	select {
	case err := <-served:
		return errors.Join(err, host.Close())
	case <-ctx.Done():
	}
	stop()
	log.Info("draining: callers send nothing new, running requests finish", "running", host.Requests(), "timeout", c.ShutdownTimeout)
	drain, cancel := context.WithTimeout(context.Background(), c.ShutdownTimeout)
	defer cancel()
	err = errors.Join(host.Shutdown(drain), host.Close(), <-served)
	if err == nil {
		log.Info("stopped")
	}
	return err
}
