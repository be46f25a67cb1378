package dashboard

import (
	"math"
	"strconv"

	"github.com/limelight-omni/limelight/internal/objective"
)

// The families that objectives are measured by.
const (
	availability    = objective.Availability
	firstPacketName = "vllm:omni_audio_ttfp_s"
	rtfName         = "vllm:omni_audio_rtf"
	underrunName    = "vllm:omni_audio_underrun_s"
	durationName    = "vllm:omni_audio_duration_s"
	e2eName         = "vllm:omni_e2e_request_latency_s"
	firstTokenName  = "vllm:time_to_first_token_seconds"
)

// Level says how something does, by the objectives. The page gives each one a
// colour, a shape and a word.
type Level string

// The levels, from good to bad.
const (
	// Idle: nothing happened that could be judged.
	Idle Level = "idle"
	// Fine: within the objective.
	Fine Level = "fine"
	// Tight: more events are bad than the objective allows.
	Tight Level = "tight"
	// Bad: more than burning times as many as it allows.
	Bad Level = "bad"
)

// burning is how many times the allowed share of bad events is bad rather than
// tight: at that rate a month's budget lasts five days.
const burning = 6

var levels = []Level{Idle, Fine, Tight, Bad}

// worse returns the worse one of two levels.
func worse(a, b Level) Level {
	for i := len(levels) - 1; i >= 0; i-- {
		if a == levels[i] || b == levels[i] {
			return levels[i]
		}
	}
	return Idle
}

// judge says how a share of good events does against a target. NaN is idle.
func judge(good, target float64) Level {
	switch bad, budget := 1-good, 1-target; {
	case math.IsNaN(good):
		return Idle
	case bad <= budget+1e-9:
		return Fine
	case bad <= burning*budget:
		return Tight
	}
	return Bad
}

// verdict is how an objective is met.
type verdict struct {
	goal   objective.Objective
	events float64
	good   float64 // the share; NaN without an event
	level  Level
}

// judge measures an objective over all of the pipeline.
func (m *measure) judge(g objective.Objective) verdict {
	v := verdict{goal: g, good: math.NaN()}
	if g.Family.Name == availability {
		ends, failed := m.availability()
		if v.events = ends; ends > 0 {
			v.good = 1 - failed/ends
		}
	} else {
		h := m.histogram(g)
		v.events, v.good = h.count, h.within(g.Threshold)
	}
	v.level = judge(v.good, g.Target)
	return v
}

// crowded are the refusals for want of room, which the client is not to blame
// for.
var crowded = []string{"queue_full", "no_replica", "too_many_streams", "too_many_bodies", "draining"}

// availability counts the requests that were the server's to answer, and those
// of them that it failed. An abort is the client's wish and counts as neither.
func (m *measure) availability() (all, failed float64) {
	for reason, n := range m.ends {
		if reason != "abort" {
			all += n
		}
	}
	for _, reason := range crowded {
		all += m.refused[reason]
		failed += m.refused[reason]
	}
	return all, failed + m.ends["error"]
}

// histogram is the one that an objective is measured by, over the replicas that have
// the objective's labels; empty for a family that is not followed.
func (m *measure) histogram(g objective.Objective) (h histogram) {
	if g.Family.Name == e2eName {
		return m.e2e
	}
	for at, r := range m.replicas {
		if stage, ok := g.Labels["stage"]; ok && stage != at.stage {
			continue
		}
		if replica, ok := g.Labels["replica"]; ok && replica != at.replica {
			continue
		}
		h.merge(r.of(g.Family.Name))
	}
	return h
}

// of is a replica's histogram of a family; empty for one that is not followed.
func (r *replicaMeasure) of(family string) histogram {
	switch family {
	case firstPacketName:
		return r.ttfp
	case rtfName:
		return r.rtf
	case underrunName:
		return r.underrun
	case durationName:
		return r.duration
	case firstTokenName:
		return r.ttft
	}
	return histogram{}
}

// concerns says whether an objective speaks of a replica.
func concerns(g objective.Objective, at place) bool {
	stage, byStage := g.Labels["stage"]
	replica, byReplica := g.Labels["replica"]
	return (!byStage || stage == at.stage) && (!byReplica || replica == at.replica)
}

// title is what the page calls the objective.
func title(g objective.Objective) string {
	switch g.Family.Name {
	case availability:
		return "Availability"
	case firstPacketName:
		return "First packet"
	case rtfName:
		return "Real-time factor"
	case underrunName:
		return "Continuity"
	case e2eName:
		return "End to end"
	case firstTokenName:
		return "First token"
	}
	return g.Name
}

// text says what the objective asks for.
func text(g objective.Objective) string {
	share := percent(g.Target)
	switch g.Family.Name {
	case availability:
		return share + " of requests end well"
	case rtfName:
		return share + " at or under " + number(g.Threshold)
	case underrunName:
		return share + " without a gap over " + seconds(g.Threshold)
	}
	return share + " within " + seconds(g.Threshold)
}

// seconds writes a time with three digits and its unit.
func seconds(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v >= 1 || v == 0:
		return number(v) + " s"
	case v >= 1e-3:
		return number(1e3*v) + " ms"
	}
	return number(1e6*v) + " µs"
}

// number writes a number with three digits at most.
func number(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// percent writes a share; it never rounds up to all.
func percent(share float64) string {
	p := 100 * share
	if share < 1 && p > 99.9 {
		p = math.Floor(p*100) / 100
		return strconv.FormatFloat(p, 'f', -1, 64) + " %"
	}
	return strconv.FormatFloat(math.Round(p*10)/10, 'f', -1, 64) + " %"
}
