package dashboards

import (
	"fmt"
	"strings"

	"github.com/limelight-omni/limelight/metrics"
)

const (
	columns = 24
	tag     = "limelight"
	// runbooks is where the page of each alert is.
	runbooks = "https://github.com/limelight-omni/limelight/blob/main/docs/runbooks/"
)

var prometheus = datasource{Type: "prometheus", UID: "${datasource}"}

// document lays the board out: a row's panels fill lines from the left, and a
// line is as high as its highest panel.
func (b board) document() document {
	d := document{
		UID: "limelight-" + b.name, Title: "Limelight / " + b.title, Description: b.description, Tags: []string{tag},
		Timezone: "browser", Editable: true, GraphTooltip: 1, // the cross hair is shared
		Time: timeRange{From: "now-1h", To: "now"}, Refresh: "30s", SchemaVersion: 39,
		Links: []link{{
			Title: "Limelight", Type: "dashboards", Icon: "external link", Tooltip: "The other dashboards, with the same choices and times",
			Tags: []string{tag}, IncludeVars: true, KeepTime: true,
		}},
		Templating: templating{List: b.variables()}, Annotations: annotations{List: events()},
	}
	y, id := 0, 0
	for _, r := range b.rows {
		id++
		d.Panels = append(d.Panels, shownPanel{
			ID: id, Type: "row", Title: r.title, GridPos: gridPos{H: 1, W: columns, Y: y}, Collapsed: new(false), Panels: &[]any{},
		})
		y++
		x, height := 0, 0
		for _, p := range r.panels {
			shown := p.show()
			if x+shown.GridPos.W > columns {
				x, y, height = 0, y+height, 0
			}
			id++
			shown.ID, shown.GridPos.X, shown.GridPos.Y = id, x, y
			d.Panels = append(d.Panels, shown)
			x += shown.GridPos.W
			height = max(height, shown.GridPos.H)
		}
		y += height
	}
	return d
}

// show makes the panel, without its place.
func (p panel) show() shownPanel {
	s := shownPanel{
		Type: "timeseries", Title: p.title, Description: p.description(), GridPos: gridPos{H: 8, W: p.width},
		Datasource: &prometheus, FieldConfig: &fieldConfig{Defaults: p.field(), Overrides: []any{}},
	}
	if s.GridPos.W == 0 {
		s.GridPos.W = 8
	}
	for i, q := range p.queries {
		t := target{
			RefID: string(rune('A' + i)), Datasource: prometheus, EditorMode: "code", Expr: q.expr, LegendFormat: q.legend, Format: "time_series", Range: true,
			Exemplar: p.exemplars && i == 0,
		}
		if p.rare {
			t.Expr += " > 0"
		}
		if p.kind == heat {
			t.Format, t.LegendFormat = "heatmap", "{{le}}"
		}
		s.Targets = append(s.Targets, t)
	}
	table := legend{DisplayMode: "table", Placement: "bottom", ShowLegend: true, Calcs: []string{"lastNotNull", "max"}}
	switch p.kind {
	case number:
		s.Type, s.GridPos.H = "stat", 4
		if p.width == 0 {
			s.GridPos.W = 4
		}
		s.Options = numberOptions{
			GraphMode: "area", ColorMode: "value", JustifyMode: "auto", TextMode: "auto", WideLayout: true, PercentChangeColorMode: "standard",
			Orientation: "auto", ReduceOptions: reduction{Calcs: []string{"lastNotNull"}},
		}
	case heat:
		s.Type = "heatmap"
		s.Options = heatOptions{
			CellGap: 1, ShowValue: "never", Exemplars: markers{Color: "rgba(255,0,255,0.7)"}, Legend: shown{Show: true},
			Color:   heatColor{Mode: "scheme", Scheme: "Spectral", Fill: "dark-orange", Scale: "exponential", Exponent: .5, Steps: 64},
			Tooltip: heatTooltip{Mode: "single", YHistogram: true, ShowColorScale: true}, RowsFrame: heatRows{Layout: "auto", Value: "observations"},
			YAxis: heatAxis{Unit: p.unit, AxisPlacement: "left"}, Cells: heatCells{Unit: "ops"},
		}
	case states:
		s.Type = "state-timeline"
		s.Options = stateOptions{
			ShowValue: "auto", RowHeight: .9, MergeValues: true, Legend: legend{DisplayMode: "list", Placement: "bottom", ShowLegend: true, Calcs: []string{}},
			Tooltip: tooltip{Mode: "single", Sort: "none"},
		}
	default:
		s.Options = lineOptions{Legend: table, Tooltip: tooltip{Mode: "multi", Sort: "desc"}}
	}
	if p.runbook != "" {
		s.Links = []link{{Title: "What to do: " + p.runbook, Type: "link", Icon: "doc", URL: runbooks + p.runbook + ".md", Tags: []string{}, TargetBlank: true}}
	}
	return s
}

// field is how the panel's values are drawn.
func (p panel) field() fieldDefaults {
	f := fieldDefaults{Unit: p.unit, Links: p.ways()}
	if p.rare {
		f.NoValue = "none"
	}
	if p.max != 0 {
		f.Max = new(p.max)
	}
	const unseen, green, red = "transparent", "green", "red"
	colours := func(fine string) *thresholds {
		t := &thresholds{Mode: "absolute", Steps: []step{{Color: fine}}}
		switch {
		case p.red == 0:
		case p.low:
			t.Steps = []step{{Color: red}, {Value: new(p.red), Color: fine}}
		default:
			t.Steps = append(t.Steps, step{Value: new(p.red), Color: red})
		}
		return t
	}
	switch p.kind {
	case number:
		f.Color, f.Thresholds, f.NoValue = &fieldColor{Mode: "thresholds"}, colours(green), "–"
	case heat:
		f.Custom = heatField{ScaleDistribution: scale{Type: "linear"}}
	case states:
		f.Color, f.Thresholds = &fieldColor{Mode: "thresholds"}, colours(green)
		f.Mappings = []mapping{{Type: "value", Options: map[string]mappedResult{
			"0": {Text: string(metrics.ReplicaReady), Color: "green"},
			"1": {Text: string(metrics.ReplicaFull), Color: "yellow", Index: 1},
			"2": {Text: string(metrics.ReplicaDown), Color: "red", Index: 2},
		}}}
		f.Custom = stateField{LineWidth: 0, FillOpacity: 80}
	default:
		if !p.low { // what must not fall is near its top, and a budget may be overdrawn
			f.Min = new(0.0)
		}
		f.Color = &fieldColor{Mode: "palette-classic"}
		field := lineField{DrawStyle: "line", LineWidth: 1, FillOpacity: 8, ShowPoints: "auto", Stacking: stacking{Mode: "none", Group: "A"}, ThresholdsStyle: styleOfLine{Mode: "off"}}
		if p.kind == stack {
			field.FillOpacity, field.Stacking.Mode = 40, "normal"
		}
		if p.red != 0 {
			f.Thresholds, field.ThresholdsStyle.Mode = colours(unseen), "line"
		}
		f.Custom = field
	}
	return f
}

// description is what the panel is about and what its families mean.
func (p panel) description() string {
	var parts []string
	if p.about != "" {
		parts = append(parts, p.about)
	}
	for _, f := range shownBy(p.queries) {
		parts = append(parts, fmt.Sprintf("`%s`: %s", f.Name, f.Help))
	}
	return strings.Join(parts, "\n\n")
}
