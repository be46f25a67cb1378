package dashboard

import (
	"math"

	"github.com/limelight-omni/limelight/internal/objective"
)

// Chart is a time chart as the page draws it.
type Chart struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Unit of the values: s, /s, ratio, share or empty for a plain number.
	Unit string `json:"unit"`
	// About says what is drawn.
	About string `json:"about"`
	// Stacked charts add their lines up.
	Stacked bool `json:"stacked,omitempty"`
	// Limit is an objective's threshold, LimitText what it asks for.
	Limit     *float64    `json:"limit,omitempty"`
	LimitText string      `json:"limit_text,omitempty"`
	Lines     []ChartLine `json:"lines"`
}

// ChartLine is one line of a chart, a value a step.
type ChartLine struct {
	Name   string `json:"name"`
	Values points `json:"values"`
}

// charts are those that the page has, in its order. An empty one is left out.
var charts = []Chart{
	{ID: "ends", Title: "Requests", Unit: "/s", About: "Requests that ended, by reason.", Stacked: true},
	{ID: "inside", Title: "Inside", Unit: "", About: "Requests that run and that wait in front of the pipeline."},
	{ID: "ttfp", Title: "First packet", Unit: "s", About: "Time from a request's arrival to its first sound."},
	{ID: "e2e", Title: "End to end", Unit: "s", About: "Time from a request's arrival to its last byte."},
	{ID: "rtf", Title: "Real-time factor", Unit: "ratio", About: "Time to make sound over the time to hear it, the 95th percentile: above 1 listeners outrun it."},
	{ID: "continuity", Title: "Continuity", Unit: "share", About: "Share of listeners that heard no gap."},
	{ID: "parts", Title: "Where a request's time goes", Unit: "s", About: "Mean seconds of a request by part, along the path that led to its last byte.", Stacked: true},
	{ID: "tokens", Title: "Tokens", Unit: "/s", About: "Tokens that a replica generated."},
	{ID: "hops", Title: "Hops", Unit: "s", About: "Mean time of one hop: sending, in flight and receiving together."},
	{ID: "ttft", Title: "First token", Unit: "s", About: "Time to an engine's first token, the 95th percentile."},
	{ID: "load", Title: "Load of replicas", Unit: "", About: "Requests that a replica has, those that wait inside it among them."},
	{ID: "kv", Title: "KV cache", Unit: "share", About: "Share of a replica's KV blocks that are in use."},
	{ID: "cpu", Title: "Processor", Unit: "", About: "Processor cores that the server's process uses."},
}

// ofReplica and ofEdge bound the lines of a chart that has one a replica, or one
// an edge.
const (
	ofReplica = 16
	ofEdge    = 24
)

// reasons orders the lines of ends.
var reasons = map[string]int{"stop": 0, "length": 1, "repetition": 2, "abort": 8, "error": 9}

// draw adds a step's values to the lines.
func (ls *lines) draw(m *measure, stages names) {
	per := func(gain float64) float64 { return gain / m.seconds }
	for reason, n := range m.ends {
		order, known := reasons[reason]
		if !known {
			order = 5
		}
		if n > 0 || ls.has("ends", order, reason) {
			ls.set("ends", order, reason, per(n))
		}
	}
	ls.set("inside", 0, "running", m.running)
	ls.set("inside", 1, "waiting", m.waiting)
	ls.quantiles("e2e", m.e2e)
	ls.quantiles("ttfp", m.all(func(r *replicaMeasure) histogram { return r.ttfp }))
	ls.parts(m, stages)
	if m.cpu > 0 {
		ls.set("cpu", 0, "cores", per(m.cpu))
	}
	order := 0
	for _, stage := range m.stages() {
		for _, r := range m.of(stage) {
			if order++; order > ofReplica {
				return
			}
			name := stages.line(r.at)
			ls.set("rtf", order, name, r.rtf.quantile(0.95))
			ls.set("continuity", order, name, continuity(r.underrun.count, r.continuous))
			ls.set("ttft", order, name, r.ttft.quantile(0.95))
			ls.set("kv", order, name, r.kv)
			ls.set("load", order, name, r.load())
			if r.makesTokens {
				ls.set("tokens", order, name, per(r.tokens))
			}
		}
	}
	for i, e := range m.hops() {
		if i >= ofEdge {
			break
		}
		ls.set("hops", i, e.at.String(), e.mean())
	}
}

// load is how many requests a replica has; NaN where the page does not say.
func (r *replicaMeasure) load() float64 {
	if math.IsNaN(r.requests) {
		return r.running + zeroed(r.waiting)
	}
	return r.requests
}

// has says whether a line had a value not long ago: a reason that never
// occurred gets no line.
func (ls *lines) has(chart string, order int, name string) bool {
	return ls.byKey[lineKey{chart, order, name}] != nil
}

func (ls *lines) quantiles(chart string, h histogram) {
	ls.set(chart, 0, "median", h.quantile(0.5))
	ls.set(chart, 1, "95 %", h.quantile(0.95))
	ls.set(chart, 2, "99 %", h.quantile(0.99))
}

// parts are seconds of a mean request of this step.
func (ls *lines) parts(m *measure, stages names) {
	if !m.attributed || m.e2e.count <= 0 {
		return
	}
	order := 0
	set := func(name string, s float64) {
		if s > 0 || ls.has("parts", order, name) {
			ls.set("parts", order, name, s/m.e2e.count)
		}
		order++
	}
	set("receive", m.parts["receive"])
	set("admission", m.parts["admission"])
	for _, stage := range m.stages() {
		var hop, queue, work float64
		for _, r := range m.of(stage) {
			hop, queue, work = hop+r.hop, queue+r.queue, work+r.work
		}
		name := stages.stage(stage)
		set(name+" hop", hop)
		set(name+" queue", queue)
		set(name+" work", work)
	}
	set("encode", m.parts["encode"])
	set("write", m.parts["write"])
	set("residual", m.parts["residual"])
}

// charts are all charts that have a line, with the steps from first on.
func (ls *lines) charts(goals []objective.Objective, first int64) []Chart {
	list := []Chart{}
	for _, c := range charts {
		for _, l := range ls.of(c.ID) {
			c.Lines = append(c.Lines, ChartLine{l.key.name, ls.points(l, first)})
		}
		if c.Lines == nil {
			continue
		}
		for _, g := range goals {
			if c.ID == limits[g.Family.Name] && c.Limit == nil {
				c.Limit, c.LimitText = limit(g), text(g)
			}
		}
		list = append(list, c)
	}
	return list
}

// limits are the charts that have a family's objective drawn in.
var limits = map[string]string{firstPacketName: "ttfp", rtfName: "rtf", underrunName: "continuity", e2eName: "e2e", firstTokenName: "ttft"}

// limit is where an objective's line is.
func limit(g objective.Objective) *float64 {
	v := g.Threshold
	if g.Family.Name == underrunName {
		v = g.Target
	}
	if math.IsNaN(v) {
		return nil
	}
	return &v
}
