package metrics

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// DefaultOmniPrefix is the prefix of the omni families in the table, which is
// that of vLLM-Omni's production metrics page.
const DefaultOmniPrefix = "vllm:omni_"

// shown is a family's name on the page. The table, the recorders and their
// values are the same whatever the prefix: only what is written differs.
func (m *Metrics) shown(name string) string {
	if rest, omni := strings.CutPrefix(name, DefaultOmniPrefix); omni {
		return m.prefix + rest
	}
	return name
}

// renamed gives gathered families, which belong to the caller, their names on
// the page, and the order of those.
func (m *Metrics) renamed(gathered []*dto.MetricFamily) []*dto.MetricFamily {
	if m.prefix == DefaultOmniPrefix {
		return gathered
	}
	for _, f := range gathered {
		name := m.shown(f.GetName())
		f.Name = &name
	}
	slices.SortFunc(gathered, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return gathered
}
