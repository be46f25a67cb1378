package main

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/limelight-omni/limelight/internal/config"
)

// TestEveryOptionReachesWhatItIsFor sets each option by itself to something
// that is not its default and looks whether the server or the pipeline is made
// in another way: an option that only can be set is none.
func TestEveryOptionReachesWhatItIsFor(t *testing.T) {
	special := map[string]string{
		"served_model_name":             "name",
		"server.root_path":              "/omni",
		"server.allowed_origins":        "https://example.com",
		"server.default_modalities":     "text,audio",
		"limits.max_bodies":             "600MiB",
		"metrics.prefix":                config.OmniPrefixes[1],
		"metrics.addr":                  "127.0.0.1:0",
		"metrics.continuity_thresholds": "50ms,250ms",
		"peers.stage_peer":              "talker=127.0.0.1:9400",
		"relay.backend":                 "chat=http://127.0.0.1:9,model=x,voice=y,rate=16000,metrics=:9400",
		"relay.policy":                  config.Policies[1],
		"relay.voices":                  "anna",
		"server.api_key":                "key",
		"--replicas":                    "talker=3",
		"--stage-overrides":             `{"1":{"num_replicas":3}}`,
		"--default-sampling-params":     `{"1":{"top_k":3}}`,
	}
	byType := map[string]string{"int": "17", "float": "0.5", "duration": "7s", "size": "128KiB", "string": "x", "bool": "true"}
	needs := map[string][2]string{ // what an option means something with
		"metrics.kv_cache_metrics_sample": {"metrics.kv_cache_metrics", "true"},
		"peers.ssl_certfile":              {"peers.ssl", "true"},
		"relay.api_key":                   {"relay.backend", "http://127.0.0.1:9"},
		"peers.ssl_keyfile":               {"peers.ssl", "true"},
	}
	direct := map[string]bool{"shutdown_timeout": true, "metrics.objectives": true} // serve itself uses it
	for _, o := range config.Default().Options() {
		name := o.Key
		if name == "" {
			name = "--" + o.Flag
		}
		raw, ok := special[name]
		if !ok {
			raw = byType[o.Type()]
		}
		if o.String() == "true" {
			raw = "false"
		}
		before, after := made(t, needs[name]), made(t, needs[name], [2]string{name, raw})
		if reflect.DeepEqual(before, after) && !direct[name] {
			t.Errorf("%s %s changes nothing", name, raw)
		}
	}
}

// made is all that serve makes its parts from, with some options set.
func made(t *testing.T, set ...[2]string) []any {
	t.Helper()
	c := config.Default()
	for _, s := range set {
		for _, o := range c.Options() {
			if o.Key == s[0] && o.Key != "" || "--"+o.Flag == s[0] {
				if err := o.Set(s[1]); err != nil {
					t.Fatal(fmt.Errorf("%s: %w", s[0], err))
				}
			}
		}
	}
	p, err := pipelineOptions(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := relayOptions(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return []any{p, r, serverOptions(c, nil), address(c)}
}
