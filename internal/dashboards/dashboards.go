// Package dashboards makes Grafana dashboards of a short list of panels. Their
// descriptions are the help of the families that they show, and tests hold
// every query against the family table.
package dashboards

import (
	"bytes"
	"encoding/json"
)

//go:generate go test -run TestFilesAreCurrent -update

// File is a dashboard as a file that Grafana imports or is provisioned with.
type File struct {
	Name string
	JSON []byte
}

// Files returns the dashboards.
func Files() ([]File, error) {
	var files []File
	for _, b := range boards() {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(b.document()); err != nil {
			return nil, err
		}
		files = append(files, File{Name: b.name + ".json", JSON: out.Bytes()})
	}
	return files, nil
}

// boards are the dashboards in the order of a look from outside to inside.
func boards() []board {
	return []board{pipelineBoard(), audioBoard(), stagesBoard(), hopsBoard(), gatewayBoard()}
}

// board is one dashboard.
type board struct {
	name, title, description string
	rows                     []row
	choices                  []variable // besides those that every dashboard has
}

// row is some panels that answer one question, which is its title.
type row struct {
	title  string
	panels []panel
}

// kind is how a panel shows its queries.
type kind int

const (
	lines  kind = iota
	stack       // lines on top of each other
	number      // the last value, large
	heat        // a histogram's distribution over time
	states      // 0 ready, 1 full, 2 down
)

// panel is what is declared of a panel.
type panel struct {
	title string
	// about is what the reader should know besides the families' help.
	about   string
	kind    kind
	unit    string  // Grafana's name of it
	red     float64 // draws a red line there, and colours numbers from there on; 0 for none
	low     bool    // red is below the line
	max     float64 // end of the axis, 0 for what the values need
	width   int     // of 24; 0 means 8, for numbers 4
	queries []query
	// rare: what never happened has no line, rather than one at zero.
	rare bool
	// exemplars shows ids of requests among the lines, which the end-to-end and
	// the first-packet time have.
	exemplars bool
	// runbook is the alert whose runbook helps, empty for none.
	runbook string
}

// query is one expression and how its results are called.
type query struct {
	expr, legend string
}
