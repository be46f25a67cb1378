package metrics

import "slices"

// Names of Limelight's own families.
const (
	buildInfo          = "limelight_build_info"
	requestsAdmitted   = "limelight_requests_admitted_total"
	requestsRefused    = "limelight_requests_refused_total"
	stageFailures      = "limelight_stage_failures_total"
	wastedTokens       = "limelight_wasted_tokens_total"
	wastedAudioSeconds = "limelight_wasted_audio_seconds_total"
	replicaState       = "limelight_replica_state"
)

// wastedReasons are the ends after which nobody has use for what was made.
var wastedReasons = []FinishedReason{Abort, Error}

func ownFamilies() []Family {
	model := []string{"model_name"}
	ofStage := func(label string) []string { return []string{"model_name", "stage", label} }
	wasted := []Outcome{OutcomeAborted, OutcomeFailed}
	return []Family{{
		Name: buildInfo, Kind: Gauge, Labels: []string{"version"}, Unit: "1", Group: GroupOwn, Present: "always", Always: true,
		Help:  "Constant 1; the label version is the server's.",
		Moves: "never", Still: "everything",
		Constant: "it describes the build",
	}, {
		Name: requestsAdmitted, Kind: Counter, Labels: model, Unit: "requests", Group: GroupOwn, Present: withStats,
		Help:  "Requests admitted to the orchestrator's queue. Each of them runs, waits or has ended.",
		Moves: "every admission, streamed or not, whatever end the request comes to",
		Still: "requests refused before admission",
		At:    admittedOutcomes,
	}, {
		Name: requestsRefused, Kind: Counter, Labels: append(slices.Clone(model), "reason"), Unit: "requests", Group: GroupOwn, Present: withStats,
		Values: map[string][]string{"reason": texts(refusalReasons)},
		Help:   "HTTP requests of counted routes that were refused, by reason: bad_request, unauthorized, not_found (a route or a model), method_not_allowed, slow_body, too_large (the body or the header), too_many_bodies and too_many_streams (at one time), queue_full, draining (the server is shutting down), no_replica (a stage that the request needs has none that is up).",
		Moves:  "every answer of 4xx, and of 503 for what the server holds already, each once",
		Still:  "admitted requests, whatever comes of them; /metrics, /health and /version",
		At:     []Outcome{OutcomeRefused},
	}, {
		Name: stageFailures, Kind: Counter, Labels: ofStage("cause"), Unit: "requests", Group: GroupOwn, Present: withStats,
		Values: map[string][]string{"cause": texts(failureCauses)},
		Help:   "Admitted requests that ended as an error, by the stage that failed and the cause: rejected (the stage refused its input after the first sound), no_replica, lost (the process that ran the engine), closed (the engine was shut down), hop (the way from the stage before), timeout, reply (the answer could not be made of what the stages gave), engine (anything else).",
		Moves:  "ends with the reason error, each once",
		Still:  "natural ends, aborts, refused requests; audio rejected before any sound, which is a skipped request",
		At:     []Outcome{OutcomeFailed},
	}, {
		Name: wastedTokens, Kind: Counter, Labels: ofStage("finished_reason"), Unit: "tokens", Group: GroupOwn, Present: "with --log-stats, for autoregressive stages",
		Values: map[string][]string{"finished_reason": texts(wastedReasons)},
		Help:   "Tokens that a stage gave out for requests that were aborted or failed; the talker's are codec frames.",
		Moves:  "aborts and errors: what was given out before, at the end; what still comes then, as it does",
		Still:  "natural ends, refused requests, requests that end while they wait; tokens that never left the engine",
		Needs:  []Need{NeedAR}, At: wasted,
	}, {
		Name: wastedAudioSeconds, Kind: Counter, Labels: ofStage("finished_reason"), Unit: "seconds", Group: GroupOwn, Present: withStatsAudio,
		Values: map[string][]string{"finished_reason": texts(wastedReasons)},
		Help:   "Length of the audio made for requests that were aborted or failed.",
		Moves:  "aborts and errors after the first sound was made, whether or not it was sent",
		Still:  "natural ends, refused requests, ends before any sound",
		Needs:  []Need{NeedAudio}, At: wasted,
	}, {
		Name: replicaState, Kind: Gauge, Labels: []string{"model_name", "stage", "replica", "state"}, Unit: "1", Group: GroupOwn, Present: withStats,
		Values: map[string][]string{"state": texts(replicaStates)},
		Help:   "1 for the state that a replica is in, 0 for the others: ready (it has a free place), full (each of its --max-num-seqs places is taken), down (it is lost or shutting down and gets nothing new).",
		Moves:  "read at scrape: as requests take and leave the replica's places, as its process is lost and comes back",
		Still:  "requests of other replicas",
	}}
}
