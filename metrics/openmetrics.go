package metrics

import (
	"fmt"
	"io"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// addUnits names the unit of each gathered family that ends in it. OpenMetrics
// allows a unit to no other, so the reference's _s families have none.
func (m *Metrics) addUnits(gathered []*dto.MetricFamily) {
	for _, f := range m.table {
		if g := find(gathered, m.shown(f.Name)); g != nil {
			if unit := openUnit(f); unit != "" {
				g.Unit = &unit
			}
		}
	}
}

// openUnit is the family's unit if its name ends in it; empty otherwise.
func openUnit(f Family) string {
	if strings.HasSuffix(openName(f), "_"+f.Unit) {
		return f.Unit
	}
	return ""
}

// openName is the family's name as OpenMetrics declares it: a counter's
// without the suffix of its samples.
func openName(f Family) string {
	if f.Kind == Counter {
		return strings.TrimSuffix(f.Name, "_total")
	}
	return f.Name
}

func openHeader(w io.Writer, f Family) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", openName(f), openHelpEscapes.Replace(f.Help), openName(f), f.Kind)
	if unit := openUnit(f); unit != "" {
		fmt.Fprintf(w, "# UNIT %s %s\n", openName(f), unit)
	}
}

var openHelpEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
