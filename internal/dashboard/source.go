package dashboard

import (
	"cmp"
	"context"
	"iter"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/metrics"
	"github.com/limelight-omni/limelight/metrics/check"
)

// Source is where the numbers come from.
type Source interface {
	// Read returns the children of the families that the page is made of. One
	// Series may be used for all of them.
	Read(ctx context.Context) (iter.Seq[*metrics.Series], error)
}

// Own is the source of a server that shows itself: its registry, gathered
// without asking anybody else.
type Own struct{ Metrics *metrics.Metrics }

// Read implements Source.
func (o Own) Read(context.Context) (iter.Seq[*metrics.Series], error) {
	return func(yield func(*metrics.Series) bool) {
		for s := range o.Metrics.Read(wants) {
			if !yield(s) {
				return
			}
		}
		process(yield)
	}, nil
}

// Scraped is the source of a page that is shown for somebody else: a URL as
// check.Load takes it, of which a server without a path means its /metrics.
type Scraped struct {
	URL string
	// Client fetches it; nil is http.DefaultClient.
	Client *http.Client
	// Timeout bounds one scrape; 0 is five seconds.
	Timeout time.Duration
}

// Read implements Source.
func (s Scraped) Read(ctx context.Context) (iter.Seq[*metrics.Series], error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Timeout, 5*time.Second))
	defer cancel()
	page, err := check.Load(ctx, s.Client, s.URL)
	if err != nil {
		return nil, err
	}
	return read(page), nil
}

// read goes through a page that was parsed.
func read(page *check.Page) iter.Seq[*metrics.Series] {
	return func(yield func(*metrics.Series) bool) {
		for name, f := range page.Families {
			switch {
			case !wants(name):
			case f.Kind == string(metrics.Histogram):
				if !readHistograms(name, f, yield) {
					return
				}
			case f.Kind != string(metrics.Summary):
				if !readNumbers(name, f, yield) {
					return
				}
			}
		}
	}
}

// readNumbers goes through counters or gauges. What a family is follows from its
// name where its type is not told.
func readNumbers(name string, f *check.Family, yield func(*metrics.Series) bool) bool {
	kind := metrics.Gauge
	if strings.HasSuffix(name, "_total") {
		kind = metrics.Counter
	}
	for _, sample := range f.Samples {
		if sample.Name != name || math.IsNaN(sample.Value) {
			continue
		}
		if !yield(&metrics.Series{Family: name, Kind: kind, Labels: labels(sample), Value: sample.Value}) {
			return false
		}
	}
	return true
}

func labels(sample check.Sample) []metrics.SeriesLabel {
	list := make([]metrics.SeriesLabel, 0, len(sample.Labels))
	for _, l := range sample.Labels {
		if l.Name != "le" {
			list = append(list, metrics.SeriesLabel{Name: l.Name, Value: l.Value})
		}
	}
	return list
}

// bucket is one bucket of a histogram as a page has it.
type bucket struct{ bound, count float64 }

// readHistograms puts the samples of each child together.
func readHistograms(name string, f *check.Family, yield func(*metrics.Series) bool) bool {
	type child struct {
		series  metrics.Series
		buckets []bucket
	}
	var order []*child
	children := map[string]*child{}
	var id strings.Builder
	for _, sample := range f.Samples {
		id.Reset()
		for _, l := range sample.Labels {
			if l.Name != "le" {
				id.WriteString(l.Name + "\x00" + l.Value + "\x00")
			}
		}
		c := children[id.String()]
		if c == nil {
			c = &child{series: metrics.Series{Family: name, Kind: metrics.Histogram, Labels: labels(sample)}}
			children[id.String()] = c
			order = append(order, c)
		}
		switch strings.TrimPrefix(sample.Name, name) {
		case "_sum":
			c.series.Sum = sample.Value
		case "_count":
			c.series.Count = sample.Value
		case "_bucket":
			le, _ := sample.Label("le")
			if bound, err := strconv.ParseFloat(le, 64); err == nil && !math.IsInf(bound, 1) && !math.IsNaN(bound) {
				c.buckets = append(c.buckets, bucket{bound, sample.Value})
			}
		}
	}
	for _, c := range order {
		slices.SortFunc(c.buckets, func(a, b bucket) int { return cmp.Compare(a.bound, b.bound) })
		for _, b := range c.buckets {
			c.series.Bounds, c.series.Counts = append(c.series.Bounds, b.bound), append(c.series.Counts, b.count)
		}
		if !yield(&c.series) {
			return false
		}
	}
	return true
}
