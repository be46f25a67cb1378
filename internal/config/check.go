package config

import (
	"cmp"
	"fmt"
)

// check finds what no single option can say: options that don't go together.
func (c *Config) check() Errors {
	var problems Errors
	for section, pair := range map[string][2]string{
		"server": {c.Server.SSLKeyFile, c.Server.SSLCertFile},
		"peers":  {c.Peers.SSLKeyFile, c.Peers.SSLCertFile},
	} {
		keyFile, certFile := section+".ssl_keyfile", section+".ssl_certfile"
		switch {
		case pair[0] != "" && pair[1] == "":
			problems = append(problems, c.problem(keyFile, "needs "+certFile+" beside it"))
		case pair[1] != "" && pair[0] == "":
			problems = append(problems, c.problem(certFile, "needs "+keyFile+" beside it"))
		}
	}
	if c.Peers.SSLCertFile != "" && !c.Peers.SSL && c.Peers.SSLCACerts == "" {
		problems = append(problems, c.problem("peers.ssl_certfile", "needs peers.ssl or peers.ssl_ca_certs, without which there is no TLS"))
	}
	if c.Limits.MaxBodies < c.Limits.MaxBody {
		problems = append(problems, c.problem("limits.max_bodies", "must be at least limits.max_body, which is "+formatSize(c.Limits.MaxBody)))
	}
	if c.Metrics.EnableMFU && !c.Metrics.LogStats {
		problems = append(problems, c.problem("metrics.enable_mfu_metrics", "needs metrics.log_stats, which is off"))
	}
	if c.Metrics.KVCache && !c.Metrics.LogStats {
		problems = append(problems, c.problem("metrics.kv_cache_metrics", "needs metrics.log_stats, which is off"))
	}
	for _, s := range c.Stages {
		if seqs := cmp.Or(s.MaxNumSeqs, c.MaxNumSeqs); s.samples && cmp.Or(s.MaxNumBatchedTokens, c.MaxNumBatchedTokens) < seqs {
			key := "max_num_batched_tokens"
			if s.MaxNumBatchedTokens > 0 {
				key = "stages." + s.Name + "." + key
			}
			problems = append(problems, c.problem(key, fmt.Sprintf("must be at least the %d sequences that a replica of stage %s works for, each of which has a token a step", seqs, s.Name)))
			break
		}
	}
	return problems
}

// problem is an error about an option, located where the option was set.
func (c *Config) problem(key, message string) *Error {
	o := c.origins[key]
	if o.source != "" {
		key = o.source
	}
	return &Error{File: o.file, Line: o.line, Name: key, Message: message}
}
