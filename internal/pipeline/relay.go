package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
	"github.com/limelight-omni/limelight/metrics/merge"
)

// Backend is a server behind a relay, or a source that tells of servers.
type Backend struct {
	// Kind is one of the kinds of package remote: chat, omni, speech,
	// transcription. It names the stage.
	Kind string
	// URL is the server's root. "dns+http://NAME:PORT" stands for a server at each
	// address that NAME has, "file:PATH" for one at each line of a file.
	URL string
	// Model is the model's name there; empty asks the server.
	Model string
	// APIKey is the bearer token that the server wants.
	APIKey string
	// Voice is the default voice, SampleRate that of raw PCM (default 24000).
	Voice      string
	SampleRate int
	// Metrics is where its metrics page is: a URL, or :PORT or :PORT/PATH at its
	// host; empty is /metrics below URL.
	Metrics string
}

// RelayOptions say what a relay is made of. Zero values mean the defaults named
// at each field.
type RelayOptions struct {
	// Backends are the servers, in any order; those of one kind are one stage.
	Backends []Backend
	// ServedName is the model's name in the API and on the metrics page; default
	// is what the first server of the first stage calls it.
	ServedName string
	// Voices are the voices that clients may ask for; none leaves it to the servers.
	Voices []string
	// MaxInFlight bounds the requests at one server; default 64.
	MaxInFlight int
	// Policy names how one of a stage's servers is chosen; empty is least-in-flight.
	Policy string
	// Retries is how many further servers are tried; default 2, negative none.
	Retries int
	// AnswerTimeout bounds the wait for the header of a server's answer; 0 is no bound.
	AnswerTimeout time.Duration
	// HealthInterval is the time between two health checks of a server; default
	// 5 s, negative checks none. HealthTimeout bounds one; default 2 s.
	HealthInterval, HealthTimeout time.Duration
	// Ejection takes out servers that fail at requests in a row; default three,
	// for 1 s at first and 60 s at most.
	Ejection stage.Ejection
	// DiscoveryInterval is the time between two looks at the sources that tell of
	// servers; default 10 s, negative looks at the start only.
	DiscoveryInterval time.Duration
	// StartTimeout bounds the wait for a first server that answers; default 30 s.
	StartTimeout time.Duration
	// ScrapeInterval is the time between two scrapes of a server's metrics page;
	// 0 scrapes for each page of this server's own.
	ScrapeInterval time.Duration

	MaxQueue            int
	StageTimeout        time.Duration
	RequestTimeout      time.Duration
	LogStats, Exemplars bool
	NativeHistograms    bool
	OmniPrefix, Version string
	Log                 *slog.Logger
}

// relayOrder is the order of the stages of a relay.
var relayOrder = []remote.Kind{remote.Transcription, remote.Chat, remote.Omni, remote.Speech}

var relayOutput = map[remote.Kind]orchestrator.Modality{
	remote.Transcription: orchestrator.Transcript,
	remote.Chat:          orchestrator.Text,
	remote.Omni:          orchestrator.Text | orchestrator.Audio,
	remote.Speech:        orchestrator.Audio,
}

// Relay is a running pipeline of other people's servers.
type Relay struct {
	Orchestrator *orchestrator.Orchestrator
	Metrics      *metrics.Metrics
	name         string
	voices       []string
	kinds        []remote.Kind // by stage

	o    RelayOptions
	stop chan struct{}
	work sync.WaitGroup // the checks of health and the looks at the sources

	scraper *merge.Scraper // nil without statistics

	mu      sync.Mutex       // guards the fields below
	members []map[int]member // by stage and replica
	pages   map[seat]page
}

func (o RelayOptions) withDefaults() RelayOptions {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = 64
	}
	switch {
	case o.Retries == 0:
		o.Retries = 2
	case o.Retries < 0:
		o.Retries = 0
	}
	if o.HealthInterval == 0 {
		o.HealthInterval = 5 * time.Second
	}
	if o.HealthTimeout <= 0 {
		o.HealthTimeout = 2 * time.Second
	}
	if o.Ejection.Failures == 0 {
		o.Ejection.Failures = 3
	}
	if o.Ejection.Base <= 0 {
		o.Ejection.Base = time.Second
	}
	if o.Ejection.Max <= 0 {
		o.Ejection.Max = time.Minute
	}
	if o.DiscoveryInterval == 0 {
		o.DiscoveryInterval = 10 * time.Second
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = 30 * time.Second
	}
	return o
}

// NewRelay makes a pipeline of the servers. It waits until one of them says
// what the model is called, unless a name was given, and checks the health of
// all before it returns; servers that are not well yet join later.
func NewRelay(ctx context.Context, o RelayOptions) (*Relay, error) {
	o = o.withDefaults()
	policy, err := stage.ParsePolicy(o.Policy)
	if err != nil {
		return nil, err
	}
	r := &Relay{o: o, name: o.ServedName, voices: o.Voices, stop: make(chan struct{}), pages: map[seat]page{}}
	if err := r.findStages(); err != nil {
		return nil, err
	}
	found := r.look(ctx)
	engines := make([][]engine.Engine, len(r.kinds))
	for k := range r.kinds {
		r.members = append(r.members, map[int]member{})
		for _, f := range found[k] {
			e, err := r.newEngine(k, f.Backend)
			if err != nil {
				return nil, errors.Join(err, closeAll(engines))
			}
			r.members[k][len(engines[k])] = member{e, f}
			engines[k] = append(engines[k], e)
		}
	}
	if r.name == "" {
		if r.name, err = r.discover(ctx); err != nil {
			return nil, errors.Join(err, closeAll(engines))
		}
	}
	var infos []metrics.StageInfo
	for k, kind := range r.kinds {
		infos = append(infos, metrics.StageInfo{ID: k, Replicas: len(engines[k]), Audio: relayOutput[kind]&orchestrator.Audio != 0, Remote: true})
	}
	r.Metrics = metrics.New(metrics.Options{
		ModelName: r.name, LogStats: o.LogStats, OmniPrefix: o.OmniPrefix, Exemplars: o.Exemplars, Version: o.Version, Stages: infos,
		NativeHistograms: o.NativeHistograms, Deadlines: o.RequestTimeout > 0,
	})
	var stages []orchestrator.Stage
	var connectors []connector.Connector
	for k, kind := range r.kinds {
		pool := stage.NewPool(k, string(kind), o.MaxInFlight, nil, engines[k]...)
		pool.SetPolicy(policy)
		pool.SetEjection(r.ejection(k))
		stages = append(stages, orchestrator.Stage{Pool: pool, Output: relayOutput[kind], Retries: o.Retries})
		if k > 0 {
			connectors = append(connectors, connector.NewInProcess(0))
		}
	}
	r.Orchestrator = orchestrator.New(orchestrator.Options{
		Stages: stages, Connectors: connectors, MaxQueue: o.MaxQueue, StageTimeout: o.StageTimeout, RequestTimeout: o.RequestTimeout, Metrics: r.Metrics, Log: o.Log,
	})
	if o.HealthInterval > 0 {
		r.CheckHealth(ctx)
		r.every(o.HealthInterval, r.CheckHealth)
	}
	if r.scrape(); r.scraper != nil {
		r.FindPages(ctx)
		r.every(pageInterval, r.FindPages)
	}
	if o.DiscoveryInterval > 0 && r.hasSources() {
		r.every(o.DiscoveryInterval, r.Discover)
	}
	return r, nil
}

// ejection is what is configured for stage k, counted and told in the log.
func (r *Relay) ejection(k int) stage.Ejection {
	e := r.o.Ejection
	e.Observe = func(replica int, d time.Duration, err error) {
		r.Metrics.Attempts(k, replica).Ejected()
		r.o.Log.Warn("server ejected: it failed at requests in a row", "stage", r.kinds[k], "replica", replica, "for", d, "error", err)
	}
	return e
}

// findStages finds the stages that the backends are of.
func (r *Relay) findStages() error {
	for _, kind := range relayOrder {
		if slices.ContainsFunc(r.o.Backends, func(b Backend) bool { return b.Kind == string(kind) }) {
			r.kinds = append(r.kinds, kind)
		}
	}
	return r.check()
}

// newEngine makes a server a replica of stage k.
func (r *Relay) newEngine(k int, b Backend) (*remote.Engine, error) {
	return remote.New(remote.Config{
		Kind: r.kinds[k], URL: b.URL, Model: b.Model, APIKey: b.APIKey, Voice: b.Voice, SampleRate: b.SampleRate, AnswerTimeout: r.o.AnswerTimeout,
	})
}

// check refuses stages that make no pipeline.
func (r *Relay) check() error {
	for _, b := range r.o.Backends {
		if !slices.Contains(relayOrder, remote.Kind(b.Kind)) {
			return fmt.Errorf("backend %s: unknown kind %q; the kinds are chat, omni, speech, transcription", b.URL, b.Kind)
		}
	}
	has := func(k remote.Kind) bool { return slices.Contains(r.kinds, k) }
	switch {
	case len(r.kinds) == 0:
		return errors.New("backends: none is given")
	case has(remote.Omni) && len(r.kinds) > 1:
		return errors.New("backends: omni servers are a pipeline by themselves; chat, speech and transcription can be joined")
	case has(remote.Transcription) && has(remote.Speech) && !has(remote.Chat):
		return errors.New("backends: between transcription and speech there has to be chat")
	}
	return nil
}

// discover asks the servers of the text stage, or else of the first one, what
// the model is called.
func (r *Relay) discover(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.StartTimeout)
	defer cancel()
	k := max(0, slices.IndexFunc(r.kinds, func(k remote.Kind) bool { return relayOutput[k]&orchestrator.Text != 0 }))
	for told := false; ; told = true {
		var failures []error
		for _, m := range r.servers(k) {
			name, err := m.Model(ctx)
			if err == nil {
				return name, nil
			}
			failures = append(failures, err)
		}
		if !told {
			r.o.Log.Info("waiting for a server to say what the model is called", "stage", r.kinds[k], "error", errors.Join(failures...))
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return "", fmt.Errorf("no server says what the model is called; name it with --served-model-name: %w", errors.Join(failures...))
		}
	}
}

// every does something at an interval until the relay is closed.
func (r *Relay) every(interval time.Duration, do func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	r.work.Go(func() {
		<-r.stop
		cancel()
	})
	r.work.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				do(ctx)
			case <-r.stop:
				return
			}
		}
	})
}

// CheckHealth asks every server once how it is, all at the same time. One that
// does not say that it is well gets no new request until it does.
func (r *Relay) CheckHealth(ctx context.Context) {
	var all sync.WaitGroup
	for k := range r.kinds {
		pool := r.Orchestrator.Stages()[k].Pool
		for id, m := range r.servers(k) {
			all.Go(func() {
				probe, cancel := context.WithTimeout(ctx, r.o.HealthTimeout)
				defer cancel()
				err := m.Probe(probe)
				if ctx.Err() != nil {
					return
				}
				if pool.SetUp(id, err == nil) {
					r.o.Log.Info("server changed its health", "stage", pool.Name, "replica", id, "server", m.Engine.URL(), "well", err == nil, "error", err)
				}
			})
		}
	}
	all.Wait()
}

// Close ends the background work and every exchange with the servers.
func (r *Relay) Close() error {
	close(r.stop)
	r.work.Wait()
	r.scraper.Close()
	return r.Orchestrator.Close()
}

func closeAll(engines [][]engine.Engine) error {
	var errs []error
	for _, e := range slices.Concat(engines...) {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}

// Name is the model's served name.
func (r *Relay) Name() string { return r.name }

// About says what is behind the relay.
func (r *Relay) About() string {
	return "a relay to other servers: " + r.Describe()
}

// Describe names the stages and their servers, as chat=2,speech=1.
func (r *Relay) Describe() string {
	parts := make([]string, len(r.kinds))
	for k, kind := range r.kinds {
		parts[k] = fmt.Sprintf("%s=%d", kind, len(r.servers(k)))
	}
	return strings.Join(parts, ",")
}

// MaxModelLen is not known of other people's servers.
func (r *Relay) MaxModelLen() int { return 0 }

// Voices are those that were configured.
func (r *Relay) Voices() []string { return r.voices }

// KnowsVoice says whether clients may ask for a voice.
func (r *Relay) KnowsVoice(name string) bool {
	return name == "" || len(r.voices) == 0 || slices.ContainsFunc(r.voices, func(v string) bool { return strings.EqualFold(v, name) })
}

// Stages is the number of stages.
func (r *Relay) Stages() int { return len(r.kinds) }

// Chat is the stage that chat requests start at, -1 if there is none; with
// recordings it is the one that writes them down, where there is one.
func (r *Relay) Chat(recordings bool) int {
	k := slices.IndexFunc(r.kinds, func(k remote.Kind) bool { return k == remote.Chat || k == remote.Omni })
	if k >= 0 && recordings && r.Transcription() >= 0 {
		return r.Transcription()
	}
	return k
}

// Speech is the stage that speech requests start at, -1 if there is none.
func (r *Relay) Speech() int { return slices.Index(r.kinds, remote.Speech) }

// Transcription is the stage that writes recordings down, -1 if there is none.
func (r *Relay) Transcription() int { return slices.Index(r.kinds, remote.Transcription) }
