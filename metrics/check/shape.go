package check

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/limelight-omni/limelight/metrics"
)

// shape is the pipeline and the server as their page shows them.
type shape struct {
	// reference says that the page is vLLM-Omni's: it has no family of
	// Limelight's own, and what only a Python client writes.
	reference bool
	// stats says that the families which need --log-stats have samples.
	stats bool
	// replicas, ar and audio hold the replicas: of all stages, and of those
	// whose engines are autoregressive or give audio. Those of pages are elsewhere
	// and have a metrics page.
	replicas, ar, audio, pages map[place]bool
	// relay holds the replicas that are other people's servers.
	relay map[place]bool
	// present holds the replicas that have a state: the others have left, and only
	// their totals are still on the page.
	present map[place]bool
	// gateway holds the replicas elsewhere whose engine families are this server's
	// own: a few of them, and none that an autoregressive replica has to have.
	gateway map[place]bool
	// hosted says that the page is that of a process which runs stages for
	// another one: it has families of engines and none of a pipeline.
	hosted bool
	// underWay counts the requests that run or wait.
	underWay float64
}

// place is one replica of one stage.
type place struct{ stage, replica string }

func (p place) labels() []Label { return []Label{{"replica", p.replica}, {"stage", p.stage}} }

func read(p *Page, table []metrics.Family) shape {
	s := shape{replicas: map[place]bool{}, ar: map[place]bool{}, audio: map[place]bool{}, pages: map[place]bool{}, relay: map[place]bool{}, present: map[place]bool{}, gateway: map[place]bool{}}
	for _, sample := range p.samples(sourceInfo, "", Label{"source", string(metrics.SourceGateway)}) {
		add(s.gateway, sample, "stage", "replica")
	}
	ours, python := false, p.created
	for name := range p.Families {
		ours = ours || strings.HasPrefix(name, ourPrefix)
		python = python || strings.HasPrefix(name, "python_")
	}
	s.reference = python && !ours
	for _, f := range table {
		on := p.Families[f.Name]
		if on == nil || f.Always {
			continue
		}
		if len(on.Samples) > 0 && !s.reference {
			s.stats = true
		}
		for _, sample := range on.Samples {
			s.place(f, sample)
		}
	}
	maps.DeleteFunc(s.ar, func(p place, _ bool) bool { return s.gateway[p] })
	if s.reference { // its page has three families at zero with stats off too
		s.stats = len(s.replicas) > 0 || !p.childless("vllm:omni_requests_success_total")
	}
	s.hosted = s.stats && !s.reference && len(s.ar) > 0 && p.childless("vllm:omni_requests_success_total")
	s.underWay = p.Sum("vllm:omni_num_requests_running", "") + p.Sum("vllm:omni_num_requests_waiting", "")
	return s
}

// place keeps the replica that a sample speaks of.
func (s *shape) place(f metrics.Family, sample Sample) {
	add(s.replicas, sample, "stage", "replica")
	add(s.replicas, sample, "from_stage", "from_replica")
	add(s.replicas, sample, "to_stage", "to_replica")
	if f.Name == state {
		add(s.present, sample, "stage", "replica")
	}
	switch {
	case slices.Contains(f.Needs, metrics.NeedAR):
		add(s.ar, sample, "stage", "replica")
	case slices.Contains(f.Needs, metrics.NeedAudio):
		add(s.audio, sample, "stage", "replica")
	case slices.Contains(f.Needs, metrics.NeedPages):
		add(s.pages, sample, "stage", "replica")
	case slices.Contains(f.Needs, metrics.NeedRelay):
		add(s.relay, sample, "stage", "replica")
	}
}

// add keeps the replica that two labels of a sample name.
func add(to map[place]bool, sample Sample, stage, replica string) {
	if id, ok := sample.Label(replica); ok {
		if stage, ok := sample.Label(stage); ok && decimal(stage) && decimal(id) {
			to[place{stage, id}] = true
		}
	}
}

// stages lists the stages of some replicas.
func stages(places map[place]bool) []string {
	var ids []string
	for p := range places {
		if !slices.Contains(ids, p.stage) {
			ids = append(ids, p.stage)
		}
	}
	slices.SortFunc(ids, byNumber)
	return ids
}

// sorted lists replicas by stage, then by id.
func sorted(places map[place]bool) []place {
	list := make([]place, 0, len(places))
	for p := range places {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b place) int {
		if c := byNumber(a.stage, b.stage); c != 0 {
			return c
		}
		return byNumber(a.replica, b.replica)
	})
	return list
}

// byNumber orders decimal ids; what is no number comes last.
func byNumber(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	switch {
	case errX == nil && errY == nil:
		return x - y
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// among returns the replicas that a family of the table speaks of: those of its
// stages and, if it is a gauge, of these the ones that have not left.
func (s shape) among(f metrics.Family) map[place]bool {
	all := s.replicas
	switch {
	case slices.Contains(f.Needs, metrics.NeedAR):
		all = s.ar
	case slices.Contains(f.Needs, metrics.NeedAudio):
		all = s.audio
	case slices.Contains(f.Needs, metrics.NeedPages):
		all = s.pages
	case slices.Contains(f.Needs, metrics.NeedRelay):
		all = s.relay
	}
	if f.Kind != metrics.Gauge || len(s.present) == 0 {
		return all
	}
	here := map[place]bool{}
	for p := range all {
		if s.present[p] {
			here[p] = true
		}
	}
	return here
}

// lacks returns the part of a pipeline that the family needs and the page does
// not show; empty if there is none. Options are no parts.
func (s shape) lacks(f metrics.Family) metrics.Need {
	for _, n := range f.Needs {
		switch {
		case n == metrics.NeedAR && len(s.ar) == 0,
			n == metrics.NeedAudio && len(s.audio) == 0,
			n == metrics.NeedPages && len(s.pages) == 0,
			n == metrics.NeedRelay && len(s.relay) == 0,
			n == metrics.NeedHops && len(stages(s.replicas)) < 2:
			return n
		}
	}
	return ""
}

// optional says whether the family needs an option of the server, which the
// page cannot show.
func optional(f metrics.Family) bool { return slices.ContainsFunc(f.Needs, metrics.Need.Option) }
