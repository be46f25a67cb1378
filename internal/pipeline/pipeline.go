// Package pipeline builds a running pipeline (model, stages, pools,
// connectors) from options.
package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/internal/config"
	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/internal/engine/codec"
	"github.com/limelight-omni/limelight/internal/engine/stats"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
)

// The stages of the embedded Qwen3-Omni pipeline, in order.
const (
	Thinker = iota
	Talker
	Code2Wav
)

var stageNames = []string{"thinker", "talker", "code2wav"}

// Options say what to build. Zero values mean the defaults named at each field.
type Options struct {
	// Model is a directory in Hugging Face layout; empty is limelight-tiny.
	Model string
	// ServedName is the model's name in the API and on the metrics page;
	// default Model, or "limelight-tiny".
	ServedName string
	// Replicas holds the number of this process's replicas by stage name;
	// default 1, and none of a stage that has peers.
	Replicas map[string]int
	// Peers run stages in other processes: their replicas follow this process's
	// own, in this order.
	Peers []Peer
	// PeerTLS secures the connections to peers; nil is plain text.
	PeerTLS *TLSFiles
	// PeerTimeout bounds the wait for the peers at the start; default 30 s.
	PeerTimeout time.Duration
	// MaxNumSeqs bounds the sequences of one replica; default 64. StageSeqs
	// does so for single stages by name; 0 means MaxNumSeqs.
	MaxNumSeqs int
	StageSeqs  map[string]int
	// Engines size, by stage name, the replicas of the stages that choose tokens.
	// MaxSeqs, MaxModelLen and Listeners are filled in from the other fields.
	Engines map[string]EngineConfig
	// Sampling holds, by stage name, what differs from the model's default
	// parameters.
	Sampling map[string]config.Sampling
	// LinkDepths holds, at k, the payloads that have a place in a link from
	// stage k to k+1; what is missing or 0 is connector.DefaultDepth.
	LinkDepths []int
	// MaxModelLen bounds prompt and reply together; default is the model's.
	MaxModelLen int
	// MaxQueue bounds the waiting requests; default 1024.
	MaxQueue int
	// FirstChunk and Chunk are the codec frames of the first hop to code2wav and
	// of each further one; default 4 and 25.
	FirstChunk, Chunk int
	// StageTimeout ends a request as an error whose stages give no output for so
	// long; 0 waits for ever.
	StageTimeout time.Duration
	// RequestTimeout ends a request as an error whose answer is not made so long
	// after its arrival; 0 gives it all the time.
	RequestTimeout time.Duration
	// Gather hands a stage's work over to the next one only when it is complete.
	Gather bool
	// LogStats turns the recording of the vllm: families on.
	LogStats bool
	// EnableMFU records the families of model FLOPs utilization, too.
	EnableMFU bool
	// KVCacheMetrics records the families of KV blocks' lives, too, of the blocks
	// that Engines sample.
	KVCacheMetrics bool
	// OmniPrefix is the prefix of the omni families on the page; empty is the
	// default of package metrics.
	OmniPrefix string
	// Exemplars keeps request ids with the end-to-end and first-packet times.
	Exemplars bool
	// NativeHistograms keeps native histograms of times beside the classic ones.
	NativeHistograms bool
	// ContinuityThresholds are those of the continuity counter besides 100 ms.
	ContinuityThresholds []time.Duration
	// Version is the server's, for the metrics page.
	Version string
	// Metrics is what a pipeline that was closed recorded into, for one with as
	// many stages that goes on in its place: totals stay what they were, and the
	// fields above that are for a metrics page mean nothing. Nil makes new ones.
	Metrics *metrics.Metrics
	// Log receives what is worth saying while the pipeline is built; nil is
	// slog.Default.
	Log *slog.Logger
	// Connector wraps the connector from stage k to stage k+1; nil leaves them
	// as they are. Tests corrupt payloads with it.
	Connector func(k int, c connector.Connector) connector.Connector
	// Engine wraps each replica of this process; nil leaves them as they are. The
	// self-check silences a sound with it.
	Engine func(stage, replica int, e engine.Engine) engine.Engine
	// Listener makes one more listener of an autoregressive stage's replica; may
	// be nil.
	Listener func(stage, replica int) ar.Listener
}

// EngineConfig sizes an autoregressive replica.
type EngineConfig = ar.Config

// Pipeline is a running pipeline.
type Pipeline struct {
	Orchestrator *orchestrator.Orchestrator
	Frontend     *Frontend
	Metrics      *metrics.Metrics

	peers []*joined
	pages *peerPages      // nil without statistics
	stats *stats.Reporter // nil without statistics
}

// withDefaults fills in what was left open.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MaxNumSeqs <= 0 {
		o.MaxNumSeqs = 64
	}
	if o.FirstChunk <= 0 {
		o.FirstChunk = ar.DefaultChunks.First
	}
	if o.Chunk <= 0 {
		o.Chunk = ar.DefaultChunks.Then
	}
	if o.PeerTimeout <= 0 {
		o.PeerTimeout = 30 * time.Second
	}
	return o
}

// New loads the model, reaches the peers, and starts every stage.
func New(o Options) (*Pipeline, error) {
	o = o.withDefaults()
	counts, err := o.replicaCounts()
	if err != nil {
		return nil, err
	}
	front, err := loadModel(o)
	if err != nil {
		return nil, err
	}
	peers, err := o.join(front)
	if err != nil {
		return nil, errors.Join(err, front.model.Close())
	}
	total := slices.Clone(counts)
	for _, j := range peers {
		j.number(total)
	}
	m := o.Metrics
	if m == nil {
		m = metrics.New(metrics.Options{
			ModelName: front.name, LogStats: o.LogStats, OmniPrefix: o.OmniPrefix, Exemplars: o.Exemplars, Version: o.Version,
			EnableMFU: o.EnableMFU, KVCacheMetrics: o.KVCacheMetrics, Deadlines: o.RequestTimeout > 0, LongestSequence: max(front.maxModelLen, front.talkerLen),
			ContinuityThresholds: o.ContinuityThresholds, NativeHistograms: o.NativeHistograms,
			Stages: []metrics.StageInfo{
				{ID: Thinker, Replicas: total[Thinker], AR: true},
				{ID: Talker, Replicas: total[Talker], AR: true},
				{ID: Code2Wav, Replicas: total[Code2Wav], Audio: true},
			},
		})
	}
	for k, n := range total {
		for id := range n {
			m.ReplicaJoined(k, id) // a page that goes on may have seen that id leave
		}
	}
	inner := stats.Start(m, o.Log, o.EnableMFU)
	pages := scrapePeers(m, front.name, peers)
	var stages []orchestrator.Stage
	for k, output := range []orchestrator.Modality{orchestrator.Text, orchestrator.NoOutput, orchestrator.Audio} {
		var engines []engine.Engine
		for replica := range counts[k] {
			engines = append(engines, o.wrapped(front, inner, k, replica))
		}
		for _, j := range peers {
			engines = append(engines, j.engines(k, pages)...)
		}
		stages = append(stages, orchestrator.Stage{
			Pool:   stage.NewPool(k, stageNames[k], o.seqs(k), nil, engines...),
			Output: output,
		})
	}
	var connectors []connector.Connector
	for k := range len(stages) - 1 {
		depth := 0
		if k < len(o.LinkDepths) {
			depth = o.LinkDepths[k]
		}
		var c connector.Connector = connector.NewInProcess(depth)
		if o.Connector != nil {
			c = o.Connector(k, c)
		}
		connectors = append(connectors, c)
	}
	p := &Pipeline{
		Orchestrator: orchestrator.New(orchestrator.Options{
			Stages: stages, Connectors: connectors, MaxQueue: o.MaxQueue, StageTimeout: o.StageTimeout, RequestTimeout: o.RequestTimeout, Gather: o.Gather, Metrics: m,
			NewEngine: func(stage, replica int) engine.Engine { return o.wrapped(front, inner, stage, replica) }, Log: o.Log,
		}),
		Frontend: front,
		Metrics:  m,
		peers:    peers,
		pages:    pages,
		stats:    inner,
	}
	for _, j := range peers {
		j.watch(stages, pages)
	}
	return p, nil
}

// seqs bounds the sequences of one of a stage's replicas.
func (o Options) seqs(stage int) int { return cmp.Or(o.StageSeqs[stageNames[stage]], o.MaxNumSeqs) }

// bound is how long a stage's sequences may become: the length given, or what
// one replica's KV cache holds.
func (o Options) bound(stage, length int, d *qwen3omni.Decoder) (int, error) {
	cfg := o.Engines[stageNames[stage]]
	cfg.MaxSeqs, cfg.MaxModelLen = o.seqs(stage), length
	cfg, err := cfg.Complete(d)
	if err != nil {
		return 0, fmt.Errorf("stage %s: %w", stageNames[stage], err)
	}
	if cfg.MaxModelLen < length {
		o.Log.Warn("a replica's KV cache bounds the length of its sequences", "stage", stageNames[stage], "tokens", cfg.MaxModelLen, "model", length)
	}
	return cfg.MaxModelLen, nil
}

// wrapped starts a replica in this process, in its wrapping.
func (o Options) wrapped(front *Frontend, inner *stats.Reporter, stage, replica int) engine.Engine {
	e := o.newEngine(front, inner, stage, replica)
	if o.Engine == nil {
		return e
	}
	return o.Engine(stage, replica, e)
}

// newEngine starts a replica in this process, which inner records.
func (o Options) newEngine(front *Frontend, inner *stats.Reporter, stage, replica int) engine.Engine {
	if stage == Code2Wav {
		return codec.New(front.model.Code2Wav, o.seqs(stage))
	}
	decoder, vocab := front.model.Thinker.Decoder(), front.model.Thinker.Vocab()
	if stage == Talker {
		decoder, vocab = front.model.Talker.Decoder(), front.model.Talker.Vocab()
	}
	recorded := inner.Replica(stage, stageNames[stage], replica, stats.ShapeOf(decoder, vocab))
	cfg := o.Engines[stageNames[stage]]
	cfg.MaxSeqs = o.seqs(stage)
	cfg.Listeners = []ar.Listener{recorded.Listener()}
	if o.Listener != nil {
		cfg.Listeners = append(cfg.Listeners, o.Listener(stage, replica))
	}
	var e *ar.Engine
	if stage == Thinker {
		cfg.MaxModelLen = front.maxModelLen
		e = ar.NewThinker(front.model, front.tok, cfg)
	} else {
		cfg.MaxModelLen = front.talkerLen
		e = ar.NewTalker(front.model, ar.Chunks{First: o.FirstChunk, Then: o.Chunk}, cfg)
	}
	recorded.Watch(e, cfg.Blocks)
	return e
}

// replicaCounts checks the replicas asked for in this process and fills in the
// rest: one of each stage that has no peer.
func (o Options) replicaCounts() ([]int, error) {
	counts := []int{1, 1, 1}
	for _, p := range o.Peers {
		if len(p.Stages) == 0 {
			return nil, fmt.Errorf("peer %s: which stages does it run?", p.Address)
		}
		for _, name := range p.Stages {
			k, err := stageIndex(name)
			if err != nil {
				return nil, fmt.Errorf("peer %s: %w", p.Address, err)
			}
			counts[k] = 0
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Replicas)) {
		k, err := stageIndex(name)
		if err != nil {
			return nil, fmt.Errorf("replicas: %w", err)
		}
		if o.Replicas[name] < 1 {
			return nil, fmt.Errorf("replicas: stage %s needs at least 1, got %d", name, o.Replicas[name])
		}
		counts[k] = o.Replicas[name]
	}
	return counts, nil
}

func stageIndex(name string) (int, error) {
	k := slices.Index(stageNames, name)
	if k < 0 {
		return 0, fmt.Errorf("unknown stage %q; the stages are %s", name, strings.Join(stageNames, ", "))
	}
	return k, nil
}

// Describe names the stages and their replicas, as thinker=1,talker=2,code2wav=1.
func (p *Pipeline) Describe() string {
	var parts []string
	for _, s := range p.Orchestrator.Stages() {
		parts = append(parts, fmt.Sprintf("%s=%d", s.Name, len(s.Replicas())))
	}
	return strings.Join(parts, ",")
}

// Close stops every stage, and lets go of the peers and of the model's weights.
func (p *Pipeline) Close() error {
	defer p.stats.Close()
	p.pages.close()
	return errors.Join(p.Orchestrator.Close(), leave(p.peers), p.Frontend.model.Close())
}
