package promql

import (
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/metrics"
)

// OmniPrefixes are the prefixes that the omni families may have: that of
// vLLM-Omni's metrics page, which the table has, and that of its later
// releases.
var OmniPrefixes = []string{metrics.DefaultOmniPrefix, "vllm_omni:"}

// targetLabels are those that a Prometheus gives every series it scrapes.
var targetLabels = []string{"instance", "job"}

// series is what is known of the series of one name.
type series struct {
	family metrics.Family
	labels []string
	// cumulative: it only grows, so that a rate of it means something. level: it
	// goes up and down. Neither is known of recorded series.
	cumulative, level bool
	bucket            bool // one of a histogram's classic buckets
	open              bool // has labels that nobody can list
}

// Catalog knows the series that a database can have.
type Catalog struct {
	series map[string]series
}

// NewCatalog returns the series of the family table under both prefixes, those
// that every Prometheus adds, and recorded ones, which are given with the
// labels of their results.
func NewCatalog(recorded map[string][]string) *Catalog {
	c := &Catalog{series: map[string]series{}}
	for _, f := range metrics.Families() {
		c.family(f.Name, f)
		if rest, omni := strings.CutPrefix(f.Name, metrics.DefaultOmniPrefix); omni {
			for _, prefix := range OmniPrefixes {
				c.family(prefix+rest, f)
			}
		}
	}
	for _, name := range []string{"go_goroutines", "go_threads", "go_memstats_heap_inuse_bytes"} {
		c.family(name, metrics.Family{Name: name, Kind: metrics.Gauge})
	}
	c.family("go_gc_duration_seconds", metrics.Family{Name: "go_gc_duration_seconds", Kind: metrics.Summary})
	c.series["up"] = series{labels: targetLabels, level: true}
	for _, name := range []string{"scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"} {
		c.series[name] = series{labels: targetLabels, level: true}
	}
	for _, name := range []string{"ALERTS", "ALERTS_FOR_STATE"} {
		c.series[name] = series{open: true, level: true}
	}
	for name, labels := range recorded {
		c.series[name] = series{labels: labels}
	}
	return c
}

// family adds the series of a family under one name.
func (c *Catalog) family(name string, f metrics.Family) {
	labels := slices.Concat(f.Labels, targetLabels)
	total := series{family: f, labels: labels, cumulative: true}
	switch f.Kind {
	case metrics.Gauge:
		c.series[name] = series{family: f, labels: labels, level: true}
	case metrics.Counter:
		c.series[name] = total
	case metrics.Histogram, metrics.Summary:
		c.series[name+"_count"], c.series[name+"_sum"] = total, total
		if f.Kind == metrics.Histogram {
			c.series[name] = total // the native form
			c.series[name+"_bucket"] = series{family: f, labels: append(slices.Clone(labels), "le"), cumulative: true, bucket: true}
		}
	}
}

// Omni gives a query's names another prefix: from that of the table to the one
// that is given, so that a query is checked as each of vLLM-Omni's releases
// would answer it.
func Omni(expr, prefix string) string {
	return strings.ReplaceAll(expr, metrics.DefaultOmniPrefix, prefix)
}
