package metrics

import (
	"cmp"
	"maps"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Options describe the server whose metrics are recorded.
type Options struct {
	// ModelName is the first served name; it is the model_name of every family.
	ModelName string
	// LogStats turns recording on. Without it the vllm: families are named on
	// the page and have no sample, and all their recorders are nil.
	LogStats bool
	// OmniPrefix is the prefix that the omni families have on the page. Empty
	// means DefaultOmniPrefix; later releases of vLLM-Omni write "vllm_omni:".
	OmniPrefix string
	// Version is the server's, for the build's family; default "devel".
	Version string
	// Exemplars keeps a request id with the newest observation in each bucket of
	// the end-to-end and first-packet times, for pages in OpenMetrics. It costs
	// two maps a request.
	Exemplars bool
	// Stages are the pipeline's stages.
	Stages []StageInfo
}

// StageInfo describes one stage.
type StageInfo struct {
	ID       int
	Replicas int
	// AR says that the stage is an autoregressive engine.
	AR bool
	// Audio says that the stage's outputs are audio for clients.
	Audio bool
}

// Metrics is one server's metrics, in a registry of its own. All recorders,
// and a nil Metrics too, may be used from any goroutine; the methods of nil
// recorders do nothing.
type Metrics struct {
	prefix   string
	table    []Family
	labels   prometheus.Labels
	registry *prometheus.Registry
	requests *RequestRecorder
	refusals *RefusalRecorder
	replicas *replicaGauges
	http     *HTTPRecorder
	audio    *audioVecs
	transfer *transferVecs
	work     *stageVecs
	stages   []*StageRecorder // by id; written by New alone

	exemplars bool

	mu     sync.RWMutex // guards the recorders, which are made once
	voices map[replica]*AudioRecorder
	edges  map[edge]*TransferRecorder
}

type replica struct{ stage, id int }
type edge struct{ from, to replica }

// New makes the metrics of one server.
func New(o Options) *Metrics {
	m := &Metrics{
		prefix:   cmp.Or(o.OmniPrefix, DefaultOmniPrefix),
		table:    Families(),
		labels:   prometheus.Labels{"model_name": o.ModelName},
		registry: prometheus.NewRegistry(),
		voices:   map[replica]*AudioRecorder{},
		edges:    map[edge]*TransferRecorder{},

		exemplars: o.Exemplars,
	}
	m.registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	m.build(o.Version)
	m.http = newHTTPRecorder(m)
	if !o.LogStats {
		return m
	}
	m.requests = newRequestRecorder(m)
	m.audio = newAudioVecs(m)
	m.transfer = newTransferVecs(m)
	m.refusals = newRefusalRecorder(m)
	m.replicas = newReplicaGauges(m)
	m.registry.MustRegister(m.replicas)
	m.work = newStageVecs(m)
	for _, s := range o.Stages {
		m.stages = append(m.stages, make([]*StageRecorder, max(0, s.ID+1-len(m.stages)))...)
		m.stages[s.ID] = m.work.bind(s)
		if s.Audio {
			for id := range s.Replicas {
				m.Audio(s.ID, id)
			}
		}
	}
	return m
}

// Requests returns the recorder of the pipeline's requests.
func (m *Metrics) Requests() *RequestRecorder {
	if m == nil {
		return nil
	}
	return m.requests
}

// Refusals returns the recorder of requests that were not admitted.
func (m *Metrics) Refusals() *RefusalRecorder {
	if m == nil {
		return nil
	}
	return m.refusals
}

// Stage returns the recorder of one of Options' stages; nil if there is no
// such stage.
func (m *Metrics) Stage(id int) *StageRecorder {
	if m == nil || id < 0 || id >= len(m.stages) {
		return nil
	}
	return m.stages[id]
}

// HTTP returns the recorder of HTTP requests; it records with stats off too.
func (m *Metrics) HTTP() *HTTPRecorder {
	if m == nil {
		return nil
	}
	return m.http
}

// Audio returns the recorder of an audio stage's replica. The same labels give
// the same recorder, so a replica that is made again goes on where it was.
func (m *Metrics) Audio(stage, id int) *AudioRecorder {
	if m == nil || m.audio == nil {
		return nil
	}
	return once(m, m.voices, replica{stage, id}, m.audio.bind)
}

// Transfer returns the recorder of one edge. Its children appear on the page
// with its first hop.
func (m *Metrics) Transfer(fromStage, fromReplica, toStage, toReplica int) *TransferRecorder {
	if m == nil || m.transfer == nil {
		return nil
	}
	e := edge{replica{fromStage, fromReplica}, replica{toStage, toReplica}}
	return once(m, m.edges, e, m.transfer.bind)
}

// once returns the recorder for key, and makes it the first time.
func once[K comparable, R any](m *Metrics, made map[K]*R, key K, bind func(K) *R) *R {
	m.mu.RLock()
	r := made[key]
	m.mu.RUnlock()
	if r != nil {
		return r
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := made[key]; r != nil {
		return r
	}
	r = bind(key)
	made[key] = r
	return r
}

// build shows the version.
func (m *Metrics) build(version string) {
	if version == "" {
		version = "devel"
	}
	f := family(m.table, buildInfo)
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: f.Name, Help: f.Help}, f.own())
	m.registry.MustRegister(info)
	info.WithLabelValues(version).Set(1)
}

func (m *Metrics) counter(name string) *prometheus.CounterVec {
	f := family(m.table, name)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help, ConstLabels: m.shared(f)}, f.own())
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name string) *prometheus.HistogramVec {
	f := family(m.table, name)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.Name, Help: f.Help, ConstLabels: m.shared(f), Buckets: f.Buckets}, f.own())
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) summary(name string) *prometheus.SummaryVec {
	f := family(m.table, name)
	v := prometheus.NewSummaryVec(prometheus.SummaryOpts{Name: f.Name, Help: f.Help, ConstLabels: m.shared(f)}, f.own())
	m.registry.MustRegister(v)
	return v
}

// shared are the labels that every child of the family has.
func (m *Metrics) shared(f Family) prometheus.Labels {
	if len(f.own()) == len(f.Labels) {
		return nil
	}
	return maps.Clone(m.labels)
}

func decimal(n int) string { return strconv.Itoa(n) }
