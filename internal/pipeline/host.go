package pipeline

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/limelight-omni/limelight/internal/engine/stats"
	"github.com/limelight-omni/limelight/internal/peer"
	"github.com/limelight-omni/limelight/metrics"
)

// Host runs some of a pipeline's stages for pipelines in other processes.
type Host struct {
	// Metrics are those of the engines, if statistics are on, and of the process.
	Metrics *metrics.Metrics

	host  *peer.Host
	front *Frontend
	stats *stats.Reporter // nil without statistics
	about string
}

// NewHost loads the model and starts the named stages, sized by the same options
// as those of a pipeline. Files, if not nil, secure the connections of callers.
func NewHost(o Options, stages []string, files *TLSFiles) (*Host, error) {
	o = o.withDefaults()
	var secured *tls.Config
	if files != nil {
		var err error
		if secured, err = files.Server(); err != nil {
			return nil, err
		}
	}
	if len(stages) == 0 {
		return nil, errors.New("no stage to run")
	}
	counts, err := o.replicaCounts()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, name := range stages {
		if _, err := stageIndex(name); err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, fmt.Errorf("stage %s is named twice", name)
		}
		seen[name] = true
	}
	front, err := loadModel(o)
	if err != nil {
		return nil, err
	}
	m := metrics.New(metrics.Options{
		ModelName: front.name, LogStats: o.LogStats, EnginesAlone: true, OmniPrefix: o.OmniPrefix, Version: o.Version,
		EnableMFU: o.EnableMFU, KVCacheMetrics: o.KVCacheMetrics, LongestSequence: max(front.maxModelLen, front.talkerLen),
		NativeHistograms: o.NativeHistograms,
	})
	inner := stats.Start(m, o.Log, o.EnableMFU)
	offer := peer.HostOptions{Model: front.name, Fingerprint: front.model.Fingerprint(), TLS: secured, Log: o.Log}
	for k, name := range stageNames {
		if !seen[name] {
			continue
		}
		s := peer.HostStage{Name: name}
		for replica := range counts[k] {
			s.Engines = append(s.Engines, o.newEngine(front, inner, k, replica))
		}
		if m.Recording() && k != Code2Wav {
			s.Page = func(w io.Writer, replica int) error { return m.WriteEngine(w, k, replica) }
		}
		offer.Stages = append(offer.Stages, s)
	}
	var about []string
	for _, s := range offer.Stages {
		about = append(about, fmt.Sprintf("%s=%d", s.Name, len(s.Engines)))
	}
	return &Host{Metrics: m, host: peer.NewHost(offer), front: front, stats: inner, about: strings.Join(about, ",")}, nil
}

// Serve answers on the listener until Shutdown or Close.
func (h *Host) Serve(l net.Listener) error { return h.host.Serve(l) }

// Describe names the stages and their replicas, as talker=2,code2wav=1.
func (h *Host) Describe() string { return h.about }

// Requests is the number of requests that the stages work for.
func (h *Host) Requests() int { return h.host.Requests() }

// Shutdown takes nothing new and waits until the callers have left, or for ctx.
func (h *Host) Shutdown(ctx context.Context) error { return h.host.Shutdown(ctx) }

// Close drops the callers, stops the stages, and lets go of the model's weights.
func (h *Host) Close() error {
	defer h.stats.Close()
	return errors.Join(h.host.Close(), h.front.model.Close())
}
