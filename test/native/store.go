package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// width is how much wider a native bucket is than the one before it. A quantile
// of the native form may lie in the other half of a bucket that a classic bound
// cuts in two, so it may miss the classic bucket by so much.
var width = math.Exp2(1.0 / 8)

// store is what one Prometheus has of the server, at one scrape.
type store struct {
	api v1.API
	at  time.Time
	// seen is what the stores that were looked at first have, by family and
	// labels: count and sum, which are the same in each once the load is over.
	seen map[string][2]float64

	classic, native, buckets, quantiles, exemplified int
}

// newStore waits until a Prometheus has scraped the end of so many requests,
// then twice more, since the routes of HTTP and the last gauges come after them.
func newStore(ctx context.Context, url string, requests int, seen map[string][2]float64) (*store, error) {
	client, err := api.NewClient(api.Config{Address: url})
	if err != nil {
		return nil, err
	}
	s := &store{api: v1.NewAPI(client), seen: seen}
	for scrapes := 0; scrapes < 3; {
		s.at = time.Now()
		all, err := s.query(ctx, fmt.Sprintf(`sum(vllm:omni_requests_success_total) == %d`, requests))
		if err != nil {
			return nil, err
		}
		if len(all) > 0 {
			scrapes++
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the end of %d requests: %w", requests, ctx.Err())
		case <-time.After(time.Second):
		}
	}
	return s, s.healthy(ctx)
}

// healthy is an error when a scrape failed or a warning stands at a target.
func (s *store) healthy(ctx context.Context) error {
	targets, err := s.api.Targets(ctx)
	if err != nil {
		return fmt.Errorf("ask for the targets: %w", err)
	}
	if len(targets.Active) == 0 {
		return errors.New("there is no target")
	}
	for _, t := range targets.Active {
		if t.Health != v1.HealthGood || t.LastError != "" {
			return fmt.Errorf("the scrape of %s is %s: %s", t.ScrapeURL, t.Health, t.LastError)
		}
	}
	failed, err := s.query(ctx, `up == 0 or min_over_time(up[5m]) == 0`)
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("scrapes failed: %v", failed)
	}
	return err
}

// query is an instant query at the store's time.
func (s *store) query(ctx context.Context, text string) (model.Vector, error) {
	value, warnings, _, err := s.api.Query(ctx, text, s.at)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", text, err)
	}
	if len(warnings) > 0 {
		return nil, fmt.Errorf("query %s: %v", text, warnings)
	}
	v, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("query %s: a %s", text, value.Type())
	}
	return v, nil
}

// histogram is one child, as both forms have it.
type histogram struct {
	native     *model.SampleHistogram
	count, sum float64
	bounds     []bound // by their value
}

// bound is a classic bucket: the observations up to at.
type bound struct{ at, count float64 }

// family sees that a family has the forms it should, and holds them against each
// other if it has both.
func (s *store) family(ctx context.Context, name string, want forms) error {
	children, err := s.children(ctx, name)
	if err != nil {
		return err
	}
	if len(children) == 0 {
		return errors.New("there is no series")
	}
	var all []error
	for labels, h := range children {
		if got := (forms{h.native != nil, len(h.bounds) > 0}); got != want {
			all = append(all, fmt.Errorf("%s: native form %v, classic %v, want %v and %v", labels, got.native, got.classic, want.native, want.classic))
			continue
		}
		key, total := name+labels, h.total()
		if other, known := s.seen[key]; known && other != total {
			all = append(all, fmt.Errorf("%s: count and sum are %v here and %v elsewhere", labels, total, other))
		}
		s.seen[key] = total
		if want.classic {
			s.classic++
		}
		if want.native {
			s.native++
			s.buckets += len(h.native.Buckets)
		}
		if want == (forms{true, true}) {
			if err := h.equal(); err != nil {
				all = append(all, fmt.Errorf("%s: %w", labels, err))
			}
		}
	}
	if want == (forms{true, true}) {
		all = append(all, s.quantilesAgree(ctx, name, children))
	}
	return errors.Join(all...)
}

// children reads a family's children, by their labels.
func (s *store) children(ctx context.Context, name string) (map[string]*histogram, error) {
	children := map[string]*histogram{}
	for _, series := range []string{name, name + "_count", name + "_sum", name + "_bucket"} {
		samples, err := s.query(ctx, series)
		if err != nil {
			return nil, err
		}
		for _, sample := range samples {
			le := float64(0)
			if series == name+"_bucket" {
				if _, err := fmt.Sscan(string(sample.Metric["le"]), &le); err != nil {
					return nil, fmt.Errorf("%s: le: %w", sample.Metric, err)
				}
			}
			h := children[labels(sample.Metric)]
			if h == nil {
				h = &histogram{}
				children[labels(sample.Metric)] = h
			}
			switch value := float64(sample.Value); series {
			case name:
				h.native = sample.Histogram
			case name + "_count":
				h.count = value
			case name + "_sum":
				h.sum = value
			default:
				h.bounds = append(h.bounds, bound{le, value})
			}
		}
	}
	for _, h := range children {
		slices.SortFunc(h.bounds, func(a, b bound) int {
			if a.at < b.at {
				return -1
			}
			return 1
		})
	}
	return children, nil
}

// labels names a child: its labels without the name and the bound.
func labels(m model.Metric) string {
	m = m.Clone()
	delete(m, model.MetricNameLabel)
	delete(m, "le")
	return m.String()
}

// total is the count and the sum, in the form that there is.
func (h *histogram) total() [2]float64 {
	if len(h.bounds) == 0 {
		return [2]float64{float64(h.native.Count), float64(h.native.Sum)}
	}
	return [2]float64{h.count, h.sum}
}

// equal is an error when the forms count or add up to something else.
func (h *histogram) equal() error {
	if n, sum := float64(h.native.Count), float64(h.native.Sum); n != h.count || sum != h.sum {
		return fmt.Errorf("the native form has %v observations of %v s, the classic one %v of %v", n, sum, h.count, h.sum)
	}
	if last := h.bounds[len(h.bounds)-1]; !math.IsInf(last.at, 1) || last.count != h.count {
		return fmt.Errorf("the last classic bucket is %v of %v observations", last, h.count)
	}
	var n float64
	for _, b := range h.native.Buckets {
		n += float64(b.Count)
	}
	if n != h.count {
		return fmt.Errorf("the native buckets hold %v observations of %v", n, h.count)
	}
	return nil
}

// bucket is the classic bucket that the observation of a rank is in.
func (h *histogram) bucket(rank float64) (low, high float64) {
	for _, b := range h.bounds {
		low, high = high, b.at
		if b.count >= rank {
			break
		}
	}
	return low, high
}

// quantilesAgree asks for quantiles of the native form, each of which has to lie
// in the classic bucket that the quantile is in.
func (s *store) quantilesAgree(ctx context.Context, name string, children map[string]*histogram) error {
	var all []error
	for _, q := range []float64{0.5, 0.9, 0.99} {
		samples, err := s.query(ctx, fmt.Sprintf("histogram_quantile(%v, %s)", q, name))
		if err != nil {
			return err
		}
		for _, sample := range samples {
			h, got := children[labels(sample.Metric)], float64(sample.Value)
			if h == nil || h.count == 0 {
				continue
			}
			// A rank between two observations may be given to either.
			low, _ := h.bucket(q * h.count * (1 - 1e-9))
			_, high := h.bucket(q * h.count * (1 + 1e-9))
			s.quantiles++
			if !(got >= low/width && got <= high*width) {
				all = append(all, fmt.Errorf("%s: quantile %v is %v in the native form, between %v and %v in the classic one", sample.Metric, q, got, low, high))
			}
		}
	}
	return errors.Join(all...)
}

// exemplars finds those of a family's native histograms and of its classic
// buckets, each of which has to be the id of a request.
func (s *store) exemplars(ctx context.Context, name string, stored forms, ids []string) error {
	all := []string{name}
	if stored.classic {
		all = append(all, name+"_bucket")
	}
	for _, series := range all {
		found, err := s.api.QueryExemplars(ctx, series, s.at.Add(-time.Hour), s.at)
		if err != nil {
			return fmt.Errorf("%s: %w", series, err)
		}
		n := 0
		for _, f := range found {
			if f.SeriesLabels[model.MetricNameLabel] != model.LabelValue(series) {
				return fmt.Errorf("%s: an exemplar of %s", series, f.SeriesLabels)
			}
			for _, e := range f.Exemplars {
				if id := string(e.Labels["request_id"]); !slices.Contains(ids, id) {
					return fmt.Errorf("%s: an exemplar of a request %q", series, id)
				}
				n++
			}
		}
		if n == 0 {
			return fmt.Errorf("%s has none", series)
		}
		s.exemplified += n
	}
	return nil
}
