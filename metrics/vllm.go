package metrics

import "slices"

// Names of vLLM's engine families; the label engine of the original is stage and
// replica here.
const (
	engineRunning         = "vllm:num_requests_running"
	engineWaiting         = "vllm:num_requests_waiting"
	engineWaitingByReason = "vllm:num_requests_waiting_by_reason"
	engineSleepState      = "vllm:engine_sleep_state"
	kvCacheUsage          = "vllm:kv_cache_usage_perc"
	prefixQueries         = "vllm:prefix_cache_queries_total"
	prefixHits            = "vllm:prefix_cache_hits_total"
	externalQueries       = "vllm:external_prefix_cache_queries_total"
	externalHits          = "vllm:external_prefix_cache_hits_total"
	mediaQueries          = "vllm:mm_cache_queries_total"
	mediaHits             = "vllm:mm_cache_hits_total"
	cacheConfigInfo       = "vllm:cache_config_info"

	preemptions          = "vllm:num_preemptions_total"
	promptTokens         = "vllm:prompt_tokens_total"
	promptTokensBySource = "vllm:prompt_tokens_by_source_total"
	promptTokensCached   = "vllm:prompt_tokens_cached_total"
	generationTokens     = "vllm:generation_tokens_total"
	engineSuccess        = "vllm:request_success_total"
	iterationTokens      = "vllm:iteration_tokens_total"

	requestPromptTokens     = "vllm:request_prompt_tokens"
	requestGenerationTokens = "vllm:request_generation_tokens"
	requestLongestChoice    = "vllm:request_max_num_generation_tokens"
	requestChoices          = "vllm:request_params_n"
	requestMaxTokens        = "vllm:request_params_max_tokens"
	requestComputedTokens   = "vllm:request_prefill_kv_computed_tokens"
	timeToFirstToken        = "vllm:time_to_first_token_seconds"
	interTokenLatency       = "vllm:inter_token_latency_seconds"
	timePerOutputToken      = "vllm:request_time_per_output_token_seconds"
	engineE2E               = "vllm:e2e_request_latency_seconds"
	requestQueueTime        = "vllm:request_queue_time_seconds"
	requestInferenceTime    = "vllm:request_inference_time_seconds"
	requestPrefillTime      = "vllm:request_prefill_time_seconds"
	requestDecodeTime       = "vllm:request_decode_time_seconds"

	estimatedFlops = "vllm:estimated_flops_per_gpu_total"
	estimatedRead  = "vllm:estimated_read_bytes_per_gpu_total"
	estimatedWrite = "vllm:estimated_write_bytes_per_gpu_total"

	blockLifetime = "vllm:kv_block_lifetime_seconds"
	blockIdle     = "vllm:kv_block_idle_before_evict_seconds"
	blockReuseGap = "vllm:kv_block_reuse_gap_seconds"
)

// Closed sets of label values.
var (
	waitingReasons = []string{"capacity", "deferred"}
	sleepStates    = []string{"awake", "weights_offloaded", "discard_all"}
	promptSources  = []string{"local_compute", "local_cache_hit", "external_kv_transfer"}
)

const withStatsAR = "with --log-stats, for each replica of an autoregressive stage: here, or at a peer that has --log-stats, too"

// engineFamilies declares the families of an autoregressive replica, in the
// order of vLLM's own catalogue.
func engineFamilies() []Family {
	families := slices.Concat(schedulerFamilies(), tokenFamilies(), engineRequestFamilies(), estimateFamilies(), blockFamilies())
	for i := range families {
		f := &families[i]
		f.Group = GroupEngine
		f.NamedWith = append([]Need{NeedStats}, f.NamedWith...)
		f.Needs = append([]Need{NeedAR}, f.Needs...)
		if f.Present == "" {
			f.Present = withStatsAR
		}
		if f.Labels == nil {
			f.Labels = []string{"model_name", "stage", "replica"}
			for _, name := range []string{"reason", "sleep_state", "source", "finished_reason"} {
				if f.Values[name] != nil {
					f.Labels = append(f.Labels, name)
				}
			}
		}
	}
	return families
}

// estimateFamilies are those of model FLOPs utilization.
func estimateFamilies() []Family {
	estimate := func(name, unit, help string) Family {
		return Family{
			Name: name, Kind: Counter, Unit: unit, Needs: []Need{NeedMFU}, At: admittedOutcomes,
			Present: withStatsAR + " and --enable-mfu-metrics; HELP and TYPE only without that",
			Help:    help + " Counted are the attention's and the MLPs' matrices, the attention itself, and the head; not embeddings, norms, the router, sampling, the talker's code predictor, or code2wav.",
			Moves:   "every step, by its rows and their contexts, whatever comes of the requests",
			Still:   "steps of other replicas; requests that never got into a step",
		}
	}
	return []Family{
		estimate(estimatedFlops, "operations", "Floating-point operations of the replica's steps, estimated from the model's shape; its rate is the achieved FLOP/s."),
		estimate(estimatedRead, "bytes", "Bytes that the replica's steps read from memory (weights, activations, keys and values), estimated from the model's shape."),
		estimate(estimatedWrite, "bytes", "Bytes that the replica's steps wrote to memory, estimated from the model's shape."),
	}
}

// blockFamilies follow sampled KV blocks.
func blockFamilies() []Family {
	block := func(name, help, moves, still string) Family {
		return Family{
			Name: name, Kind: Histogram, Buckets: blockBuckets, Unit: "seconds", Needs: []Need{NeedKV}, NamedWith: []Need{NeedKV},
			Present: withStatsAR + " and --kv-cache-metrics", Help: help, Moves: moves, Still: still, May: admittedOutcomes, At: []Outcome{OutcomeCrowded},
		}
	}
	const evicted = "a sampled block gets other content, whatever comes of the request that needs it"
	return []Family{
		block(blockLifetime, "Time from a sampled KV block's allocation until its content was given up for other content.", evicted,
			"blocks that are not sampled; content that is still kept, also of requests that ended"),
		block(blockIdle, "Time from a sampled KV block's last use, its allocation or a prefix hit, until its content was given up.", evicted,
			"blocks that are not sampled; content that is still kept, also of requests that ended"),
		block(blockReuseGap, "Times between a sampled KV block's last four prefix hits, observed when its content is given up.",
			evicted+", if it was hit twice or more", "blocks that were hit once or never; content that is still kept"),
	}
}
