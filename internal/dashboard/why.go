package dashboard

import (
	"cmp"
	"fmt"
	"slices"
)

// share is one part of requests' time.
type share struct {
	text    string
	seconds float64
}

// shares are where requests' time went, those of a replica's own stage at that
// replica alone; r may be nil. The largest one is first.
func (m *measure) shares(r *replicaMeasure, stages names) (list []share, total float64) {
	add := func(text string, s float64) {
		list = append(list, share{text, s})
		total += s
	}
	for _, part := range []string{"receive", "admission", "encode", "write", "residual"} {
		add(partText(part), m.parts[part])
	}
	for _, stage := range m.stages() {
		var hop, queue, work float64
		to := place{stage, ""}
		for _, other := range m.of(stage) {
			if r != nil && r.at.stage == stage && r != other {
				continue
			}
			hop, queue, work = hop+other.hop, queue+other.queue, work+other.work
			to = other.at
		}
		name := stages.stage(stage)
		add(m.hopText(to, r != nil && r.at.stage == stage, stages), hop)
		add("the queue of "+name, queue)
		add("the work of "+name, work)
	}
	slices.SortStableFunc(list, func(a, b share) int { return cmp.Compare(b.seconds, a.seconds) })
	return list, total
}

// hopText names the way to a stage, or the edge to one replica of it that took
// the most time.
func (m *measure) hopText(to place, one bool, stages names) string {
	var worst *edgeMeasure
	for _, e := range m.hops() {
		if (e.at.to == to || !one && e.at.to.stage == to.stage) && (worst == nil || e.seconds() > worst.seconds()) {
			worst = e
		}
	}
	if worst == nil {
		return "the hop to " + stages.stage(to.stage)
	}
	return "the hop " + worst.at.String()
}

func partText(part string) string {
	switch part {
	case "receive":
		return "reading requests"
	case "admission":
		return "the queue in front of the pipeline"
	case "encode":
		return "encoding answers"
	case "write":
		return "clients that take their answers slowly"
	}
	return "nothing that an event explains"
}

// why says where the time of requests goes, those of one replica if there is
// one.
func (m *measure) why(r *replicaMeasure, stages names) string {
	if r != nil && r.underruns > 0 && r.slowClients > r.underruns/2 {
		return "Their clients take the sound too slowly: it was there in time."
	}
	if list, total := m.shares(r, stages); total > 0 {
		top := list[0]
		switch part := top.seconds / total; {
		case part > 0.5:
			return fmt.Sprintf("Most of their time goes into %s (%s).", top.text, percent(part))
		default:
			return fmt.Sprintf("The largest part of their time goes into %s (%s), then %s (%s).", top.text, percent(part), list[1].text, percent(list[1].seconds/total))
		}
	}
	return m.guess(r)
}

// guess is why for a page that does not say where requests' time goes: what is
// out of the ordinary on it.
func (m *measure) guess(r *replicaMeasure) string {
	var worst *edgeMeasure
	for _, e := range m.hops() {
		if (r == nil || e.at.to == r.at) && (worst == nil || e.seconds() > worst.seconds()) {
			worst = e
		}
	}
	if worst != nil && worst.mean() >= crossTight {
		return fmt.Sprintf("The hop %s is slow: %s for one crossing.", worst.at, seconds(worst.mean()))
	}
	if r != nil {
		if p95 := r.rtf.quantile(0.95); p95 >= 1 {
			return fmt.Sprintf("It makes sound slower than it plays: RTF %s at the 95th percentile.", number(p95))
		}
	}
	if waiting := zeroed(m.waiting); waiting > 0 {
		return fmt.Sprintf("%.0f requests wait for a place.", waiting)
	}
	if !m.attributed {
		return "The page does not say where requests' time goes."
	}
	return ""
}
