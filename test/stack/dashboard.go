package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// dashboard is what the driver needs of Grafana's JSON.
type dashboard struct {
	Title      string
	Panels     []panel
	Templating struct{ List []variable }

	Annotations struct {
		List []struct{ Name, Expr string }
	}
}

type panel struct {
	Title   string
	Type    string
	Panels  []panel // of a row that is folded
	Targets []target
}

type target struct {
	RefID   string
	Expr    string
	Instant bool
}

// variable is one that the user chooses.
type variable struct {
	Name       string
	Type       string // query, datasource, custom, constant, interval
	Query      any    // text, or an object with the text as its query
	Regex      string
	IncludeAll bool
	AllValue   string
	Multi      bool
}

// readDashboards reads every dashboard of a directory.
func readDashboards(dir string) ([]dashboard, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no dashboard in %s", dir)
	}
	var all []dashboard
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var d dashboard
		if err := json.Unmarshal(data, &d); err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", file, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// graphs are the dashboard's panels that ask something, those of folded rows
// too.
func (d dashboard) graphs() []panel {
	var all []panel
	for _, p := range d.Panels {
		all = append(all, p)
		all = append(all, p.Panels...)
	}
	return slices.DeleteFunc(all, func(p panel) bool { return len(p.Targets) == 0 })
}

// text is the variable's query.
func (v variable) text() string {
	if object, ok := v.Query.(map[string]any); ok {
		text, _ := object["query"].(string)
		return text
	}
	text, _ := v.Query.(string)
	return text
}

// The functions of a variable's query.
var (
	labelValues = regexp.MustCompile(`^label_values\((?:(.+),\s*)?([A-Za-z_]\w*)\)$`)
	queryResult = regexp.MustCompile(`^query_result\((.+)\)$`)
	metricNames = regexp.MustCompile(`^metrics\((.+)\)$`)
)

// options asks a database for a variable's values, as Grafana does.
func (v variable) options(ctx context.Context, d database, chosen map[string]string) (values []string, err error) {
	text := substitute(v.text(), chosen)
	var found []string
	if m := labelValues.FindStringSubmatch(text); m != nil {
		found, err = d.values(ctx, m[2], m[1])
	} else if m := queryResult.FindStringSubmatch(text); m != nil {
		var all []series
		all, err = d.instant(ctx, m[1])
		for _, s := range all {
			found = append(found, s.String())
		}
	} else if m := metricNames.FindStringSubmatch(text); m != nil {
		found, err = d.values(ctx, "__name__", fmt.Sprintf("{__name__=~%q}", m[1]))
	} else {
		return nil, fmt.Errorf("variable %s: query %q is of no known form", v.Name, text)
	}
	if err != nil {
		return nil, fmt.Errorf("variable %s: %w", v.Name, err)
	}
	matching, err := regexp.Compile(strings.TrimSuffix(strings.TrimPrefix(v.Regex, "/"), "/"))
	if err != nil {
		return nil, fmt.Errorf("variable %s: %w", v.Name, err)
	}
	for _, text := range found {
		m := matching.FindStringSubmatch(text)
		switch {
		case m == nil:
			continue
		case len(m) > 1:
			text = m[1]
		}
		if !slices.Contains(values, text) {
			values = append(values, text)
		}
	}
	slices.Sort(values)
	return values, nil
}

// any is the value that stands for all.
func (v variable) any(values []string) string {
	if v.AllValue != "" {
		return v.AllValue
	}
	return oneOf(values)
}

// oneOf is a choice of several values as Grafana puts it into a query: an
// expression that stands in quotes.
func oneOf(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strings.ReplaceAll(regexp.QuoteMeta(v), `\`, `\\`)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return "(" + strings.Join(quoted, "|") + ")"
}

// reference is a variable in a query: $name, ${name}, ${name:format}, [[name]].
var reference = regexp.MustCompile(`\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\]`)

// substitute replaces the variables of a query that have a value. The others
// stay, so that the database refuses what nobody can have meant.
func substitute(query string, values map[string]string) string {
	return reference.ReplaceAllStringFunc(query, func(found string) string {
		m := reference.FindStringSubmatch(found)
		if value, known := values[m[1]+m[2]+m[3]]; known {
			return value
		}
		return found
	})
}

// builtin are the variables that Grafana has by itself, for a graph of length
// with points a step apart.
func builtin(length, step time.Duration) map[string]string {
	return map[string]string{
		// Grafana: at least four scrapes, so that a rate outlives one that fails.
		"__rate_interval": promDuration(max(step+scrapeEvery, 4*scrapeEvery)),
		"__interval":      promDuration(step),
		"__interval_ms":   fmt.Sprint(step.Milliseconds()),
		"__range":         promDuration(length),
		"__range_s":       fmt.Sprint(int(length.Seconds())),
		"__range_ms":      fmt.Sprint(length.Milliseconds()),
	}
}

// promDuration writes a duration as PromQL has it.
func promDuration(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
