package metrics

import (
	"cmp"
	"maps"
	"strconv"
	"sync"
	"time"

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
	// NativeHistograms keeps the observations of times in native histograms, too,
	// beside the classic ones, and offers pages in protobuf, which alone have them.
	NativeHistograms bool
	// EnginesAlone records nothing but what happens inside engines, for a process
	// that runs stages for another one's pipeline; the other families are named.
	EnginesAlone bool
	// EnableMFU adds samples to the estimates of operations and bytes.
	EnableMFU bool
	// KVCacheMetrics adds the families of KV blocks' lives.
	KVCacheMetrics bool
	// Deadlines says that requests have a time in which they have to be done.
	Deadlines bool
	// LongestSequence is the most tokens that a sequence of any autoregressive
	// stage may have, which bounds the buckets of the families that count them.
	LongestSequence int
	// ContinuityThresholds are those of the continuity counter besides
	// continuity.DefaultThreshold: each is a further child for each audio replica.
	ContinuityThresholds []time.Duration
	// Stages are the pipeline's stages.
	Stages []StageInfo

	now func() time.Time // the clock; tests set it
}

// StageInfo describes one stage.
type StageInfo struct {
	ID int
	// Replicas is the number of replicas at the start, whose ids are 0, 1, ...;
	// ReplicaJoined and ReplicaLeft tell of changes.
	Replicas int
	// AR says that the stage is an autoregressive engine.
	AR bool
	// Audio says that the stage's outputs are audio for clients.
	Audio bool
	// Remote says that the replicas are other people's servers: a request that
	// one fails at is tried on another, and one that fails in a row is ejected.
	Remote bool
}

// Metrics is one server's metrics, in registries of its own. All recorders,
// and a nil Metrics too, may be used from any goroutine; the methods of nil
// recorders do nothing.
type Metrics struct {
	prefix   string
	table    []Family
	labels   prometheus.Labels
	registry *prometheus.Registry
	process  *prometheus.Registry // what is of the process; it costs as much as the rest
	requests *RequestRecorder
	refusals *RefusalRecorder
	replicas *replicaGauges
	http     *HTTPRecorder
	audio    *audioVecs
	transfer *transferVecs
	work     *stageVecs
	engines  *engineVecs
	scrapes  *scrapeVecs
	stages   []*StageRecorder // by id; written by New alone
	places   *replicaVecs
	attempts *attemptVecs

	attribution *AttributionRecorder
	thresholds  []time.Duration // of continuity, the default first

	exemplars bool
	native    bool
	options   []Need // options that are on
	lengths   []float64

	infos []StageInfo // written by New alone, as vecs
	vecs  []vec
	now   func() time.Time

	mu       sync.RWMutex // guards the fields below
	voices   map[replica]*AudioRecorder
	inner    map[replica]*EngineRecorder
	times    map[replica]*ReplicaRecorder
	tries    map[replica]*AttemptRecorder
	edges    map[edge]*TransferRecorder
	pages    map[replica]*scrapeRecorder
	gateways map[replica]*GatewayRecorder
	left     map[replica]time.Time // when those whose series are still on the page left
	gone     map[replica]bool      // those whose series are not any more
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
		process:  prometheus.NewRegistry(),
		voices:   map[replica]*AudioRecorder{},
		inner:    map[replica]*EngineRecorder{},
		times:    map[replica]*ReplicaRecorder{},
		tries:    map[replica]*AttemptRecorder{},
		edges:    map[edge]*TransferRecorder{},
		pages:    map[replica]*scrapeRecorder{},
		gateways: map[replica]*GatewayRecorder{},

		left: map[replica]time.Time{},
		gone: map[replica]bool{},

		exemplars:  o.Exemplars,
		native:     o.NativeHistograms,
		options:    o.on(),
		lengths:    LengthBuckets(o.LongestSequence),
		infos:      o.Stages,
		now:        o.now,
		thresholds: thresholds(o.ContinuityThresholds),
	}
	if m.now == nil {
		m.now = time.Now
	}
	m.process.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	m.build(o.Version)
	m.http = newHTTPRecorder(m)
	if !o.LogStats {
		return m
	}
	m.engines = newEngineVecs(m, o)
	if o.EnginesAlone {
		return m
	}
	m.requests = newRequestRecorder(m, o.Deadlines)
	m.audio = newAudioVecs(m)
	m.transfer = newTransferVecs(m)
	m.refusals = newRefusalRecorder(m)
	m.replicas = newReplicaGauges(m)
	m.registry.MustRegister(m.replicas)
	m.work = newStageVecs(m)
	m.scrapes = newScrapeVecs(m)
	m.registry.MustRegister(m.scrapes)
	m.attribution = newAttributionRecorder(m)
	m.places = newReplicaVecs(m)
	m.attempts = newAttemptVecs(m)
	for _, s := range o.Stages {
		m.stages = append(m.stages, make([]*StageRecorder, max(0, s.ID+1-len(m.stages)))...)
		m.stages[s.ID] = m.work.bind(s)
		for id := range s.Replicas {
			m.ReplicaJoined(s.ID, id)
		}
	}
	return m
}

// on lists the options that are on.
func (o Options) on() []Need {
	var on []Need
	for _, option := range []struct {
		need Need
		on   bool
	}{{NeedStats, o.LogStats}, {NeedMFU, o.EnableMFU}, {NeedKV, o.KVCacheMetrics}, {NeedDeadline, o.Deadlines}} {
		if option.on {
			on = append(on, option.need)
		}
	}
	return on
}

// Recording says whether statistics are on.
func (m *Metrics) Recording() bool { return m != nil && m.engines != nil }

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
// the same recorder. It is nil when the replica's series have left the page.
func (m *Metrics) Audio(stage, id int) *AudioRecorder {
	if m == nil || m.audio == nil {
		return nil
	}
	r := replica{stage, id}
	return once(m, m.voices, r, m.audio.bind, r)
}

// Engine returns the recorder of a replica of an autoregressive stage that runs
// in this process. The replica's children appear at zero with the first call;
// the same labels give the same recorder. It is nil when the replica's series
// have left the page.
func (m *Metrics) Engine(stage, id int) *EngineRecorder {
	if m == nil || m.engines == nil {
		return nil
	}
	r := replica{stage, id}
	return once(m, m.inner, r, m.engines.bind, r)
}

// Transfer returns the recorder of one edge. Its children appear on the page
// with its first hop. It is nil when the series of either end have left the page.
func (m *Metrics) Transfer(fromStage, fromReplica, toStage, toReplica int) *TransferRecorder {
	if m == nil || m.transfer == nil {
		return nil
	}
	e := edge{replica{fromStage, fromReplica}, replica{toStage, toReplica}}
	return once(m, m.edges, e, m.transfer.bind, e.from, e.to)
}

// once returns the recorder for key, and makes it the first time, unless one of
// the replicas that it speaks of is gone.
func once[K comparable, R any](m *Metrics, made map[K]*R, key K, bind func(K) *R, of ...replica) *R {
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
	for _, o := range of {
		if m.gone[o] {
			return nil
		}
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
	m.gauge(buildInfo).WithLabelValues(version).Set(1)
}

func (m *Metrics) counter(name string) *prometheus.CounterVec {
	f := family(m.table, name)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help, ConstLabels: m.shared(f)}, f.own())
	m.registry.MustRegister(v)
	m.vecs = append(m.vecs, vec{f, v.DeletePartialMatch})
	return v
}

func (m *Metrics) gauge(name string) *prometheus.GaugeVec {
	f := family(m.table, name)
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: f.Name, Help: f.Help, ConstLabels: m.shared(f)}, f.own())
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name string) *prometheus.HistogramVec {
	f := family(m.table, name)
	if f.Lengths {
		f.Buckets = m.lengths
	}
	o := prometheus.HistogramOpts{Name: f.Name, Help: f.Help, ConstLabels: m.shared(f), Buckets: f.Buckets}
	m.addNative(f, &o)
	v := prometheus.NewHistogramVec(o, f.own())
	m.registry.MustRegister(v)
	m.vecs = append(m.vecs, vec{f, v.DeletePartialMatch})
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
