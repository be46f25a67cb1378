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
	stageRetries       = "limelight_stage_retries_total"
	replicaEjections   = "limelight_replica_ejections_total"
	replicaRequests    = "limelight_replica_requests"
	replicaPlaces      = "limelight_replica_places"
	stageWaiting       = "limelight_stage_requests_waiting"
	requestsExpired    = "limelight_requests_expired_total"
	requestPart        = "limelight_request_part_seconds"
	stagePart          = "limelight_stage_part_seconds"
	requestResidual    = "limelight_request_residual_seconds"
	stageFirstOutput   = "limelight_stage_first_output_seconds"
	chunkInterval      = "limelight_audio_chunk_interval_seconds"
	audioUnderruns     = "limelight_audio_underruns_total"
	audioSilent        = "limelight_audio_silent_requests_total"
)

// wastedReasons are the ends after which nobody has use for what was made.
var wastedReasons = []FinishedReason{Abort, Error}

func ownFamilies() []Family {
	model := []string{"model_name"}
	ofStage := func(label string) []string { return []string{"model_name", "stage", label} }
	ofReplica := func(more ...string) []string { return append([]string{"model_name", "stage", "replica"}, more...) }
	const naturalEnds = "natural ends, streamed or not"
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
		Help:   "Admitted requests that ended as an error, by the stage that failed and the cause: rejected (the stage refused its input after the first sound), no_replica, lost (the process that ran the engine), closed (the engine was shut down), hop (the way from the stage before), timeout (the stage gave nothing for too long), deadline (the request's time was up while the stage was waited for), reply (the answer could not be made of what the stages gave), engine (anything else).",
		Moves:  "ends with the reason error, each once",
		Still:  "natural ends, aborts, refused requests; audio rejected before any sound, which is a skipped request",
		At:     []Outcome{OutcomeFailed},
	}, {
		Name: requestsExpired, Kind: Counter, Labels: []string{"model_name", "part"}, Unit: "requests", Group: GroupOwn, Present: "with --log-stats and --request-timeout",
		Values: map[string][]string{"part": texts(expiredParts)},
		Help:   "Admitted requests that ended as an error since their time was up, by what they had come to: admission (in the queue), stages (a stage was waited for, which is its failure, too), reply (the client was behind, or the answer was being made).",
		Moves:  "ends with the reason error after --request-timeout, each once",
		Still:  "other errors, natural ends, aborts, refused requests",
		Needs:  []Need{NeedDeadline}, At: []Outcome{OutcomeExpired},
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
	}, {
		Name: stageRetries, Kind: Counter, Labels: ofReplica(), Unit: "requests", Group: GroupOwn, Present: withStatsRelay,
		Help:  "Attempts after a request's first one at a stage, by the replica that failed at the attempt before. A request moves on to another replica while the stage has given nothing for it, within the budget of retries.",
		Moves: "each time that a request is handed to another replica of a stage since one failed at it, whatever comes of that",
		Still: "failures after the first output, or with no budget or no other replica left, which end the request; refusals of the request, which any replica would give; aborts",
		Needs: []Need{NeedRelay}, At: []Outcome{OutcomeRetried},
	}, {
		Name: replicaEjections, Kind: Counter, Labels: ofReplica(), Unit: "ejections", Group: GroupOwn, Present: withStatsRelay,
		Help:  "Times that a replica was ejected, since it had failed at so many requests in a row. One that is the stage's last goes on getting requests.",
		Moves: "each ejection, a longer one after another too",
		Still: "single failures; health checks that fail, which limelight_replica_state tells of",
		Needs: []Need{NeedRelay}, At: []Outcome{OutcomeEjected},
	}, {
		Name: replicaRequests, Kind: Gauge, Labels: ofReplica(), Unit: "requests", Group: GroupOwn, Present: withStats,
		Help:  "Requests bound to a replica: it works for them, or they wait inside it for a place, for KV blocks or for what the stage before gives them.",
		Moves: "read at scrape: from when a request's work first reaches the stage until the stage is done with it",
		Still: "requests of other replicas; requests in the orchestrator's queue, which are limelight_stage_requests_waiting",
	}, {
		Name: replicaPlaces, Kind: Gauge, Labels: ofReplica(), Unit: "requests", Group: GroupOwn, Present: withStats,
		Help:  "Requests that a replica works for at one time: its --max-num-seqs or --relay-max-in-flight, and 0 while it is down.",
		Moves: "read at scrape: as a replica's process is lost and comes back, or the replica drains",
		Still: "requests",
	}, {
		Name: stageWaiting, Kind: Gauge, Labels: []string{"model_name", "stage"}, Unit: "requests", Group: GroupOwn, Present: withStats,
		Help:  "Requests admitted that wait in the orchestrator's queue, by the stage that they begin at and wait for a place of.",
		Moves: "read at scrape, as vllm:omni_num_requests_waiting",
		Still: "what waits inside a replica",
	}, {
		Name: requestPart, Kind: Histogram, Labels: []string{"model_name", "part"}, Buckets: fastBuckets, Unit: "seconds", Group: GroupOwn, Present: withStats,
		Values: map[string][]string{"part": texts(requestParts)},
		Help:   "Where the time of one request went outside its stages, along the path that led to its last byte: receive (arrival to admission), admission (in the queue), encode (making the bytes of the answer), write (the client took them). With limelight_stage_part_seconds and limelight_request_residual_seconds it adds up to the end-to-end time.",
		Moves:  naturalEnds + ": each part once, 0 too",
		Still:  "aborts, errors, refused requests",
		At:     naturalOutcomes,
	}, {
		Name: stagePart, Kind: Histogram, Labels: ofReplica("part"), Buckets: fastBuckets, Unit: "seconds", Group: GroupOwn, Present: withStats,
		Values: map[string][]string{"part": texts(stageParts)},
		Help:   "Where the time of one request went at one stage, along the path that led to its last byte: hop (on the way from the stage before), queue (the stage worked for others or had no room), work (the stage worked for the request).",
		Moves:  naturalEnds + ", for each stage that it came to: each part once, 0 too; but no hop where it began",
		Still:  "aborts, errors, refused requests; time that the path does not lead through, as the thinker's after the talker has all its text",
		At:     naturalOutcomes,
	}, {
		Name: requestResidual, Kind: Histogram, Labels: model, Buckets: fastBuckets, Unit: "seconds", Group: GroupOwn, Present: withStats,
		Help:  "Time of one request that no event explains. It should be next to nothing: what is here is missing from the parts.",
		Moves: naturalEnds + ", 0 too",
		Still: "aborts, errors, refused requests",
		At:    naturalOutcomes,
	}, {
		Name: stageFirstOutput, Kind: Histogram, Labels: ofReplica(), Buckets: fastBuckets, Unit: "seconds", Group: GroupOwn, Present: withStats,
		Help:  "Time from when a stage was handed its first work for a request to the first thing that it gave: text, a token, codec frames or sound.",
		Moves: "the first output of each stage, whatever end the request comes to later",
		Still: "stages that a request does not come to, or that give nothing for it",
		At:    admittedOutcomes,
	}, {
		Name: chunkInterval, Kind: Histogram, Labels: ofReplica(), Buckets: fastBuckets, Unit: "seconds", Group: GroupOwn, Present: withStatsAudio,
		Help:  "Time between two chunks of a streamed reply's sound, as they are handed to the client's writer.",
		Moves: "each chunk of streamed audio after the first",
		Still: "replies that are not streamed; a first chunk; chunks without a sample",
		Needs: []Need{NeedAudio}, At: []Outcome{OutcomeGap}, May: []Outcome{OutcomeStream, OutcomeAborted, OutcomeFailed},
	}, {
		Name: audioUnderruns, Kind: Counter, Labels: ofReplica("cause"), Unit: "requests", Group: GroupOwn, Present: withStatsAudio,
		Values: map[string][]string{"cause": texts(underrunCauses)},
		Help:   "Requests whose listener heard a gap, by what made the chunk with the worst lag late: late_production (the pipeline had not made it when the player needed it), slow_client (it was there in time, or could not be made since the client was behind).",
		Moves:  "natural ends of streamed audio whose vllm:omni_audio_underrun_s is above 0",
		Still:  "chunks that all came in time; replies that are not streamed, aborts, errors",
		Needs:  []Need{NeedAudio}, At: []Outcome{OutcomeGap},
	}, {
		Name: audioSilent, Kind: Counter, Labels: ofReplica(), Unit: "requests", Group: GroupOwn, Present: withStatsAudio,
		Help:  "Requests that were answered with sound of which nothing can be heard: its peak is below -60 dBFS.",
		Moves: "natural ends of requests with audio, streamed or not, whose samples are all zero or nearly so",
		Still: "sound that can be heard; answers without a sample, which are skipped requests; aborts, errors",
		Needs: []Need{NeedAudio}, At: []Outcome{OutcomeSilent},
	}}
}
