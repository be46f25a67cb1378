package metrics

import "github.com/prometheus/client_golang/prometheus"

// engineVecs holds vLLM's families of all replicas.
type engineVecs struct {
	counters   map[string]*prometheus.CounterVec
	histograms map[string]*prometheus.HistogramVec
	info       *prometheus.GaugeVec
	gauges     *engineGauges
	mfu, kv    bool
}

func newEngineVecs(m *Metrics, o Options) *engineVecs {
	v := &engineVecs{
		counters:   map[string]*prometheus.CounterVec{},
		histograms: map[string]*prometheus.HistogramVec{},
		info:       m.gauge(cacheConfigInfo),
		gauges:     newEngineGauges(m),
		mfu:        o.EnableMFU,
		kv:         o.KVCacheMetrics,
	}
	m.registry.MustRegister(v.gauges)
	for _, f := range m.table {
		switch {
		case f.Group != GroupEngine:
		case f.Kind == Counter:
			v.counters[f.Name] = m.counter(f.Name)
		case f.Kind == Histogram:
			v.histograms[f.Name] = m.histogram(f.Name)
		}
	}
	return v
}

// bind makes the children of one replica.
func (v *engineVecs) bind(r replica) *EngineRecorder {
	stage, id := decimal(r.stage), decimal(r.id)
	counter := func(name string, more ...string) prometheus.Counter {
		return v.counters[name].WithLabelValues(append([]string{stage, id}, more...)...)
	}
	histogram := func(name string) prometheus.Observer { return v.histograms[name].WithLabelValues(stage, id) }
	for _, name := range []string{externalQueries, externalHits, mediaQueries, mediaHits} {
		counter(name)
	}
	counter(promptTokensBySource, "external_kv_transfer")
	e := &EngineRecorder{
		queries:         counter(prefixQueries),
		hits:            counter(prefixHits),
		preemptions:     counter(preemptions),
		prompt:          counter(promptTokens),
		computed:        counter(promptTokensBySource, "local_compute"),
		found:           counter(promptTokensBySource, "local_cache_hit"),
		cached:          counter(promptTokensCached),
		generated:       counter(generationTokens),
		iteration:       histogram(iterationTokens),
		ends:            map[FinishedReason]prometheus.Counter{},
		promptLength:    histogram(requestPromptTokens),
		generatedLength: histogram(requestGenerationTokens),
		longest:         histogram(requestLongestChoice),
		choices:         histogram(requestChoices),
		maxTokens:       histogram(requestMaxTokens),
		computedLength:  histogram(requestComputedTokens),
		firstToken:      histogram(timeToFirstToken),
		tokenGap:        histogram(interTokenLatency),
		perToken:        histogram(timePerOutputToken),
		e2e:             histogram(engineE2E),
		queue:           histogram(requestQueueTime),
		inference:       histogram(requestInferenceTime),
		prefill:         histogram(requestPrefillTime),
		decode:          histogram(requestDecodeTime),
	}
	for _, reason := range finishedReasons {
		e.ends[reason] = counter(engineSuccess, string(reason))
	}
	if v.mfu {
		e.estimates = &estimateCounters{counter(estimatedFlops), counter(estimatedRead), counter(estimatedWrite)}
	}
	if v.kv {
		e.blocks = &blockHistograms{histogram(blockLifetime), histogram(blockIdle), histogram(blockReuseGap)}
	}
	return e
}

// left takes a replica's gauges off the page.
func (v *engineVecs) left(r replica) {
	if v == nil {
		return
	}
	v.gauges.set(r, nil)
	v.info.DeletePartialMatch(prometheus.Labels{"stage": decimal(r.stage), "replica": decimal(r.id)})
}
