package dashboard

import "github.com/limelight-omni/limelight/metrics"

// family is one of the families that the page is made of.
type family uint8

const (
	none family = iota
	requestsRunning
	requestsWaiting
	requestEnds
	e2eLatency
	firstPacket
	audioDuration
	audioRTF
	audioUnderrun
	continuityOK
	audioSkipped
	transferSize
	transferTx
	transferInFlight
	transferRx
	engineRunning
	engineWaiting
	engineEnds
	engineE2E
	kvUsage
	preemptions
	prefixQueries
	prefixHits
	generatedTokens
	timeToFirstToken
	requestPart
	requestResidual
	stagePart
	stageFailures
	stageRetries
	replicaEjections
	replicaState
	replicaRequests
	replicaPlaces
	firstOutput
	underrunCauses
	silentAudio
	refused
	pageAge
	processStart
	processCPU
	processMemory
)

// kept says how a family's children are told apart: by the labels that are
// listed, and by no other. What differs in others is added up.
type kept struct {
	family family
	labels []string
}

var (
	byReplica = []string{"stage", "replica"}
	byEdge    = []string{"from_stage", "from_replica", "to_stage", "to_replica"}
)

// wanted are the families by name, as metrics/check spells them: one spelling
// for both prefixes.
var wanted = map[string]kept{
	"vllm:omni_num_requests_running":         {requestsRunning, nil},
	"vllm:omni_num_requests_waiting":         {requestsWaiting, nil},
	"vllm:omni_requests_success_total":       {requestEnds, []string{"finished_reason"}},
	"vllm:omni_e2e_request_latency_s":        {e2eLatency, nil},
	"vllm:omni_audio_ttfp_s":                 {firstPacket, byReplica},
	"vllm:omni_audio_duration_s":             {audioDuration, byReplica},
	"vllm:omni_audio_rtf":                    {audioRTF, byReplica},
	"vllm:omni_audio_underrun_s":             {audioUnderrun, byReplica},
	"vllm:omni_audio_continuity_ok_total":    {continuityOK, []string{"stage", "replica", "threshold_ms"}},
	"vllm:omni_audio_skipped_requests_total": {audioSkipped, []string{"stage", "replica", "reason"}},
	"vllm:omni_transfer_size_bytes":          {transferSize, byEdge},
	"vllm:omni_transfer_tx_s":                {transferTx, byEdge},
	"vllm:omni_transfer_in_flight_s":         {transferInFlight, byEdge},
	"vllm:omni_transfer_rx_s":                {transferRx, byEdge},

	"vllm:num_requests_running":             {engineRunning, byReplica},
	"vllm:num_requests_waiting":             {engineWaiting, byReplica},
	"vllm:request_success_total":            {engineEnds, []string{"stage", "replica", "finished_reason"}},
	"vllm:e2e_request_latency_seconds":      {engineE2E, byReplica},
	"vllm:kv_cache_usage_perc":              {kvUsage, byReplica},
	"vllm:num_preemptions_total":            {preemptions, byReplica},
	"vllm:prefix_cache_queries_total":       {prefixQueries, byReplica},
	"vllm:prefix_cache_hits_total":          {prefixHits, byReplica},
	"vllm:generation_tokens_total":          {generatedTokens, byReplica},
	"vllm:time_to_first_token_seconds":      {timeToFirstToken, byReplica},
	"limelight_request_part_seconds":        {requestPart, []string{"part"}},
	"limelight_request_residual_seconds":    {requestResidual, nil},
	"limelight_stage_part_seconds":          {stagePart, []string{"stage", "replica", "part"}},
	"limelight_stage_failures_total":        {stageFailures, []string{"stage", "cause"}},
	"limelight_stage_retries_total":         {stageRetries, byReplica},
	"limelight_replica_ejections_total":     {replicaEjections, byReplica},
	"limelight_replica_state":               {replicaState, []string{"stage", "replica", "state"}},
	"limelight_replica_requests":            {replicaRequests, byReplica},
	"limelight_replica_places":              {replicaPlaces, byReplica},
	"limelight_stage_first_output_seconds":  {firstOutput, byReplica},
	"limelight_audio_underruns_total":       {underrunCauses, []string{"stage", "replica", "cause"}},
	"limelight_audio_silent_requests_total": {silentAudio, byReplica},
	"limelight_requests_refused_total":      {refused, []string{"reason"}},
	"limelight_engine_page_age_seconds":     {pageAge, byReplica},

	"process_start_time_seconds":    {processStart, nil},
	"process_cpu_seconds_total":     {processCPU, nil},
	"process_resident_memory_bytes": {processMemory, nil},
}

// kinds are the labels that are kept, by family.
var kinds = func() (labels [processMemory + 1][]string) {
	for _, k := range wanted {
		labels[k.family] = k.labels
	}
	return labels
}()

// wants says whether the page is made of a family.
func wants(name string) bool { return wanted[name].family != none }

// key tells a track from all others: its family and the values of the labels
// that are kept, in their order.
type key struct {
	family family
	values [4]string
}

// keyOf is a series' key; false for one that the page does not show. The page of
// a plain vLLM has its engine in place of stage and replica.
func keyOf(s *metrics.Series) (key, bool) {
	k := wanted[s.Family]
	if k.family == none {
		return key{}, false
	}
	id := key{family: k.family}
	for i, name := range k.labels {
		id.values[i] = s.Label(name)
	}
	if len(k.labels) >= 2 && k.labels[0] == "stage" && id.values[0] == "" {
		id.values[0] = "0"
		if k.labels[1] == "replica" {
			id.values[1] = s.Label("engine")
		}
	}
	return id, true
}
