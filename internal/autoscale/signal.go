// Package autoscale holds the signals that tell how many replicas a stage
// needs: their queries, and what an autoscaler compares them with. The manifests
// under deploy/kubernetes/autoscaling and docs/autoscaling.md are held to this
// table by tests.
package autoscale

import (
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/internal/promql"
)

// Target says how a HorizontalPodAutoscaler reads a number.
type Target string

// The targets.
const (
	// PerReplica: the number is a sum over the stage, and the target is one
	// replica's part of it. The stage needs number / target replicas.
	PerReplica Target = "AverageValue"
	// AsItIs: the number is a level of this moment. The stage needs number / target
	// times the replicas that it has.
	AsItIs Target = "Value"
)

// Role is what a stage does; it decides which signals there are.
type Role string

// The roles, of the stages of an omni model and of a relay.
const (
	Thinker  Role = "thinker"
	Talker   Role = "talker"
	Code2Wav Role = "code2wav"
	Chat     Role = "chat"
	Speech   Role = "speech"
)

// window is the range of the rates: eight scrapes of 15 s, so that one which is
// missed changes little.
const window = "2m"

// frame is the length of sound of one token of the talker, in seconds.
const frame = "0.08"

// Signal is one number of a stage.
type Signal struct {
	// Name is for documents, and for metrics in which an adapter offers it.
	Name string
	// Says is what the number is.
	Says string
	// Target says how to read it, Goal is what it should be at most. Places says
	// that Goal is a part of one replica's places.
	Target Target
	Goal   float64
	Places bool
	// Leads says that it rises before a listener notices.
	Leads bool
	// Roles are the stages that have it.
	Roles []Role

	query func(of, all string) string
}

// Threshold is the target for replicas with so many places.
func (s Signal) Threshold(places int) float64 {
	if s.Places {
		return s.Goal * float64(places)
	}
	return s.Goal
}

// Query is the signal's query: one number. Of are the matchers of the stage's
// series, as `model_name="m",stage="1"`, all those of the whole pipeline's, as
// `model_name="m"`.
func (s Signal) Query(of, all string) string { return s.query(of, all) }

// Signals returns the table, in the order of the documentation.
func Signals() []Signal {
	every := []Role{Thinker, Talker, Code2Wav, Chat, Speech}
	return []Signal{{
		Name: "demand", Target: PerReplica, Goal: 0.75, Places: true, Leads: true, Roles: every,
		Says: "requests that the stage has, and those in the queue for it",
		query: func(of, _ string) string {
			return sum("limelight_replica_requests", of) + " + " + sum("limelight_stage_requests_waiting", of)
		},
	}, {
		Name: "waiting", Target: PerReplica, Goal: 0.1, Places: true, Leads: true, Roles: every,
		Says: "those of them for which it has no place",
		query: func(of, _ string) string {
			over := gauge("limelight_replica_requests", of) + " - " + gauge("limelight_replica_places", of)
			return promql.Aggregate("sum", "clamp_min("+over+", 0)") + " + " + sum("limelight_stage_requests_waiting", of)
		},
	}, {
		Name: "occupancy", Target: AsItIs, Goal: 0.75, Leads: true, Roles: every,
		Says: "requests that the stage has for each of its places; nothing while all its replicas are down",
		query: func(of, _ string) string {
			return promql.Ratio(sum("limelight_replica_requests", of), sum("limelight_replica_places", of))
		},
	}, {
		Name: "kv", Target: AsItIs, Goal: 0.8, Leads: true, Roles: []Role{Thinker, Talker, Chat},
		Says: "used part of the KV cache, mean over the replicas; nothing if the engines' pages have none",
		query: func(of, _ string) string {
			return promql.Aggregate("avg", promql.Aggregate("max", gauge("vllm:kv_cache_usage_perc", of), "instance", "replica"))
		},
	}, {
		Name: "pace", Target: PerReplica, Goal: 0.7, Roles: []Role{Talker},
		Says: "time from token to token for each second of the sound that a token is: the talker's real-time factor while it speaks; times its replicas",
		query: func(of, _ string) string {
			return replicas(promql.Mean(rated("vllm:inter_token_latency_seconds", of))+" / "+frame, of)
		},
	}, {
		// A relay does not see its servers' queues: all their time is work.
		Name: "queue", Target: PerReplica, Goal: 0.125, Places: true, Roles: []Role{Thinker, Talker, Code2Wav},
		Says: "requests that are held up in the stage's queue at one time, of those that ended: seconds of queue in each second",
		query: func(of, _ string) string {
			return promql.Sum(rated("limelight_stage_part_seconds", `part="queue"`, of))
		},
	}, {
		Name: "share", Target: PerReplica, Goal: 0.5, Roles: []Role{Talker, Code2Wav, Speech},
		Says: "seconds that replies waited for this stage, its queue and its work, for each second of their sound; times its replicas",
		query: func(of, all string) string {
			waited := promql.Sum(rated("limelight_stage_part_seconds", `part=~"queue|work"`, of))
			return replicas(promql.Ratio(waited, promql.Sum(rated("vllm:omni_audio_duration_s", all))), of)
		},
	}, {
		Name: "rtf", Target: PerReplica, Goal: 0.7, Roles: []Role{Code2Wav, Speech},
		Says: "real-time factor that 95 of 100 replies stay under, whichever stage they waited for; times the replicas",
		query: func(of, _ string) string {
			return replicas(promql.Quantile(0.95, rated("vllm:omni_audio_rtf", of)), of)
		},
	}}
}

// gauge selects a gauge's series.
func gauge(name, match string) string { return promql.Series{Name: name, Match: match}.Instant() }

// sum adds a gauge's series up.
func sum(name, match string) string { return promql.Aggregate("sum", gauge(name, match)) }

// rated are the series of a family of which the queries take rates.
func rated(name string, match ...string) promql.Series {
	match = slices.DeleteFunc(match, func(m string) bool { return m == "" })
	return promql.Series{Name: name, Match: strings.Join(match, ","), Window: window}
}

// replicas is a level that was measured over the window, times the stage's
// replicas meanwhile: what they all lack together. An autoscaler that multiplied
// the level with the replicas of this moment would add some again and again
// until the window has passed. It is zero where there was nothing to measure,
// since no result, or NaN, is a failure for an autoscaler.
func replicas(level, of string) string {
	up := "count by (instance) (" + gauge("limelight_replica_places", of) + " > 0)"
	return "(" + level + ") * avg_over_time(max(" + up + ")[" + window + ":15s]) or vector(0)"
}
