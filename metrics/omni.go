package metrics

import "github.com/limelight-omni/limelight/metrics/continuity"

// Names of the vllm:omni_ families.
const (
	numRequestsRunning = "vllm:omni_num_requests_running"
	numRequestsWaiting = "vllm:omni_num_requests_waiting"
	requestsSuccess    = "vllm:omni_requests_success_total"
	e2eRequestLatency  = "vllm:omni_e2e_request_latency_s"

	audioTTFP         = "vllm:omni_audio_ttfp_s"
	audioDuration     = "vllm:omni_audio_duration_s"
	audioRTF          = "vllm:omni_audio_rtf"
	audioFrames       = "vllm:omni_audio_frames_total"
	audioUnderrun     = "vllm:omni_audio_underrun_s"
	audioContinuityOK = "vllm:omni_audio_continuity_ok_total"
	audioSkipped      = "vllm:omni_audio_skipped_requests_total"

	transferSize     = "vllm:omni_transfer_size_bytes"
	transferTx       = "vllm:omni_transfer_tx_s"
	transferRx       = "vllm:omni_transfer_rx_s"
	transferInFlight = "vllm:omni_transfer_in_flight_s"
)

const (
	withStats         = "with --log-stats"
	withStatsRelay    = "with --log-stats, for replicas of a relay"
	withStatsAudio    = "with --log-stats, if the pipeline has a stage that produces audio"
	withStatsTransfer = "with --log-stats, if the pipeline has two stages or more; an edge from its first hop on"
)

func pipelineFamilies() []Family {
	model := []string{"model_name"}
	return []Family{{
		Name: numRequestsRunning, Kind: Gauge, Labels: model, Unit: "requests", Group: GroupPipeline, Present: withStats,
		Help:  "Requests dispatched to an engine and not ended, over the whole pipeline.",
		Moves: "read at scrape: streamed and not, from dispatch to the one end, whichever it is",
		Still: "requests that wait or were refused",
	}, {
		Name: numRequestsWaiting, Kind: Gauge, Labels: model, Unit: "requests", Group: GroupPipeline, Present: withStats,
		Help:  "Requests admitted that wait in the orchestrator's queue for a place at their first stage.",
		Moves: "read at scrape: from admission to dispatch, or to a disconnect before it",
		Still: "what waits inside an engine, which is that replica's own gauge; refused requests",
	}, {
		Name: requestsSuccess, Kind: Counter, Labels: []string{"model_name", "finished_reason"}, Unit: "requests", Group: GroupPipeline, Present: withStats,
		Values: map[string][]string{"finished_reason": texts(finishedReasons)},
		Help:   "Admitted requests by the reason they ended with; each is counted once. Aborts are clients that left or cancelled, errors are stages that failed.",
		Moves:  "every admitted request, streamed or not: stop, length, repetition, abort (client left, also while waiting), error (a stage failed)",
		Still:  "requests refused before admission (400, 404, full queue, shutting down)",
		At:     admittedOutcomes,
	}, {
		Name: e2eRequestLatency, Kind: Histogram, Labels: model, Buckets: secondsBuckets, Unit: "seconds", Group: GroupPipeline, Present: withStats,
		Help:  "Time from the request's arrival, before its body is read, until the last byte of the reply was handed to the client's writer.",
		Moves: "natural ends (stop, length, repetition), streamed or not",
		Still: "aborts, errors, refused requests",
		At:    naturalOutcomes,
	}}
}

func audioFamilies() []Family {
	replica := []string{"model_name", "stage", "replica"}
	with := func(label string) []string { return []string{"model_name", "stage", "replica", label} }
	needs := []Need{NeedAudio}
	const natural = "natural ends of requests with audio, streamed or not, chat and speech"
	return []Family{{
		Name: audioTTFP, Kind: Histogram, Labels: replica, Buckets: secondsBuckets, Unit: "seconds", Group: GroupAudio, Present: withStatsAudio,
		Help:  "Time from the request's arrival until its first non-empty audio chunk is handed to the client's writer.",
		Moves: "streamed audio, chat and speech, at the first chunk; also of requests that are aborted or fail afterwards",
		Still: "replies that are not streamed; text only; requests that end before any sound",
		Needs: needs, At: []Outcome{OutcomeStream, OutcomeGap, OutcomeAborted, OutcomeFailed},
	}, {
		Name: audioDuration, Kind: Histogram, Labels: replica, Buckets: secondsBuckets, Unit: "seconds", Group: GroupAudio, Present: withStatsAudio,
		Help:  "Length of the audio of one request: its frames divided by the sample rate.",
		Moves: natural + ", if there was any sound",
		Still: "aborts, errors, text only, requests without sound",
		Needs: needs, At: soundOutcomes,
	}, {
		Name: audioRTF, Kind: Histogram, Labels: replica, Buckets: rtfBuckets, Unit: "ratio", Group: GroupAudio, Present: withStatsAudio,
		Help:  "Real-time factor of one request: the audio stage's wall time, from the first payload handed to it until its last sample, divided by the audio's length. Above 1 speech cannot keep up with its listener.",
		Moves: natural + ", if there was any sound",
		Still: "aborts, errors, text only, requests without sound",
		Needs: needs, At: soundOutcomes,
	}, {
		Name: audioFrames, Kind: Counter, Labels: replica, Unit: "frames", Group: GroupAudio, Present: withStatsAudio,
		Help:  "Audio frames produced; a frame is one PCM sample instant.",
		Moves: natural + ": all frames of the request at once, when it ends",
		Still: "aborts, errors, text only",
		Needs: needs, At: soundOutcomes,
	}, {
		Name: audioUnderrun, Kind: Histogram, Labels: replica, Buckets: fastBuckets, Unit: "seconds", Group: GroupAudio, Present: withStatsAudio,
		Help:  "Worst lag of one request's chunks behind a player that starts with the first chunk and never pauses; above 0 the listener heard a gap.",
		Moves: "natural ends of streamed audio, chat and speech",
		Still: "replies that are not streamed, aborts, errors, requests without sound",
		Needs: needs, At: []Outcome{OutcomeStream, OutcomeGap},
	}, {
		Name: audioContinuityOK, Kind: Counter, Labels: with("threshold_ms"), Unit: "requests", Group: GroupAudio, Present: withStatsAudio,
		Values: map[string][]string{"threshold_ms": {continuity.ThresholdLabel(continuity.DefaultThreshold)}},
		Option: "threshold_ms",
		Help:   "Requests whose underrun did not exceed threshold_ms milliseconds. Divide by the underrun's count for the share of listeners without a gap.",
		Moves:  "natural ends of streamed audio whose underrun was at most the threshold",
		Still:  "underruns above the threshold; replies that are not streamed, aborts, errors, requests without sound",
		Needs:  needs, At: []Outcome{OutcomeStream}, May: []Outcome{OutcomeGap},
	}, {
		Name: audioSkipped, Kind: Counter, Labels: with("reason"), Unit: "requests", Group: GroupAudio, Present: withStatsAudio,
		Values: map[string][]string{"reason": texts(skipReasons)},
		Help:   "Requests for audio that were answered 200 with empty audio, by reason: no_audio_data (nothing was spoken), malformed_codec (the codec frames were rejected before any sound).",
		Moves:  "natural ends of requests for audio without a sample, streamed or not",
		Still:  "requests with sound; text only; aborts; errors, a rejection in mid-stream among them",
		Needs:  needs, At: []Outcome{OutcomeSkipped},
	}}
}

func transferFamilies() []Family {
	edge := []string{"model_name", "from_stage", "from_replica", "to_stage", "to_replica"}
	const moves = "every hop of a payload between two adjacent stages, once, when the receiver has it: streamed or not, whatever end the request comes to later"
	const still = "text-only requests; payloads that an abort or a failure stopped on the way"
	hop := func(name, unit string, buckets []float64, help string) Family {
		return Family{
			Name: name, Kind: Histogram, Labels: edge, Buckets: buckets, Unit: unit, Group: GroupTransfer,
			Present: withStatsTransfer, Help: help, Moves: moves, Still: still,
			Needs: []Need{NeedHops}, At: append([]Outcome{OutcomeSkipped, OutcomeAborted, OutcomeFailed}, soundOutcomes...),
		}
	}
	return []Family{
		hop(transferSize, "bytes", bytesBuckets, "Size of the payload of one hop between two stages."),
		hop(transferTx, "seconds", fastBuckets, "Sender's time of one hop: serialize and submit, without the wait for a free place of the link."),
		hop(transferRx, "seconds", fastBuckets, "Receiver's time of one hop: receive and deserialize."),
		hop(transferInFlight, "seconds", fastBuckets, "Time of one hop between the sender's end and the receiver's start."),
	}
}
