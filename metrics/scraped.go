package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// MetricsSource says who measured the engine families of a replica elsewhere.
type MetricsSource string

// The closed set of sources.
const (
	// SourceEngine: the engine itself, on a page of its own.
	SourceEngine MetricsSource = "engine"
	// SourceGateway: this server, at its side of the wire.
	SourceGateway MetricsSource = "gateway"
)

// ScrapeEngines makes a scraper of engines elsewhere. Its pages are put on each
// page that the Handler writes, in place of those of the scraper before, and its
// scrapes are recorded under limelight_engine_. The caller sets its targets, each
// with the name of this Metrics' model, and closes it. It is nil, which is a
// scraper without targets, when statistics are off.
func (m *Metrics) ScrapeEngines(o merge.Options) *merge.Scraper {
	if m == nil || m.scrapes == nil {
		return nil
	}
	told := o.Observe
	o.Observe = func(r merge.Result) {
		m.scraped(r.Target.Source).observe(r)
		if told != nil {
			told(r)
		}
	}
	s := merge.NewScraper(o)
	m.scrapes.scraper.Store(s)
	return s
}

// scrapeVecs holds the families of engines' pages. Those of the newest pages are
// read from the scraper.
type scrapeVecs struct {
	scraper                        atomic.Pointer[merge.Scraper] // nil until there is one
	duration                       *prometheus.HistogramVec
	failures, malformed, conflicts *prometheus.CounterVec
	age, bytes, series, source     *prometheus.Desc
	gateways                       func() []replica
}

func newScrapeVecs(m *Metrics) *scrapeVecs {
	desc := func(name string) *prometheus.Desc {
		f := family(m.table, name)
		return prometheus.NewDesc(f.Name, f.Help, f.own(), m.shared(f))
	}
	return &scrapeVecs{
		duration:  m.histogram(scrapeDuration),
		failures:  m.counter(scrapeFailures),
		malformed: m.counter(pageMalformed),
		conflicts: m.counter(pageConflicts),
		age:       desc(pageAge),
		bytes:     desc(pageBytes),
		series:    desc(pageSeries),
		source:    desc(metricsSourceInfo),
		gateways:  m.gatewayReplicas,
	}
}

// scrapeRecorder records the scrapes of one replica's page.
type scrapeRecorder struct {
	duration             prometheus.Observer
	failures             map[merge.Failure]prometheus.Counter // complete from the start, never written again
	malformed, conflicts prometheus.Counter
}

func (v *scrapeVecs) bind(of replica) *scrapeRecorder {
	stage, id := decimal(of.stage), decimal(of.id)
	r := &scrapeRecorder{
		duration:  v.duration.WithLabelValues(stage, id),
		failures:  make(map[merge.Failure]prometheus.Counter),
		malformed: v.malformed.WithLabelValues(stage, id),
		conflicts: v.conflicts.WithLabelValues(stage, id),
	}
	for _, why := range merge.Failures {
		r.failures[why] = v.failures.WithLabelValues(stage, id, string(why))
	}
	return r
}

// scraped returns the recorder of a replica's page; nil when its series have
// left the page.
func (m *Metrics) scraped(from merge.Source) *scrapeRecorder {
	if m == nil || m.scrapes == nil {
		return nil
	}
	r := replica{from.Stage, from.Replica}
	return once(m, m.pages, r, m.scrapes.bind, r)
}

// observe records one scrape.
func (r *scrapeRecorder) observe(one merge.Result) {
	if r == nil {
		return
	}
	r.duration.Observe(one.Duration.Seconds())
	r.malformed.Add(float64(one.Malformed))
	if failed := r.failures[one.Failure]; failed != nil {
		failed.Inc()
	}
}

// conflict records families that were left out when a page was written.
func (r *scrapeRecorder) conflict(families int) {
	if r == nil || families == 0 {
		return
	}
	r.conflicts.Add(float64(families))
}

// Describe implements prometheus.Collector.
func (v *scrapeVecs) Describe(ch chan<- *prometheus.Desc) {
	ch <- v.age
	ch <- v.bytes
	ch <- v.series
	ch <- v.source
}

// Collect implements prometheus.Collector.
func (v *scrapeVecs) Collect(ch chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, r replica, value float64, more ...string) {
		labels := append([]string{decimal(r.stage), decimal(r.id)}, more...)
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for _, r := range v.gateways() {
		gauge(v.source, r, 1, string(SourceGateway))
	}
	for _, a := range v.scraper.Load().Ages() {
		r := replica{a.Stage, a.Replica}
		gauge(v.source, r, 1, string(SourceEngine))
		if !a.Known {
			continue
		}
		gauge(v.age, r, a.Age.Seconds())
		gauge(v.bytes, r, float64(a.Bytes))
		gauge(v.series, r, float64(a.Series))
	}
}
