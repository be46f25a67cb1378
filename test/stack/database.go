package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// database is one that answers Prometheus' query API.
type database struct {
	name string
	url  string
}

// series is one series of an answer: its labels and its values in time. An
// instant answer has one value.
type series struct {
	labels map[string]string
	values []string
}

// instant runs a query for the present.
func (d database) instant(ctx context.Context, query string) ([]series, error) {
	return d.ask(ctx, "/api/v1/query", url.Values{"query": {query}})
}

// over runs a query for every step of the time from start to end.
func (d database) over(ctx context.Context, query string, start, end time.Time, step time.Duration) ([]series, error) {
	return d.ask(ctx, "/api/v1/query_range", url.Values{
		"query": {query}, "start": {unix(start)}, "end": {unix(end)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// values lists a label's values on the series that match a selector, or on all
// if it is empty.
func (d database) values(ctx context.Context, label, selector string) ([]string, error) {
	form := url.Values{}
	if selector != "" {
		form.Set("match[]", selector)
	}
	data, err := d.get(ctx, "/api/v1/label/"+url.PathEscape(label)+"/values", form)
	if err != nil {
		return nil, err
	}
	var values []string
	return values, json.Unmarshal(data, &values)
}

func (d database) ask(ctx context.Context, path string, form url.Values) ([]series, error) {
	data, err := d.get(ctx, path, form)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, err
	}
	if answer.Type == "scalar" {
		return scalar(answer.Result)
	}
	var result []struct {
		Metric     map[string]string
		Value      []any
		Values     [][]any
		Histogram  []any   // a native one, at an instant
		Histograms [][]any // in time
	}
	if err := json.Unmarshal(answer.Result, &result); err != nil {
		return nil, err
	}
	var all []series
	for _, r := range result {
		s := series{labels: r.Metric}
		if len(r.Value) == 2 {
			r.Values = append(r.Values, r.Value)
		}
		if len(r.Histogram) == 2 {
			r.Histograms = append(r.Histograms, r.Histogram)
		}
		for _, pair := range append(r.Values, r.Histograms...) {
			if len(pair) == 2 {
				s.values = append(s.values, fmt.Sprint(pair[1]))
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// scalar is the answer to a query for a number: one series without labels.
func scalar(result json.RawMessage) ([]series, error) {
	var pair []any
	if err := json.Unmarshal(result, &pair); err != nil || len(pair) != 2 {
		return nil, errors.Join(fmt.Errorf("scalar %s: no pair", result), err)
	}
	return []series{{values: []string{fmt.Sprint(pair[1])}}}, nil
}

// get posts a form, as Grafana does for queries, and returns the answer's data.
// Whatever the database warns of is an error.
func (d database) get(ctx context.Context, path string, form url.Values) (json.RawMessage, error) {
	method, target, body := http.MethodPost, d.url+path, form.Encode()
	if strings.HasSuffix(path, "/values") { // Prometheus takes these by GET only
		method, target, body = http.MethodGet, target+"?"+body, ""
	}
	request, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status   string
		Error    string
		Warnings []string
		Data     json.RawMessage
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("status %d: %.300s", response.StatusCode, data)
	}
	if answer.Status != "success" {
		return nil, errors.New(answer.Error)
	}
	if len(answer.Warnings) > 0 {
		return nil, fmt.Errorf("warnings: %s", strings.Join(answer.Warnings, "; "))
	}
	return answer.Data, nil
}

// speaks says whether an answer holds a number: there is a value that is not
// NaN.
func speaks(all []series) bool {
	for _, s := range all {
		for _, v := range s.values {
			if v != "NaN" {
				return true
			}
		}
	}
	return false
}

// String is the series as Grafana's query_result shows it: name, labels, value.
func (s series) String() string {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(s.labels)) {
		if name != "__name__" {
			labels = append(labels, fmt.Sprintf("%s=%q", name, s.labels[name]))
		}
	}
	text := s.labels["__name__"]
	if len(labels) > 0 {
		text += "{" + strings.Join(labels, ",") + "}"
	}
	return strings.TrimSpace(text + " " + strings.Join(s.values, " "))
}
