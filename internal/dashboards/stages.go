package dashboards

import "github.com/limelight-omni/limelight/internal/promql"

// stagesBoard shows what happens inside the stages.
func stagesBoard() board {
	stagePart := of("limelight_stage_part_seconds")
	hits := func(queries, hits string) string {
		return promql.Ratio(promql.Rate(of(hits), replica...), promql.Rate(of(queries), replica...))
	}
	partsOfReplicas := []string{"stage", "replica", "part"}
	return board{
		name: "stages", title: "Stages and replicas", description: "What happens inside the stages, by stage and replica: latency of tokens, queues, batches, KV cache, arithmetic.",
		choices: places(),
		rows: []row{{"How fast do tokens come?", []panel{
			{title: "First token by stage", unit: "s", queries: quantiles(of("vllm:time_to_first_token_seconds"), "stage")},
			{title: "Between two tokens by stage", unit: "s", queries: quantiles(of("vllm:inter_token_latency_seconds"), "stage")},
			{title: "Time per output token by stage", unit: "s", queries: quantiles(of("vllm:request_time_per_output_token_seconds"), "stage")},
			{title: "First token by replica, p90", unit: "s", queries: []query{quantile(.9, of("vllm:time_to_first_token_seconds"), replica...)}},
			{title: "Between two tokens by replica, p99", unit: "s", queries: []query{quantile(.99, of("vllm:inter_token_latency_seconds"), replica...)}},
			{title: "First output of a stage, p90", unit: "s", queries: []query{quantile(.9, of("limelight_stage_first_output_seconds"), replica...)},
				about: "Also of stages that make no tokens."},
			{title: "Tokens made", kind: stack, unit: "suffix: tokens/s", queries: rates(of("vllm:generation_tokens_total"), replica...)},
			{title: "Prompt tokens", kind: stack, unit: "suffix: tokens/s", queries: rates(of("vllm:prompt_tokens_total"), replica...)},
			{title: "Tokens of one step", unit: "short", queries: []query{quantile(.5, of("vllm:iteration_tokens_total"), replica...), quantile(.99, of("vllm:iteration_tokens_total"), replica...)}},
		}}, {"Where does work wait?", []panel{
			{title: "Requests bound to a replica", unit: "short", queries: append(values(of("limelight_replica_requests"), replica...),
				query{promql.Aggregate("sum", of("limelight_replica_places").Instant(), replica...), "{{stage}}/{{replica}} places"}), runbook: "LimelightReplicaImbalance"},
			{title: "Running", unit: "short", queries: values(of("vllm:num_requests_running"), replica...)},
			{title: "Waiting", unit: "short", queries: values(of("vllm:num_requests_waiting"), replica...)},
			{title: "Waiting by reason", kind: stack, unit: "short", queries: values(of("vllm:num_requests_waiting_by_reason"), "stage", "reason")},
			{title: "Queue time", unit: "s", queries: quantiles(of("vllm:request_queue_time_seconds"), "stage")},
			{title: "Queue time by replica, p90", unit: "s", queries: []query{quantile(.9, of("vllm:request_queue_time_seconds"), replica...)}},
		}}, {"Where does a stage's time go?", []panel{
			{title: "Time at a stage by part", kind: stack, unit: "s", about: "Mean over the requests that came to the stage.",
				queries: []query{{promql.Mean(stagePart, "stage", "part"), "stage {{stage}} {{part}}"}}},
			{title: "Parts by replica, p90", unit: "s", queries: []query{quantile(.9, stagePart, partsOfReplicas...)}},
			{title: "At the engine, p90", unit: "s", queries: []query{quantile(.9, of("vllm:e2e_request_latency_seconds"), replica...)}},
			{title: "Running at the engine, p90", unit: "s", queries: []query{quantile(.9, of("vllm:request_inference_time_seconds"), replica...)}},
			{title: "Prefill, p90", unit: "s", queries: []query{quantile(.9, of("vllm:request_prefill_time_seconds"), replica...)}},
			{title: "Decode, p90", unit: "s", queries: []query{quantile(.9, of("vllm:request_decode_time_seconds"), replica...)}},
		}}, {"Does the KV cache suffice?", []panel{
			{title: "KV cache in use", unit: "percentunit", max: 1, red: .95, queries: each(promql.Aggregate("max", of("vllm:kv_cache_usage_perc").Instant(), replica...), replica...), runbook: "LimelightKVCacheSaturated"},
			{title: "Preemptions", unit: "ops", queries: rates(of("vllm:num_preemptions_total"), replica...), runbook: "LimelightKVCacheSaturated"},
			{title: "Prefix cache hits", unit: "percentunit", max: 1, about: "Share of the tokens looked up that were found. Nothing where nothing was looked up.",
				queries: each(hits("vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"), replica...)},
			{title: "Hits of other caches", unit: "percentunit", max: 1, about: "KV connectors and media, where the engine has them.", queries: []query{
				{hits("vllm:external_prefix_cache_queries_total", "vllm:external_prefix_cache_hits_total"), "{{stage}}/{{replica}} external"},
				{hits("vllm:mm_cache_queries_total", "vllm:mm_cache_hits_total"), "{{stage}}/{{replica}} media"},
			}},
			{title: "Prompt tokens by source", kind: stack, unit: "suffix: tokens/s", queries: rates(of("vllm:prompt_tokens_by_source_total"), "stage", "source")},
			{title: "Prompt tokens cached and computed", unit: "suffix: tokens/s", queries: []query{
				{promql.Rate(of("vllm:prompt_tokens_cached_total"), "stage"), "stage {{stage}} cached"},
				{promql.Sum(of("vllm:request_prefill_kv_computed_tokens"), "stage"), "stage {{stage}} computed"},
			}},
			{title: "Life of a block, p90", unit: "s", about: "With --kv-cache-metrics.", queries: []query{quantile(.9, of("vllm:kv_block_lifetime_seconds"), replica...)}},
			{title: "Idle before its end, p90", unit: "s", about: "With --kv-cache-metrics.", queries: []query{quantile(.9, of("vllm:kv_block_idle_before_evict_seconds"), replica...)}},
			{title: "Between two uses of a block, p90", unit: "s", about: "With --kv-cache-metrics.", queries: []query{quantile(.9, of("vllm:kv_block_reuse_gap_seconds"), replica...)}},
		}}, {"What is asked of the engines?", []panel{
			{title: "Ends by reason", kind: stack, unit: "reqps", queries: rates(of("vllm:request_success_total"), "stage", "finished_reason")},
			{title: "Prompt of a request", unit: "short", queries: quantiles(of("vllm:request_prompt_tokens"), "stage")},
			{title: "Tokens made for a request", unit: "short", queries: quantiles(of("vllm:request_generation_tokens"), "stage")},
			{title: "Longest choice of a request, p90", unit: "short", queries: []query{quantile(.9, of("vllm:request_max_num_generation_tokens"), "stage")}},
			{title: "Tokens allowed to a request, p90", unit: "short", queries: []query{quantile(.9, of("vllm:request_params_max_tokens"), "stage")}},
			{title: "Choices of a request, mean", unit: "short", queries: each(promql.Mean(of("vllm:request_params_n"), "stage"), "stage")},
		}}, {"How hard does the hardware work?", []panel{
			{title: "Operations", unit: "flops", about: "With --enable-mfu-metrics. Divided by what the hardware can do, it is the utilisation.", queries: rates(of("vllm:estimated_flops_per_gpu_total"), replica...)},
			{title: "Memory read", unit: "Bps", about: "With --enable-mfu-metrics.", queries: rates(of("vllm:estimated_read_bytes_per_gpu_total"), replica...)},
			{title: "Memory written", unit: "Bps", about: "With --enable-mfu-metrics.", queries: rates(of("vllm:estimated_write_bytes_per_gpu_total"), replica...)},
		}}},
	}
}
