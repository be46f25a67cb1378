package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/config"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve [MODEL]",
		Short: "Serve a model over the OpenAI API",
		Long: `Serve a model over the OpenAI API.

MODEL is a directory in Hugging Face layout (config.json and safetensors) of the
Qwen3-Omni-MoE architecture. Without MODEL the server runs limelight-tiny: the
same architecture at tiny size with random weights, made at start. Its words and
sounds are noise by design; its scheduling, transfers, streaming, PCM and metrics
are real.`,
		Example: `  limelight serve --log-stats
  limelight serve ./Qwen3-Omni-30B-A3B-Instruct --port 8000 --log-stats
  limelight serve --config limelight.yml --port 9000
  limelight serve --log-stats --replicas thinker=1,talker=2,code2wav=2`,
		Args: cobra.MaximumNArgs(1),
	}
	o := addOptions(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := o.load(args)
		if err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return serve(ctx, stop, c, log)
	}
	return cmd
}

// serve runs the server until ctx is cancelled by a signal, then drains it.
// Stop gives signals their default meaning back, so that a second one ends the
// process at once.
func serve(ctx context.Context, stop func(), c *config.Config, log *slog.Logger) error {
	began := time.Now()
	if !c.Metrics.LogStats {
		log.Info("statistics are off: /metrics names the vllm: families without a sample; start with --log-stats to record them")
	}
	p, err := pipeline.New(pipelineOptions(c, log))
	if err != nil {
		return err
	}
	srv := server.New(server.Options{Orchestrator: p.Orchestrator, Model: p.Frontend, Metrics: p.Metrics, Log: log})
	listener, err := net.Listen("tcp", net.JoinHostPort(c.Server.Host, strconv.Itoa(c.Server.Port)))
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), p.Close())
	}
	log.Info("ready", "model", p.Frontend.Name(), "address", "http://"+reachable(listener.Addr()), "stages", p.Describe(), "took", time.Since(began).Round(time.Millisecond))

	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	select {
	case err := <-served:
		return errors.Join(err, p.Close())
	case <-ctx.Done():
	}
	stop()
	running, waiting := p.Orchestrator.Requests()
	log.Info("draining: new requests are refused, running ones finish", "running", running, "waiting", waiting, "timeout", c.ShutdownTimeout)
	drain, cancel := context.WithTimeout(context.Background(), c.ShutdownTimeout)
	defer cancel()
	err = srv.Shutdown(drain)
	err = errors.Join(err, p.Close())
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// pipelineOptions is the configuration as the pipeline takes it.
func pipelineOptions(c *config.Config, log *slog.Logger) pipeline.Options {
	o := pipeline.Options{
		Model:       c.Model,
		MaxModelLen: c.MaxModelLen,
		MaxQueue:    c.Limits.MaxQueue,
		FirstChunk:  c.Connectors[pipeline.Talker].InitialCodecChunkFrames,
		Chunk:       c.Connectors[pipeline.Talker].CodecChunkFrames,
		LogStats:    c.Metrics.LogStats,
		Replicas:    map[string]int{},
		StageSeqs:   map[string]int{},
		Sampling:    map[string]config.Sampling{},
		MaxNumSeqs:  c.MaxNumSeqs,
		Log:         log,
	}
	if len(c.ServedModelNames) > 0 {
		o.ServedName = c.ServedModelNames[0]
	}
	for _, s := range c.Stages {
		o.Replicas[s.Name], o.StageSeqs[s.Name], o.Sampling[s.Name] = s.NumReplicas, s.MaxNumSeqs, s.Sampling
	}
	for _, h := range c.Connectors {
		o.LinkDepths = append(o.LinkDepths, h.Depth)
	}
	return o
}

// reachable is the address as a client on this host would write it.
func reachable(a net.Addr) string {
	return strings.NewReplacer("[::]", "localhost", "0.0.0.0", "localhost").Replace(a.String())
}
