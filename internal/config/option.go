package config

import (
	"math"
	"time"
)

// Option is one thing that can be configured.
type Option struct {
	// Key is the option's path in the file, as limits.max_queue; empty for what
	// only a flag says.
	Key string
	// Flag is its name on the command line, without dashes; empty for what only
	// the file says.
	Flag string
	// Negation is a second flag that says the opposite of a switch.
	Negation string
	// Env is an environment variable that weighs more than the file and less
	// than the flag.
	Env string
	// Help says what the option means, in one sentence that a default follows.
	Help string
	// Secret values are never shown.
	Secret bool

	value value
}

// Options is the table of all options, in the order of the documentation,
// bound to c: setting one changes c.
func (c *Config) Options() []Option {
	options := []Option{
		{Key: "model", value: text(&c.Model),
			Help: "directory of the model in Hugging Face layout; empty serves limelight-tiny (on the command line: the MODEL argument)"},
		{Key: "served_model_name", Flag: "served-model-name", value: texts(&c.ServedModelNames, "a name", filled),
			Help: "names of the model in the API; the first is every metric's model_name (none: MODEL as given)"},
		{Key: "max_num_seqs", Flag: "max-num-seqs", value: number(&c.MaxNumSeqs, 1, math.MaxInt32),
			Help: "sequences that one replica works for at a time"},
		{Key: "max_num_batched_tokens", Flag: "max-num-batched-tokens", value: number(&c.MaxNumBatchedTokens, 1, math.MaxInt32),
			Help: "tokens that one step of a replica computes; a longer prompt is computed in pieces, between the others' tokens"},
		{Key: "max_model_len", Flag: "max-model-len", value: number(&c.MaxModelLen, 0, math.MaxInt32),
			Help: "longest prompt and reply together, in tokens; 0 is the model's"},
		{Key: "async_chunk", Flag: "async-chunk", Negation: "no-async-chunk", value: toggle(&c.AsyncChunk),
			Help: "hand work over to the next stage as it appears; without it only when it is complete, in one hop an edge"},
		{Key: "shutdown_timeout", Flag: "shutdown-timeout", value: duration(&c.ShutdownTimeout, 0),
			Help: "how long SIGTERM waits for running requests"},

		{Key: "server.host", Flag: "host", value: text(&c.Server.Host, filled),
			Help: "address to listen on"},
		{Key: "server.port", Flag: "port", value: number(&c.Server.Port, 0, 65535),
			Help: "port to listen on; 0 picks a free one"},
		{Key: "server.uds", Flag: "uds", value: text(&c.Server.UDS),
			Help: "path of a Unix domain socket to listen on, in place of host and port"},
		{Key: "server.root_path", Flag: "root-path", value: text(&c.Server.RootPath, rootPath),
			Help: "prefix that a proxy may leave on the paths, as /omni"},
		{Key: "server.api_key", Flag: "api-key", Env: "VLLM_API_KEY", Secret: true, value: texts(&c.Server.APIKeys, "a key", apiKey),
			Help: "keys of which every request below /v1 must bring one, as Authorization: Bearer KEY"},
		{Key: "server.allowed_origins", Flag: "allowed-origins", value: texts(&c.Server.AllowedOrigins, "an origin", origins),
			Help: "origins whose pages may use the API from a browser (CORS), as https://example.com; * is all"},
		{Key: "server.ssl_keyfile", Flag: "ssl-keyfile", value: text(&c.Server.SSLKeyFile),
			Help: "PEM file of the key of ssl_certfile"},
		{Key: "server.ssl_certfile", Flag: "ssl-certfile", value: text(&c.Server.SSLCertFile),
			Help: "PEM file of the certificate to serve TLS with; needs ssl_keyfile"},
		{Key: "server.enable_pprof", Flag: "enable-pprof", value: toggle(&c.Server.EnablePprof),
			Help: "serve profiles of the process below /debug/pprof, where /metrics is, behind the key"},
		{Key: "server.default_modalities", Flag: "default-modalities", value: text(&c.Server.DefaultModalities, modalities),
			Help: "what a chat reply holds when the request names no modalities: text or text,audio"},

		{Key: "limits.max_queue", Flag: "max-queue", value: number(&c.Limits.MaxQueue, 1, math.MaxInt32),
			Help: "requests that may wait for a place; more are refused with 503"},
		{Key: "limits.max_concurrent_streams", Flag: "max-concurrent-streams", value: number(&c.Limits.MaxConcurrentStreams, 0, math.MaxInt32),
			Help: "replies that are streamed at one time; more are refused with 503; 0 is no bound"},
		{Key: "limits.max_body", Flag: "max-body", value: size(&c.Limits.MaxBody, 1<<10, 1<<30),
			Help: "largest body of a request; a larger one is refused with 413"},
		{Key: "limits.max_bodies", value: size(&c.Limits.MaxBodies, 1<<20, 1<<40),
			Help: "bodies that are held at one time, all together; more are refused with 503"},
		{Key: "limits.max_header_bytes", value: size(&c.Limits.MaxHeaderBytes, 4<<10, 1<<20),
			Help: "largest header of a request; a larger one is refused with 431"},
		{Key: "limits.max_headers", value: number(&c.Limits.MaxHeaders, 16, 1<<16),
			Help: "most lines in a request's header; more are refused with 431"},
		{Key: "limits.header_timeout", value: duration(&c.Limits.HeaderTimeout, shortest),
			Help: "time in which a request's header has to come"},
		{Key: "limits.body_timeout", value: duration(&c.Limits.BodyTimeout, shortest),
			Help: "time in which a request's body has to come; a slower one is refused with 408"},
		{Key: "limits.idle_timeout", value: duration(&c.Limits.IdleTimeout, shortest),
			Help: "how long a connection may stay open without a request"},
		{Key: "limits.write_timeout", Flag: "write-timeout", value: duration(&c.Limits.WriteTimeout, shortest),
			Help: "how long a client may take nothing of a reply; then it is cut off and its request ends as abort"},
		{Key: "limits.stage_timeout", Flag: "stage-timeout", value: duration(&c.Limits.StageTimeout, 0),
			Help: "how long a request may wait for its stages' next output while the client is not behind; then it ends as error; 0s waits for ever"},
		{Key: "limits.request_timeout", Flag: "request-timeout", value: duration(&c.Limits.RequestTimeout, 0),
			Help: "how long a request may take from its arrival until its answer is made, its wait in the queue included; then it ends as error, with 504 if nothing of the answer was sent; 0s is no bound"},

		{Key: "metrics.log_stats", Flag: "log-stats", Negation: "disable-log-stats", value: toggle(&c.Metrics.LogStats),
			Help: "record the vllm: metric families; without it /metrics names them and shows no sample"},
		{Key: "metrics.enable_mfu_metrics", Flag: "enable-mfu-metrics", value: toggle(&c.Metrics.EnableMFU),
			Help: "record the families of model FLOPs utilization, too; needs log_stats"},
		{Key: "metrics.exemplars", Flag: "exemplars", Negation: "no-exemplars", value: toggle(&c.Metrics.Exemplars),
			Help: "keep the request id of the newest observation in each bucket of the end-to-end and first-packet times, for pages in OpenMetrics; needs log_stats"},
		{Key: "metrics.native_histograms", Flag: "native-histograms", value: toggle(&c.Metrics.NativeHistograms),
			Help: "keep native histograms of the time families beside the classic ones, for scrapers that ask for the protobuf format"},
		{Key: "metrics.continuity_thresholds", Flag: "continuity-thresholds", value: texts(&c.Metrics.ContinuityThresholds, "durations", thresholds),
			Help: "thresholds of vllm:omni_audio_continuity_ok_total besides its 100ms, as 50ms,250ms: each adds a child for each audio replica"},
		{Key: "metrics.objectives", Flag: "objectives", value: text(&c.Metrics.Objectives),
			Help: "YAML file of the objectives that the page at /dashboard judges by; empty is the defaults (docs/objectives.md)"},
		{Key: "metrics.prefix", Flag: "metrics-prefix", value: text(&c.Metrics.Prefix, oneOf(OmniPrefixes)),
			Help: "prefix of the omni families on /metrics: vllm:omni_, or vllm_omni: as in later releases of vLLM-Omni"},
		{Key: "metrics.addr", Flag: "metrics-addr", value: text(&c.Metrics.Addr, hostPort),
			Help: "HOST:PORT to serve /metrics apart, in plain HTTP; the main port has it no more"},

		{Key: "metrics.kv_cache_metrics", Flag: "kv-cache-metrics", value: toggle(&c.Metrics.KVCache),
			Help: "record the families of the lives of KV blocks, too; needs log_stats"},
		{Key: "metrics.kv_cache_metrics_sample", Flag: "kv-cache-metrics-sample", value: share(&c.Metrics.KVCacheSample),
			Help: "share of the KV blocks that kv_cache_metrics follows"},

		{Key: "cache.block_size", Flag: "block-size", value: number(&c.Cache.BlockSize, 1, 1024),
			Help: "tokens in a block of the KV cache"},
		{Key: "cache.kv_cache_memory_bytes", Flag: "kv-cache-memory-bytes", value: size(&c.Cache.Memory.Bytes, 0, 1<<50),
			Help: "KV cache of one replica; 0B holds max_num_seqs sequences of the model's length, but at most 4GiB or one sequence; memory is taken as it is used"},
		{Key: "cache.num_gpu_blocks_override", Flag: "num-gpu-blocks-override", value: number(&c.Cache.Memory.Blocks, 0, math.MaxInt32),
			Help: "blocks in the KV cache of one replica; 0 is what kv_cache_memory_bytes holds"},
		{Key: "cache.enable_prefix_caching", Flag: "enable-prefix-caching", Negation: "no-enable-prefix-caching", value: toggle(&c.Cache.EnablePrefixCaching),
			Help: "use the KV blocks of earlier requests for what a prompt begins with like theirs"},

		{Key: "peers.stage_peer", Flag: "stage-peer", value: texts(&c.Peers.StagePeers, "STAGE,...=HOST:PORT", c.stagePeer),
			Help: "processes of limelight stage that run stages in place of this one, each as talker,code2wav=HOST:PORT; several of one stage are all used"},
		{Key: "peers.timeout", Flag: "peer-timeout", value: duration(&c.Peers.Timeout, shortest),
			Help: "how long the start waits for the peers"},
		{Key: "peers.ssl", Flag: "peer-ssl", value: toggle(&c.Peers.SSL),
			Help: "reach the peers over TLS, trusting the system's authorities"},
		{Key: "peers.ssl_ca_certs", Flag: "peer-ssl-ca-certs", value: text(&c.Peers.SSLCACerts),
			Help: "reach the peers over TLS, trusting the authorities in this PEM file"},
		{Key: "peers.ssl_certfile", Flag: "peer-ssl-certfile", value: text(&c.Peers.SSLCertFile),
			Help: "PEM file of the certificate for peers that ask who calls; needs ssl_keyfile"},
		{Key: "peers.ssl_keyfile", Flag: "peer-ssl-keyfile", value: text(&c.Peers.SSLKeyFile),
			Help: "PEM file of the key of ssl_certfile"},

		{Key: "relay.backend", Flag: "backend", value: texts(&c.Relay.Backends, "[KIND=]URL", isBackend),
			Help: "servers that do the work in place of the embedded engine, each as [KIND=]URL with ,model=NAME ,voice=NAME ,rate=HERTZ ,metrics=PAGE behind it, where PAGE is the URL of its metrics, or :PORT or :PORT/PATH at its host, if they are not at /metrics; KIND is omni (default), chat, speech or transcription; several of one kind are all used, several kinds are stages; dns+http://NAME:PORT is a server at each of the name's addresses, file:PATH one at each line of a file"},
		{Key: "relay.api_key", Flag: "relay-api-key", Env: "LIMELIGHT_RELAY_API_KEY", Secret: true, value: text(&c.Relay.APIKey),
			Help: "key that the servers want, as Authorization: Bearer KEY"},
		{Key: "relay.voices", value: texts(&c.Relay.Voices, "NAME", isVoice),
			Help: "voices that clients may ask for; none leaves it to the servers"},
		{Key: "relay.policy", Flag: "relay-policy", value: text(&c.Relay.Policy, oneOf(Policies)),
			Help: "how a server is chosen: least-in-flight, round-robin, power-of-two, or consistent-hash of the conversation's beginning"},
		{Key: "relay.max_in_flight", Flag: "relay-max-in-flight", value: number(&c.Relay.MaxInFlight, 1, math.MaxInt32),
			Help: "requests at one server at a time; more wait in the queue"},
		{Key: "relay.retries", Flag: "relay-retries", value: number(&c.Relay.Retries, 0, 100),
			Help: "further servers that are tried when one fails at a request before it said anything"},
		{Key: "relay.answer_timeout", value: duration(&c.Relay.AnswerTimeout, 0),
			Help: "how long a server may take to begin its answer; 0s waits for ever"},
		{Key: "relay.health_interval", value: duration(&c.Relay.HealthInterval, 0),
			Help: "time between two health checks of a server; 0s checks none"},
		{Key: "relay.health_timeout", value: duration(&c.Relay.HealthTimeout, shortest),
			Help: "how long a server may take to say how it is"},
		{Key: "relay.discovery_interval", value: duration(&c.Relay.DiscoveryInterval, 0),
			Help: "time between two looks at names and files of servers; 0s looks at the start only"},
		{Key: "relay.scrape_interval", value: duration(&c.Relay.ScrapeInterval, 0),
			Help: "time between two scrapes of a server's metrics page; 0s scrapes them for each scrape of this server's own; needs log_stats"},
		{Key: "relay.start_timeout", value: duration(&c.Relay.StartTimeout, shortest),
			Help: "how long the start waits for a server to say what the model is called"},
	}
	for i := range c.Stages {
		options = append(options, c.Stages[i].options()...)
	}
	for i := range c.Connectors {
		options = append(options, c.Connectors[i].options()...)
	}
	return append(options,
		Option{Flag: "replicas", value: replicas{c: c},
			Help: "replicas of each stage, as thinker=1,talker=2,code2wav=1"},
		Option{Flag: "stage-overrides", value: overrides{c: c},
			Help: `options of stages, in JSON by stage id or name, as {"1":{"num_replicas":2}}`},
		Option{Flag: "default-sampling-params", value: overrides{c: c, section: "default_sampling_params"},
			Help: `default sampling parameters, in JSON by stage id or name, as {"0":{"temperature":0.4}}`},
	)
}

func (s *Stage) options() []Option {
	key := func(name string) string { return "stages." + s.Name + "." + name }
	options := []Option{
		{Key: key("num_replicas"), value: number(&s.NumReplicas, 1, maxReplicas),
			Help: "replicas of the stage"},
		{Key: key("max_num_seqs"), value: number(&s.MaxNumSeqs, 0, math.MaxInt32),
			Help: "sequences that one replica of the stage works for at a time; 0 is max_num_seqs"},
	}
	if !s.samples {
		return options
	}
	options = append(options, []Option{
		{Key: key("max_num_batched_tokens"), value: number(&s.MaxNumBatchedTokens, 0, math.MaxInt32),
			Help: "tokens that one step of a replica of the stage computes; 0 is max_num_batched_tokens"},
		{Key: key("kv_cache_memory_bytes"), value: size(&s.Memory.Bytes, 0, 1<<50),
			Help: "KV cache of one replica of the stage; 0B is cache.kv_cache_memory_bytes"},
		{Key: key("num_gpu_blocks_override"), value: number(&s.Memory.Blocks, 0, math.MaxInt32),
			Help: "blocks in the KV cache of one replica of the stage; 0 is cache.num_gpu_blocks_override"},
	}...)
	parameter := func(name string) string { return key("default_sampling_params." + name) }
	p := &s.Sampling
	return append(options, []Option{
		{Key: parameter("temperature"), value: optionalReal(&p.Temperature, 0, 2),
			Help: "divides the logits; 0 is greedy"},
		{Key: parameter("top_p"), value: optionalReal(&p.TopP, math.SmallestNonzeroFloat64, 1),
			Help: "keeps the smallest set of tokens whose probability reaches it; 1 is off"},
		{Key: parameter("top_k"), value: optionalNumber(&p.TopK, 0, math.MaxInt32),
			Help: "keeps the k likeliest tokens; 0 is off"},
		{Key: parameter("min_p"), value: optionalReal(&p.MinP, 0, 1),
			Help: "drops tokens below this fraction of the likeliest one's probability; 0 is off"},
		{Key: parameter("repetition_penalty"), value: optionalReal(&p.RepetitionPenalty, math.SmallestNonzeroFloat64, 100),
			Help: "divides positive and multiplies negative logits of tokens that occurred before; 1 is off"},
		{Key: parameter("presence_penalty"), value: optionalReal(&p.PresencePenalty, -2, 2),
			Help: "is taken from the logits of tokens that were generated before; 0 is off"},
		{Key: parameter("frequency_penalty"), value: optionalReal(&p.FrequencyPenalty, -2, 2),
			Help: "is taken from the logits of tokens as often as they were generated before; 0 is off"},
		{Key: parameter("max_tokens"), value: optionalNumber(&p.MaxTokens, 1, math.MaxInt32),
			Help: "bounds the generated tokens"},
	}...)
}

func (h *Connector) options() []Option {
	key := func(name string) string { return "connectors." + h.Name + "." + name }
	options := []Option{
		{Key: key("depth"), value: number(&h.Depth, 1, 4096),
			Help: "payloads of one request that may be on their way or wait at the receiver"},
	}
	if !h.codec {
		return options
	}
	return append(options, []Option{
		{Key: key("initial_codec_chunk_frames"), Flag: "initial-codec-chunk-frames", value: number(&h.InitialCodecChunkFrames, 1, 4096),
			Help: "codec frames (80 ms each) that code2wav gets first"},
		{Key: key("codec_chunk_frames"), Flag: "codec-chunk-frames", value: number(&h.CodecChunkFrames, 1, 4096),
			Help: "codec frames that code2wav gets at a time afterwards"},
	}...)
}

// Set gives the option what the command line or an environment variable says:
// one raw text for each time it was said. A list takes them all, anything else
// the last one.
func (o Option) Set(raw ...string) error { return o.value.set(raw...) }

// Type is the word for the option's values in a usage line; it is "bool" for
// switches.
func (o Option) Type() string { return o.value.word() }

// String is the value as the command line would say it, and stars for a
// secret that is set.
func (o Option) String() string {
	if s := o.value.String(); s == "" || !o.Secret {
		return s
	}
	return mask
}

// shortest bounds timeouts from below: less is a slip of the unit.
const shortest = time.Millisecond

// maxReplicas bounds the replicas of a stage.
const maxReplicas = 1024

// mask stands for a secret.
const mask = "********"
