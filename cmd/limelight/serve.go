package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
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
  limelight serve --log-stats --replicas thinker=1,talker=2,code2wav=2
  limelight serve --log-stats --stage-peer talker,code2wav=10.0.0.2:9400`,
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
	defer context.AfterFunc(ctx, stop)()
	if !c.Metrics.LogStats {
		log.Info("statistics are off: /metrics names the vllm: families without a sample; start with --log-stats to record them")
	}
	o := serverOptions(c, log)
	var err error
	if o.Objectives, err = objectives(c.Metrics.Objectives); err != nil {
		return err
	}
	srv := server.New(o)
	served := make(chan error, 2)
	addresses, err := listen(c, srv, served)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	log.Info("starting: requests are refused until the model is loaded")
	p, err := begin(ctx, c, srv, log)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	watch, unwatch := context.WithCancel(ctx)
	defer unwatch()
	go srv.Watch(watch)
	log.Info("ready", append(addresses, "model", p.name, "stages", p.stages, "took", time.Since(began).Round(time.Millisecond))...)

	select {
	case err := <-served:
		return errors.Join(err, srv.Close(), p.close())
	case <-ctx.Done():
	}
	running, waiting := p.requests()
	log.Info("draining: new requests are refused, running ones finish", "running", running, "waiting", waiting, "timeout", c.ShutdownTimeout)
	drain, cancel := context.WithTimeout(context.Background(), c.ShutdownTimeout)
	defer cancel()
	err = srv.Shutdown(drain)
	err = errors.Join(err, p.close())
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// running is a pipeline that the server has.
type running struct {
	name     string
	stages   string
	requests func() (running, waiting int)
	close    func() error
}

// begin makes the pipeline, of embedded engines or of servers behind, and gives
// it to the server.
func begin(ctx context.Context, c *config.Config, srv *server.Server, log *slog.Logger) (*running, error) {
	if len(c.Relay.Backends) > 0 {
		o, err := relayOptions(c, log)
		if err != nil {
			return nil, err
		}
		r, err := pipeline.NewRelay(ctx, o)
		if err != nil {
			return nil, err
		}
		srv.BeginRelay(r.Orchestrator, r, r.Metrics)
		return &running{r.Name(), r.Describe(), r.Orchestrator.Requests, r.Close}, nil
	}
	o, err := pipelineOptions(c, log)
	if err != nil {
		return nil, err
	}
	p, err := pipeline.New(o)
	if err != nil {
		return nil, err
	}
	srv.Begin(p.Orchestrator, p.Frontend, p.Metrics)
	return &running{p.Frontend.Name(), p.Describe(), p.Orchestrator.Requests, p.Close}, nil
}

// listen opens the listeners and serves on them. It returns their addresses as
// a log line has them.
func listen(c *config.Config, srv *server.Server, served chan<- error) ([]any, error) {
	main, err := server.Listen(address(c))
	if err != nil {
		return nil, err
	}
	scheme := "http://"
	if c.Server.SSLCertFile != "" {
		scheme = "https://"
	}
	addresses := []any{"address", scheme + reachable(main.Addr()) + c.Server.RootPath}
	if c.Server.UDS != "" {
		addresses = []any{"socket", c.Server.UDS}
	}
	go func() { served <- srv.Serve(main) }()
	if c.Metrics.Addr == "" {
		return addresses, nil
	}
	apart, err := net.Listen("tcp", c.Metrics.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	go func() { served <- srv.ServeApart(apart) }()
	return append(addresses, "metrics", "http://"+reachable(apart.Addr())+"/metrics"), nil
}

func address(c *config.Config) server.Address {
	return server.Address{Host: c.Server.Host, Port: c.Server.Port, UDS: c.Server.UDS, CertFile: c.Server.SSLCertFile, KeyFile: c.Server.SSLKeyFile}
}

// serverOptions is the configuration as the server takes it.
func serverOptions(c *config.Config, log *slog.Logger) server.Options {
	o := server.Options{
		Keys:     c.Server.APIKeys,
		Origins:  c.Server.AllowedOrigins,
		RootPath: c.Server.RootPath,
		Apart:    c.Metrics.Addr != "",
		Pprof:    c.Server.EnablePprof,

		DefaultAudio: c.Server.DefaultModalities == "text,audio",
		Limits: server.Limits{
			HeaderTimeout: c.Limits.HeaderTimeout, BodyTimeout: c.Limits.BodyTimeout, IdleTimeout: c.Limits.IdleTimeout, WriteTimeout: c.Limits.WriteTimeout,
			MaxHeaderBytes: int(c.Limits.MaxHeaderBytes), MaxHeaders: c.Limits.MaxHeaders,
			MaxBody: c.Limits.MaxBody, MaxBodies: c.Limits.MaxBodies, MaxStreams: c.Limits.MaxConcurrentStreams,
		},
		Log: log,
	}
	if len(c.ServedModelNames) > 1 {
		o.Names = c.ServedModelNames[1:]
	}
	return o
}

// pipelineOptions is the configuration as the pipeline takes it.
func pipelineOptions(c *config.Config, log *slog.Logger) (pipeline.Options, error) {
	o := pipeline.Options{
		Model:       c.Model,
		MaxModelLen: c.MaxModelLen,
		MaxQueue:    c.Limits.MaxQueue,
		FirstChunk:  c.Connectors[pipeline.Talker].InitialCodecChunkFrames,
		Chunk:       c.Connectors[pipeline.Talker].CodecChunkFrames,
		LogStats:    c.Metrics.LogStats,
		EnableMFU:   c.Metrics.EnableMFU,

		NativeHistograms: c.Metrics.NativeHistograms,

		KVCacheMetrics: c.Metrics.KVCache,
		StageTimeout:   c.Limits.StageTimeout,
		RequestTimeout: c.Limits.RequestTimeout,
		Gather:         !c.AsyncChunk,
		OmniPrefix:     c.Metrics.Prefix,
		Exemplars:      c.Metrics.Exemplars,
		Version:        server.Version(),
		Replicas:       map[string]int{},
		StageSeqs:      map[string]int{},
		Sampling:       map[string]config.Sampling{},
		Engines:        map[string]pipeline.EngineConfig{},
		MaxNumSeqs:     c.MaxNumSeqs,
		Log:            log,
	}
	if len(c.ServedModelNames) > 0 {
		o.ServedName = c.ServedModelNames[0]
	}
	for _, s := range c.Stages {
		o.Replicas[s.Name], o.StageSeqs[s.Name], o.Sampling[s.Name] = s.NumReplicas, s.MaxNumSeqs, s.Sampling
		o.Engines[s.Name] = engineConfig(c, s)
	}
	for _, h := range c.Connectors {
		o.LinkDepths = append(o.LinkDepths, h.Depth)
	}
	for _, text := range c.Metrics.ContinuityThresholds {
		thresholds, err := config.ParseThresholds(text)
		if err != nil {
			return o, err
		}
		o.ContinuityThresholds = append(o.ContinuityThresholds, thresholds...)
	}
	o.PeerTimeout = c.Peers.Timeout
	for _, text := range c.Peers.StagePeers {
		stages, address, err := config.ParsePeer(text)
		if err != nil {
			return o, err
		}
		o.Peers = append(o.Peers, pipeline.Peer{Stages: stages, Address: address})
		for _, name := range stages {
			delete(o.Replicas, name) // it runs there, and not here
		}
	}
	if c.Peers.SSL || c.Peers.SSLCACerts != "" {
		o.PeerTLS = &pipeline.TLSFiles{CA: c.Peers.SSLCACerts, Cert: c.Peers.SSLCertFile, Key: c.Peers.SSLKeyFile}
	}
	return o, nil
}

// engineConfig sizes the replicas of a stage that chooses tokens.
func engineConfig(c *config.Config, s config.Stage) pipeline.EngineConfig {
	e := pipeline.EngineConfig{
		MaxBatchedTokens: cmp.Or(s.MaxNumBatchedTokens, c.MaxNumBatchedTokens),
		BlockSize:        c.Cache.BlockSize,
		Blocks:           s.Memory.Blocks,
		KVCacheBytes:     s.Memory.Bytes,
		NoPrefixCaching:  !c.Cache.EnablePrefixCaching,
	}
	if s.Memory == (config.CacheMemory{}) {
		e.Blocks, e.KVCacheBytes = c.Cache.Memory.Blocks, c.Cache.Memory.Bytes
	}
	if c.Metrics.KVCache {
		e.BlockSampling = c.Metrics.KVCacheSample
	}
	return e
}

// reachable is the address as a client on this host would write it.
func reachable(a net.Addr) string {
	return strings.NewReplacer("[::]", "localhost", "0.0.0.0", "localhost").Replace(a.String())
}
