// Package config holds what `limelight serve` can be told: by a strict YAML
// file, by environment variables and by flags, in rising order of weight. One
// table (Config.Options) declares every option with its key, its flag, its
// default and its meaning; the decoder, the flags, `limelight config show` and
// docs/configuration.md are made from it.
package config

import (
	"fmt"
	"time"
)

// Config is the whole configuration. Default returns one that is complete;
// a Reader fills in what was said.
type Config struct {
	// Model is a directory in Hugging Face layout; empty is limelight-tiny.
	Model string
	// ServedModelNames are the names of the model in the API. The first one is
	// the model_name of every metric; none means Model as given.
	ServedModelNames []string
	// MaxNumSeqs bounds the sequences of one replica, unless its stage says
	// otherwise.
	MaxNumSeqs int
	// MaxModelLen bounds prompt and reply together, in tokens; 0 is the model's.
	MaxModelLen int
	// MaxNumBatchedTokens bounds the tokens of one step of a replica, unless its
	// stage says otherwise.
	MaxNumBatchedTokens int
	// AsyncChunk hands work over to the next stage as it appears; without it only
	// when it is complete.
	AsyncChunk bool
	// ShutdownTimeout bounds the wait for running requests after SIGTERM.
	ShutdownTimeout time.Duration

	Server     Server
	Limits     Limits
	Metrics    Metrics
	Cache      Cache
	Peers      Peers
	Relay      Relay
	Stages     []Stage // in the order of the pipeline
	Connectors []Connector

	origins map[string]origin // by key: where a value that is no default came from
}

// origin is a line of the file, or the name of a flag or variable.
type origin struct {
	file   string
	line   int
	source string
}

func (o origin) String() string {
	if o.file != "" {
		return fmt.Sprintf("%s:%d", o.file, o.line)
	}
	return o.source
}

// Server says where and to whom the API is served.
type Server struct {
	Host string
	// Port is the port to listen on; 0 picks a free one.
	Port int
	// UDS is the path of a Unix domain socket to listen on; Host and Port are not
	// used then.
	UDS string
	// RootPath is the prefix that a proxy may leave on the paths; empty for none.
	RootPath string
	// APIKeys are the keys of which every request below /v1 must bring one; none
	// means that no key is asked for.
	APIKeys []string
	// AllowedOrigins are the origins whose pages may use the API; "*" is all.
	AllowedOrigins []string
	// SSLKeyFile and SSLCertFile are PEM files; both or none.
	SSLKeyFile, SSLCertFile string
	// EnablePprof serves profiles below /debug/pprof, behind the key.
	EnablePprof bool
	// DefaultModalities are what a chat reply holds when the request names none:
	// "text" or "text,audio".
	DefaultModalities string
}

// Limits bound what clients can take.
type Limits struct {
	// MaxQueue bounds the requests that wait for a place.
	MaxQueue int
	// MaxConcurrentStreams bounds the replies streamed at one time; 0 is no bound.
	MaxConcurrentStreams int
	// MaxBody bounds a request's body and MaxBodies those that are held at one
	// time, in bytes.
	MaxBody, MaxBodies int64
	// MaxHeaderBytes and MaxHeaders bound a request's header and its lines.
	MaxHeaderBytes int64
	MaxHeaders     int
	// HeaderTimeout and BodyTimeout bound the time in which a request has to come.
	HeaderTimeout, BodyTimeout time.Duration
	// IdleTimeout closes connections without a request.
	IdleTimeout time.Duration
	// WriteTimeout bounds every single write to a client.
	WriteTimeout time.Duration
	// StageTimeout bounds the wait for a stage's next output; 0 is no bound.
	StageTimeout time.Duration
	// RequestTimeout bounds the whole time of a request; 0 is no bound.
	RequestTimeout time.Duration
}

// Metrics says what /metrics records and how it is shown.
type Metrics struct {
	// LogStats turns the recording of the vllm: families on.
	LogStats bool
	// EnableMFU adds the families of model FLOPs utilization.
	EnableMFU bool
	// Exemplars keeps request ids with the times that pages in OpenMetrics show.
	Exemplars bool
	// NativeHistograms adds the native form to the histograms of times.
	NativeHistograms bool
	// ContinuityThresholds are those of the continuity counter besides 100 ms;
	// ParseThresholds reads an item.
	ContinuityThresholds []string
	// Objectives is a YAML file of them, by which the live page judges; empty is
	// the defaults.
	Objectives string
	// Prefix is that of the omni families on the page.
	Prefix string
	// Addr serves /metrics apart, on HOST:PORT; empty is the main port.
	Addr string
	// KVCache adds the families of the lives of KV blocks, of which
	// KVCacheSample is the share that is followed.
	KVCache       bool
	KVCacheSample float64
}

// Cache says how the replicas of the stages that choose tokens keep keys and
// values.
type Cache struct {
	// BlockSize is the number of tokens in a block.
	BlockSize int
	// Memory sizes each replica's cache, unless its stage says otherwise.
	Memory CacheMemory
	// EnablePrefixCaching computes what several prompts begin with only once.
	EnablePrefixCaching bool
}

// CacheMemory is the size of one replica's cache: a number of bytes, or of
// blocks, which weighs more. 0 is no answer.
type CacheMemory struct {
	Bytes  int64
	Blocks int
}

// Peers says which other processes run stages, and how they are reached.
type Peers struct {
	// StagePeers are the processes, each as STAGE,...=HOST:PORT; ParsePeer takes
	// one apart.
	StagePeers []string
	// Timeout bounds the wait for the peers at the start.
	Timeout time.Duration
	// SSL secures the connections. SSLCACerts, which implies it, is the file of
	// the authorities to trust; empty is the system's. SSLCertFile and SSLKeyFile
	// prove to peers that ask who this process is.
	SSL                                 bool
	SSLCACerts, SSLCertFile, SSLKeyFile string
}

// Stage is one stage of the pipeline.
type Stage struct {
	// Name is the stage's name; its place in Config.Stages is its id.
	Name string
	// NumReplicas is the number of its replicas.
	NumReplicas int
	// MaxNumSeqs bounds the sequences of one replica; 0 is Config's.
	MaxNumSeqs int
	// MaxNumBatchedTokens and Memory are Config's where they are 0.
	MaxNumBatchedTokens int
	Memory              CacheMemory
	// Sampling is what differs from the model's default sampling parameters.
	Sampling Sampling

	samples bool // the stage chooses tokens, so sampling means something to it
}

// Sampling holds default sampling parameters; nil leaves the model's.
type Sampling struct {
	Temperature       *float64
	TopP              *float64
	TopK              *int
	MinP              *float64
	RepetitionPenalty *float64
	PresencePenalty   *float64
	FrequencyPenalty  *float64
	MaxTokens         *int
}

// Connector is the hop from one stage to the next.
type Connector struct {
	// Name is from_to_to: thinker_to_talker.
	Name string
	// Depth bounds the payloads that have a place in one request's link.
	Depth int
	// InitialCodecChunkFrames and CodecChunkFrames are the codec frames (80 ms
	// each) of the first hop and of each further one; only the hop into the
	// stage that makes sound has them.
	InitialCodecChunkFrames, CodecChunkFrames int

	codec bool // the hop carries codec frames
}

// OmniPrefixes are the prefixes that the omni families can have: that of
// vLLM-Omni's production metrics page, and that of its later releases.
var OmniPrefixes = []string{"vllm:omni_", "vllm_omni:"}

// Default returns the configuration of a server that was told nothing.
func Default() *Config {
	return &Config{
		MaxNumBatchedTokens: 2048,
		Cache:               Cache{BlockSize: 16, EnablePrefixCaching: true},
		MaxNumSeqs:          64,
		AsyncChunk:          true,
		ShutdownTimeout:     30 * time.Second,
		Server:              Server{Host: "0.0.0.0", Port: 8000, DefaultModalities: "text"},
		Limits: Limits{
			MaxQueue: 1024, MaxBody: 32 << 20, MaxBodies: 512 << 20, MaxHeaderBytes: 64 << 10, MaxHeaders: 256,
			HeaderTimeout: 10 * time.Second, BodyTimeout: time.Minute, IdleTimeout: 2 * time.Minute, WriteTimeout: 30 * time.Second,
			StageTimeout: 5 * time.Minute,
		},
		Metrics: Metrics{Exemplars: true, Prefix: OmniPrefixes[0], KVCacheSample: 0.01},
		Peers:   Peers{Timeout: 30 * time.Second},
		Relay: Relay{
			Policy: Policies[0], MaxInFlight: 64, Retries: 2,
			HealthInterval: 5 * time.Second, DiscoveryInterval: 10 * time.Second, HealthTimeout: 2 * time.Second, StartTimeout: 30 * time.Second,
		},
		Stages: []Stage{
			{Name: "thinker", NumReplicas: 1, samples: true},
			{Name: "talker", NumReplicas: 1, samples: true},
			{Name: "code2wav", NumReplicas: 1},
		},
		Connectors: []Connector{
			{Name: "thinker_to_talker", Depth: 16},
			{Name: "talker_to_code2wav", Depth: 16, InitialCodecChunkFrames: 4, CodecChunkFrames: 25, codec: true},
		},
		origins: map[string]origin{},
	}
}
