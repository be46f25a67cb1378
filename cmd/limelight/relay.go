package main

import (
	"log/slog"

	"github.com/limelight-omni/limelight/internal/config"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
)

// relayOptions is the configuration as a relay takes it.
func relayOptions(c *config.Config, log *slog.Logger) (pipeline.RelayOptions, error) {
	o := pipeline.RelayOptions{
		Voices: c.Relay.Voices, MaxInFlight: c.Relay.MaxInFlight, Policy: c.Relay.Policy, Retries: c.Relay.Retries,
		AnswerTimeout: c.Relay.AnswerTimeout, HealthInterval: c.Relay.HealthInterval, DiscoveryInterval: c.Relay.DiscoveryInterval, HealthTimeout: c.Relay.HealthTimeout, StartTimeout: c.Relay.StartTimeout,
		ScrapeInterval: c.Relay.ScrapeInterval,
		MaxQueue:       c.Limits.MaxQueue, StageTimeout: c.Limits.StageTimeout, RequestTimeout: c.Limits.RequestTimeout,
		LogStats: c.Metrics.LogStats, Exemplars: c.Metrics.Exemplars, OmniPrefix: c.Metrics.Prefix, Version: server.Version(), Log: log,
		NativeHistograms: c.Metrics.NativeHistograms,
	}
	if o.Retries == 0 {
		o.Retries = -1 // there 0 is the default
	}
	if o.HealthInterval == 0 {
		o.HealthInterval = -1
	}
	if o.DiscoveryInterval == 0 {
		o.DiscoveryInterval = -1
	}
	if len(c.ServedModelNames) > 0 {
		o.ServedName = c.ServedModelNames[0]
	}
	for _, text := range c.Relay.Backends {
		b, err := config.ParseBackend(text)
		if err != nil {
			return o, err
		}
		o.Backends = append(o.Backends, pipeline.Backend{
			Kind: b.Kind, URL: b.URL, Model: b.Model, APIKey: c.Relay.APIKey, Voice: b.Voice, SampleRate: b.SampleRate, Metrics: b.Metrics,
		})
	}
	return o, nil
}
