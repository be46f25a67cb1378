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

	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
)

// serveFlags are what `limelight serve` was asked for.
type serveFlags struct {
	model           string
	host            string
	port            int
	servedName      string
	logStats        bool
	replicas        map[string]int
	maxNumSeqs      int
	maxModelLen     int
	maxQueue        int
	firstChunk      int
	chunk           int
	shutdownTimeout time.Duration
}

func newServe() *cobra.Command {
	var f serveFlags
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
  limelight serve --log-stats --replicas thinker=1,talker=2,code2wav=2`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				f.model = args[0]
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return f.serve(ctx, stop, log)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.host, "host", "0.0.0.0", "address to listen on")
	flags.IntVar(&f.port, "port", 8000, "port to listen on; 0 picks a free one")
	flags.StringVar(&f.servedName, "served-model-name", "", "name of the model in the API and in every metric's model_name (default: MODEL as given)")
	flags.BoolVar(&f.logStats, "log-stats", false, "record the vllm: metric families; without it /metrics names them and shows no sample")
	flags.StringToIntVar(&f.replicas, "replicas", nil, "replicas of each stage, as thinker=1,talker=2,code2wav=1 (default 1 each)")
	flags.IntVar(&f.maxNumSeqs, "max-num-seqs", 64, "sequences that one replica works for at a time")
	flags.IntVar(&f.maxModelLen, "max-model-len", 0, "longest prompt and reply together, in tokens (default: the model's)")
	flags.IntVar(&f.maxQueue, "max-queue", 1024, "requests that may wait for a place; more are refused with 503")
	flags.IntVar(&f.firstChunk, "initial-codec-chunk-frames", 4, "codec frames (80 ms each) that code2wav gets first")
	flags.IntVar(&f.chunk, "codec-chunk-frames", 25, "codec frames that code2wav gets at a time afterwards")
	flags.DurationVar(&f.shutdownTimeout, "shutdown-timeout", 30*time.Second, "how long SIGTERM waits for running requests")
	flags.Bool("omni", false, "accepted for vLLM-Omni's command lines; has no effect")
	return cmd
}

// serve runs the server until ctx is cancelled by a signal, then drains it.
// Stop gives signals their default meaning back, so that a second one ends the
// process at once.
func (f serveFlags) serve(ctx context.Context, stop func(), log *slog.Logger) error {
	began := time.Now()
	if !f.logStats {
		log.Info("statistics are off: /metrics names the vllm: families without a sample; start with --log-stats to record them")
	}
	p, err := pipeline.New(pipeline.Options{
		Model:       f.model,
		ServedName:  f.servedName,
		Replicas:    f.replicas,
		MaxNumSeqs:  f.maxNumSeqs,
		MaxModelLen: f.maxModelLen,
		MaxQueue:    f.maxQueue,
		FirstChunk:  f.firstChunk,
		Chunk:       f.chunk,
		LogStats:    f.logStats,
		Log:         log,
	})
	if err != nil {
		return err
	}
	srv := server.New(server.Options{Orchestrator: p.Orchestrator, Model: p.Frontend, Metrics: p.Metrics, Log: log})
	listener, err := net.Listen("tcp", net.JoinHostPort(f.host, strconv.Itoa(f.port)))
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
	log.Info("draining: new requests are refused, running ones finish", "running", running, "waiting", waiting, "timeout", f.shutdownTimeout)
	drain, cancel := context.WithTimeout(context.Background(), f.shutdownTimeout)
	defer cancel()
	err = srv.Shutdown(drain)
	err = errors.Join(err, p.Close())
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// reachable is the address as a client on this host would write it.
func reachable(a net.Addr) string {
	return strings.NewReplacer("[::]", "localhost", "0.0.0.0", "localhost").Replace(a.String())
}
