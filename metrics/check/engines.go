package check

import (
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/metrics"
)

// Families of engines elsewhere, which say what they like.
var enginePrefixes = []string{enginePrefix, "sglang:", "llamacpp:"}

// sourceInfo says whose the numbers of a replica are.
const sourceInfo = "limelight_engine_metrics_source_info"

// withoutEngines is the page without what it took over from engines elsewhere:
// their pages' families are held against the format, not against the table. What
// this server measures at its own clients is never theirs. The page itself stays
// as it is.
func withoutEngines(p *Page) *Page {
	var theirs []place
	for _, s := range p.samples(sourceInfo, "", Label{"source", string(metrics.SourceEngine)}) {
		stage, _ := s.Label("stage")
		id, _ := s.Label("replica")
		theirs = append(theirs, place{stage, id})
	}
	if len(theirs) == 0 {
		return p
	}
	own := *p
	own.Families = make(map[string]*Family, len(p.Families))
	for name, f := range p.Families {
		own.Families[name] = f
		if strings.HasPrefix(name, omniPrefix) || !slices.ContainsFunc(enginePrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		rest := *f
		rest.Samples = slices.DeleteFunc(slices.Clone(f.Samples), func(s Sample) bool {
			stage, _ := s.Label("stage")
			id, _ := s.Label("replica")
			return slices.Contains(theirs, place{stage, id})
		})
		own.Families[name] = &rest
		if len(rest.Samples) == 0 && len(f.Samples) > 0 && !declares(name) {
			delete(own.Families, name)
		}
	}
	return &own
}

// declares says whether the table has a family.
func declares(name string) bool {
	return slices.ContainsFunc(metrics.Families(), func(f metrics.Family) bool { return f.Name == name })
}
