package check

import "fmt"

const (
	engineRunning  = "vllm:num_requests_running"
	engineWaiting  = "vllm:num_requests_waiting"
	byReason       = "vllm:num_requests_waiting_by_reason"
	sleepState     = "vllm:engine_sleep_state"
	kvUsage        = "vllm:kv_cache_usage_perc"
	prefixQueries  = "vllm:prefix_cache_queries_total"
	prefixHits     = "vllm:prefix_cache_hits_total"
	promptTokens   = "vllm:prompt_tokens_total"
	bySource       = "vllm:prompt_tokens_by_source_total"
	cachedTokens   = "vllm:prompt_tokens_cached_total"
	generated      = "vllm:generation_tokens_total"
	iterations     = "vllm:iteration_tokens_total"
	engineEnds     = "vllm:request_success_total"
	promptLength   = "vllm:request_prompt_tokens"
	replyLength    = "vllm:request_generation_tokens"
	computedLength = "vllm:request_prefill_kv_computed_tokens"
	engineE2E      = "vllm:e2e_request_latency_seconds"
	firstToken     = "vllm:time_to_first_token_seconds"
	tokenGap       = "vllm:inter_token_latency_seconds"
	perToken       = "vllm:request_time_per_output_token_seconds"
	prefillTime    = "vllm:request_prefill_time_seconds"
	decodeTime     = "vllm:request_decode_time_seconds"
	inferenceTime  = "vllm:request_inference_time_seconds"
	queueTime      = "vllm:request_queue_time_seconds"
	choices        = "vllm:request_params_n"
	longestChoice  = "vllm:request_max_num_generation_tokens"
	blockLifetime  = "vllm:kv_block_lifetime_seconds"
	blockIdle      = "vllm:kv_block_idle_before_evict_seconds"
)

// engineIdentities are those of vLLM's families, at each replica of an
// autoregressive stage.
var engineIdentities = []identity{{
	text:     "Prompt tokens come from somewhere: the sources of `vllm:prompt_tokens_by_source_total` add up to `vllm:prompt_tokens_total`, and those that are not local_compute to `vllm:prompt_tokens_cached_total`.",
	families: []string{promptTokens, bySource, cachedTokens},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			all, computed := c.page.Sum(bySource, "", at...), c.page.Sum(bySource, "", append(at, Label{"source", "local_compute"})...)
			return append(c.resting(at, "sources", all, "prompt tokens", c.page.Sum(promptTokens, "", at...)),
				c.resting(at, "sources but local_compute", all-computed, "cached tokens", c.page.Sum(cachedTokens, "", at...))...)
		})
	},
}, {
	text:     "What is found was looked up: `vllm:prefix_cache_hits_total` is at most `vllm:prefix_cache_queries_total`.",
	families: []string{prefixHits, prefixQueries},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			return c.atMost("hits", c.page.Sum(prefixHits, "", at...), "queries", c.page.Sum(prefixQueries, "", at...), 0)
		})
	},
}, {
	text:     "Every finished request is measured: the sum of `vllm:request_success_total` is the count of `vllm:e2e_request_latency_seconds`, `vllm:request_prompt_tokens`, `vllm:request_generation_tokens` and `vllm:request_prefill_kv_computed_tokens`.",
	families: []string{engineEnds, engineE2E, promptLength, replyLength, computedLength},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) (wrong []string) {
			for _, other := range []string{engineE2E, promptLength, replyLength, computedLength} {
				wrong = append(wrong, c.equal("finished requests", c.page.Sum(engineEnds, "", at...), other, c.page.Sum(other, "_count", at...), c.shape.underWay)...)
			}
			return wrong
		})
	},
}, {
	text:     "Inference is prefill and decode: the sums of `vllm:request_prefill_time_seconds` and `vllm:request_decode_time_seconds` add up to that of `vllm:request_inference_time_seconds`.",
	families: []string{inferenceTime, prefillTime, decodeTime},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			whole, parts := c.page.Sum(inferenceTime, "_sum", at...), c.page.Sum(prefillTime, "_sum", at...)+c.page.Sum(decodeTime, "_sum", at...)
			if c.shape.underWay > 0 {
				return nil
			}
			return c.equal("seconds of inference", whole, "of prefill and decode", parts, 1e-6*(1+whole))
		})
	},
}, {
	text:     "Who had a token had a step, and was taken in: the counts of `vllm:request_prefill_time_seconds`, `vllm:request_decode_time_seconds`, `vllm:request_inference_time_seconds` and `vllm:request_time_per_output_token_seconds` are the same, at most that of `vllm:request_queue_time_seconds`, and that at most the finished requests.",
	families: []string{prefillTime, decodeTime, inferenceTime, perToken, queueTime, engineEnds},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) (wrong []string) {
			prefills, queued := c.page.Sum(prefillTime, "_count", at...), c.page.Sum(queueTime, "_count", at...)
			for _, other := range []string{decodeTime, inferenceTime, perToken} {
				wrong = append(wrong, c.equal("prefills", prefills, other, c.page.Sum(other, "_count", at...), c.shape.underWay)...)
			}
			wrong = append(wrong, c.atMost("prefills", prefills, "queue times", queued, c.shape.underWay)...)
			return append(wrong, c.atMost("queue times", queued, "finished requests", c.page.Sum(engineEnds, "", at...), c.shape.underWay)...)
		})
	},
}, {
	text:     "Choices belong to finished requests: the counts of `vllm:request_params_n` and `vllm:request_max_num_generation_tokens` are the same, and at most the finished requests.",
	families: []string{choices, longestChoice, engineEnds},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			n := c.page.Sum(choices, "_count", at...)
			return append(c.equal("requests with choices", n, longestChoice, c.page.Sum(longestChoice, "_count", at...), c.shape.underWay),
				c.atMost("requests with choices", n, "finished requests", c.page.Sum(engineEnds, "", at...), c.shape.underWay)...)
		})
	},
}, {
	text:     "A KV block's life is measured twice: the counts of `vllm:kv_block_lifetime_seconds` and `vllm:kv_block_idle_before_evict_seconds` are the same.",
	families: []string{blockLifetime, blockIdle},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			return c.equal("lives", c.page.Sum(blockLifetime, "_count", at...), blockIdle, c.page.Sum(blockIdle, "_count", at...), c.shape.underWay)
		})
	},
}, {
	text:     "Who has a last token had a first one: the count of `vllm:request_time_per_output_token_seconds` is at most that of `vllm:time_to_first_token_seconds`.",
	families: []string{perToken, firstToken},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			return c.atMost("requests with tokens", c.page.Sum(perToken, "_count", at...), "first tokens", c.page.Sum(firstToken, "_count", at...), c.shape.underWay)
		})
	},
}, {
	text:     "Every token is a first one or comes after another: `vllm:generation_tokens_total` is the count of `vllm:time_to_first_token_seconds` and `vllm:inter_token_latency_seconds` together.",
	families: []string{generated, firstToken, tokenGap},
	ours:     true, // vLLM observes one gap for several tokens at once
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			return c.resting(at, "tokens", c.page.Sum(generated, "", at...), "first and later ones", c.page.Sum(firstToken, "_count", at...)+c.page.Sum(tokenGap, "_count", at...))
		})
	},
}, {
	text:     "Steps make all tokens: the sum of `vllm:iteration_tokens_total` is `vllm:generation_tokens_total` and the local_compute of `vllm:prompt_tokens_by_source_total` together.",
	families: []string{iterations, generated, bySource},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			made := c.page.Sum(generated, "", at...) + c.page.Sum(bySource, "", append(at, Label{"source", "local_compute"})...)
			return c.resting(at, "tokens of steps", c.page.Sum(iterations, "_sum", at...), "generated and computed ones", made)
		})
	},
}, {
	text:     "`vllm:num_requests_waiting` is the sum of `vllm:num_requests_waiting_by_reason`.",
	families: []string{engineWaiting, byReason},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			return c.equal("waiting", c.page.Sum(engineWaiting, "", at...), "by reason", c.page.Sum(byReason, "", at...), 0)
		})
	},
}, {
	text:     "`vllm:kv_cache_usage_perc` is a share, 0 to 1, and 0 at a replica where nothing runs.",
	families: []string{kvUsage, engineRunning},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			usage := c.page.Sum(kvUsage, "", at...)
			if c.page.Sum(engineRunning, "", at...) == 0 {
				return c.atMost("usage", usage, "that of no request", 0, 0)
			}
			return c.atMost("usage", usage, "a whole", 1, 0)
		})
	},
}, {
	text:     "An engine is in one state: the children of `vllm:engine_sleep_state` are 0 but for one, which is 1.",
	families: []string{sleepState},
	hold: func(c *checker) []string {
		return c.eachEngine(func(at []Label) []string {
			if n := c.page.Sum(sleepState, "", at...); len(c.page.samples(sleepState, "", at...)) > 0 && n != 1 {
				return []string{fmt.Sprintf("in %v states", n)}
			}
			return nil
		})
	},
}}

// resting compares two counts of tokens, which agree when nothing is under way,
// also inside the replica: it notices later than the pipeline that a client left.
func (c *checker) resting(at []Label, what string, a float64, other string, b float64) []string {
	if c.shape.underWay+c.page.Sum(engineRunning, "", at...)+c.page.Sum(engineWaiting, "", at...) > 0 {
		return nil
	}
	return c.equal(what, a, other, b, 0)
}

// eachEngine compares at each replica of an autoregressive stage.
func (c *checker) eachEngine(hold func(at []Label) []string) []string {
	return eachOf(c.shape.ar, hold)
}
