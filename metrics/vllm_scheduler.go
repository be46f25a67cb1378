package metrics

// schedulerFamilies are what the scheduler and its caches say of themselves.
func schedulerFamilies() []Family {
	return []Family{{
		Name: engineRunning, Kind: Gauge, Unit: "requests",
		Help:  "Requests of the replica that hold KV blocks.",
		Moves: "read at scrape: from a request's first step to its end, whichever it is, but for the time after a preemption; streamed and not",
		Still: "requests that wait; requests of other replicas",
	}, {
		Name: engineWaiting, Kind: Gauge, Unit: "requests",
		Help:  "Requests inside the replica that hold no KV blocks: those that never ran and those that were preempted.",
		Moves: "read at scrape: from a request's arrival at the replica to its first step, or its end; after a preemption until it runs again",
		Still: "requests that run; requests in the orchestrator's queue, which are " + numRequestsWaiting,
	}, {
		Name: engineWaitingByReason, Kind: Gauge, Unit: "requests",
		Values: map[string][]string{"reason": waitingReasons},
		Help:   "Requests of vllm:num_requests_waiting by what they wait for: capacity (a place in the batch or KV blocks), deferred (their input: a talker's text has not come).",
		Moves:  "read at scrape, as " + engineWaiting,
		Still:  "requests that run",
	}, {
		Name: engineSleepState, Kind: Gauge, Unit: "1",
		Values: map[string][]string{"sleep_state": sleepStates},
		Help:   "1 for the sleep state that the replica is in, 0 for the others.",
		Moves:  "never", Still: "everything",
		Constant: "the engine does not sleep: it is always awake",
	}, {
		Name: kvCacheUsage, Kind: Gauge, Unit: "ratio",
		Help:  "Share of the replica's KV blocks that running requests hold, 0 to 1. Blocks that are kept for later prompts alone are free.",
		Moves: "read at scrape: with every block that is given out or comes back",
		Still: "prefix hits on blocks that are in use; content that is kept after its request",
	}, {
		Name: prefixQueries, Kind: Counter, Unit: "tokens",
		Help:  "Prompt tokens that were looked up in the replica's prefix cache.",
		Moves: "the first step of every request, once, by its whole prompt; streamed and not, also of requests that are aborted or fail later",
		Still: "requests that come back after a preemption; requests that end before their first step; --no-enable-prefix-caching",
		At:    admittedOutcomes,
	}, {
		Name: prefixHits, Kind: Counter, Unit: "tokens",
		Help:  "Prompt tokens that were found in the replica's prefix cache. They are whole blocks and never a prompt's last token.",
		Moves: "the first step of a request whose prompt begins as an earlier one's did, for a block or more",
		Still: "prompts with a beginning of their own; requests that come back after a preemption; --no-enable-prefix-caching",
		At:    []Outcome{OutcomeRepeated, OutcomeCrowded},
	}, constant(externalQueries, "tokens", "Prompt tokens that were asked of a KV connector.", "the engine has no KV connector"),
		constant(externalHits, "tokens", "Prompt tokens that a KV connector had.", "the engine has no KV connector"),
		constant(mediaQueries, "items", "Media items that were looked up in the processor's cache.", "the engine takes no media"),
		constant(mediaHits, "items", "Media items that were found in the processor's cache.", "the engine takes no media"),
		{
			Name: cacheConfigInfo, Kind: Gauge, Unit: "1", Labels: append([]string{"stage", "replica"}, cacheConfigLabels...),
			Help:  "Constant 1; the labels are the configuration of the replica's KV cache. There is no model_name.",
			Moves: "never", Still: "everything",
			Constant: "it describes the configuration",
		}}
}

// constant declares a counter that stays 0.
func constant(name, unit, help, why string) Family {
	return Family{Name: name, Kind: Counter, Unit: unit, Help: help, Moves: "never", Still: "everything", Constant: why}
}

// tokenFamilies count work as it is done.
func tokenFamilies() []Family {
	const first = "the first output of every request, streamed or not, also of requests that are aborted or fail later"
	const notFirst = "requests that end before their first output; later outputs; preemptions"
	started := func(f Family) Family {
		f.Kind, f.Unit, f.At = Counter, "tokens", admittedOutcomes
		return f
	}
	return []Family{{
		Name: preemptions, Kind: Counter, Unit: "requests",
		Help:  "Times that a running request lost its KV blocks to another one, and waits to be computed again.",
		Moves: "each preemption, when it happens, whatever the request comes to; also those that let a request pass another one whose output nobody takes",
		Still: "requests that found enough blocks",
		At:    []Outcome{OutcomeCrowded},
	}, started(Family{
		Name:  promptTokens,
		Help:  "Prompt tokens of the requests that gave an output, those found in the prefix cache included. The talker's are the rows of its prefill.",
		Moves: first, Still: notFirst,
	}), started(Family{
		Name:   promptTokensBySource,
		Values: map[string][]string{"source": promptSources},
		Help:   "Prompt tokens by where their keys and values came from: local_compute, local_cache_hit (the prefix cache), external_kv_transfer (always 0: there is no KV connector). The sources add up to vllm:prompt_tokens_total.",
		Moves:  first, Still: notFirst,
	}), {
		Name: promptTokensCached, Kind: Counter, Unit: "tokens",
		Help:  "Prompt tokens of the requests that gave an output which came from the prefix cache.",
		Moves: "the first output of a request whose prompt was found in part",
		Still: "prompts with a beginning of their own; " + notFirst,
		At:    []Outcome{OutcomeRepeated, OutcomeCrowded},
	}, started(Family{
		Name:  generationTokens,
		Help:  "Tokens that the replica generated, end-of-sequence tokens included. The talker's are its codes of group 0.",
		Moves: "every step, by the tokens that it chose, streamed or not; also of requests that are aborted or fail later",
		Still: "steps that only compute a part of a prompt; tokens that are computed again after a preemption",
	}), {
		Name: engineSuccess, Kind: Counter, Unit: "requests",
		Values: map[string][]string{"finished_reason": texts(finishedReasons)},
		Help:   "Requests that the replica finished, by reason; each choice of a request counts. Clients that left are not counted: the child abort stays 0, as vLLM's does.",
		Moves:  natural + "; error: the request's input, or the engine, failed",
		Still:  left, At: naturalOutcomes, May: leftOutcomes,
	}, {
		Name: iterationTokens, Kind: Histogram, Buckets: iterationBuckets, Unit: "tokens",
		Help:  "Tokens of one step that gave an output: those it generated, and the computed prompt tokens of the requests that had their first output.",
		Moves: "every step in which a request chose a token, streamed or not, whatever comes of the requests",
		Still: "steps that only compute a part of a prompt",
		At:    admittedOutcomes,
	}}
}
