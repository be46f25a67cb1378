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
	// ShutdownTimeout bounds the wait for running requests after SIGTERM.
	ShutdownTimeout time.Duration

	Server     Server
	Limits     Limits
	Metrics    Metrics
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
}

// Limits bound what clients can take.
type Limits struct {
	// MaxQueue bounds the requests that wait for a place.
	MaxQueue int
}

// Metrics says what /metrics records and how it is shown.
type Metrics struct {
	// LogStats turns the recording of the vllm: families on.
	LogStats bool
}

// Stage is one stage of the pipeline.
type Stage struct {
	// Name is the stage's name; its place in Config.Stages is its id.
	Name string
	// NumReplicas is the number of its replicas.
	NumReplicas int
	// MaxNumSeqs bounds the sequences of one replica; 0 is Config's.
	MaxNumSeqs int
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

// Default returns the configuration of a server that was told nothing.
func Default() *Config {
	return &Config{
		MaxNumSeqs:      64,
		ShutdownTimeout: 30 * time.Second,
		Server:          Server{Host: "0.0.0.0", Port: 8000},
		Limits:          Limits{MaxQueue: 1024},
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
