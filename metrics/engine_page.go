package metrics

import (
	"io"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// WriteEngine writes the engine families of one replica as a page of its own, in
// the text format: without the labels that say which model, stage and replica it
// is, since whoever puts the page on another one knows that better. A replica
// without such families has an empty page.
func (m *Metrics) WriteEngine(w io.Writer, stage, id int) error {
	if m == nil {
		return nil
	}
	gathered, _ := m.registry.Gather() // what could be gathered comes with the error
	for _, f := range m.table {
		if f.Group != GroupEngine {
			continue
		}
		of := find(gathered, f.Name)
		if of == nil {
			continue
		}
		if of.Metric = ofReplica(of.Metric, replica{stage, id}); len(of.Metric) == 0 {
			continue
		}
		if _, err := expfmt.MetricFamilyToText(w, of); err != nil {
			return err
		}
	}
	return nil
}

// ofReplica are the children that speak of a replica, without saying so.
func ofReplica(children []*dto.Metric, r replica) (theirs []*dto.Metric) {
	at := map[string]string{"stage": decimal(r.stage), "replica": decimal(r.id)}
	for _, child := range children {
		said := 0
		labels := slices.DeleteFunc(slices.Clone(child.Label), func(l *dto.LabelPair) bool {
			value, where := at[l.GetName()]
			if where && value == l.GetValue() {
				said++
			}
			return where || l.GetName() == "model_name"
		})
		if said == len(at) {
			theirs = append(theirs, &dto.Metric{
				Label: labels, Gauge: child.Gauge, Counter: child.Counter, Summary: child.Summary, Histogram: child.Histogram, Untyped: child.Untyped,
			})
		}
	}
	return theirs
}
