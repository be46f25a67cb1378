package rules

import "fmt"

// state is what a replica showed: the values of ready, full and down.
func state(stage, replica int, ready, full, down string) []series {
	labels := fmt.Sprintf(`stage="%d", replica="%d"`, stage, replica)
	return []series{
		on("limelight_replica_state", labels+`, state="ready"`, ready),
		on("limelight_replica_state", labels+`, state="full"`, full),
		on("limelight_replica_state", labels+`, state="down"`, down),
	}
}

func ready(stage, replica int) []series { return state(stage, replica, "1x60", "0x60", "0x60") }
func full(stage, replica int) []series  { return state(stage, replica, "0x60", "1x60", "0x60") }
func down(stage, replica int) []series  { return state(stage, replica, "0x60", "0x60", "1x60") }

// waiting are requests in the queue for stage 1.
func waiting(values string) series {
	return on("limelight_stage_requests_waiting", `stage="1"`, values)
}

func join(parts ...[]series) []series {
	var all []series
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// hops are ten requests each half minute, each a second long, that spent so
// many seconds together on the way to replica 2/0.
func hops(seconds string) []series {
	return append(answered(10),
		on("vllm:omni_e2e_request_latency_s_sum", "", "0+10x40"),
		on("limelight_stage_part_seconds_count", code2wav+`, part="hop"`, "0+10x40"),
		on("limelight_stage_part_seconds_sum", code2wav+`, part="hop"`, seconds),
		on("limelight_stage_part_seconds_sum", code2wav+`, part="work"`, "0+8x40"),
	)
}

// transfers are ten payloads each half minute, whose times on the way from 1/0
// to 2/1 are given together.
func transfers(tx, inFlight, rx string) []series {
	const edge = `from_stage="1", from_replica="0", to_stage="2", to_replica="1"`
	return []series{
		on("vllm:omni_transfer_size_bytes_count", edge, "0+10x40"),
		on("vllm:omni_transfer_tx_s_sum", edge, tx),
		on("vllm:omni_transfer_in_flight_s_sum", edge, inFlight),
		on("vllm:omni_transfer_rx_s_sum", edge, rx),
	}
}

// engine is what a replica of an autoregressive stage showed.
func engine(replica, name, values string) series {
	return on(name, `stage="1", replica="`+replica+`"`, values)
}

func waitingFor(replica, reason, values string) series {
	return on("vllm:num_requests_waiting_by_reason", `stage="1", replica="`+replica+`", reason="`+reason+`"`, values)
}

var pipelineCases = []promCase{
	{alert: "LimelightStageDown", when: "when the only replica of a stage is down", at: "3m",
		input: join(ready(0, 0), down(1, 0)),
		fires: []string{`LimelightStageDown severity="page", stage="1"`, `LimelightReplicaDown severity="ticket", stage="1"`}},
	{alert: "LimelightStageDown", when: "is silent while another replica is full but alive", at: "3m",
		input: join(ready(0, 0), down(1, 0), full(1, 1)),
		fires: []string{`LimelightReplicaDown severity="ticket", stage="1", replica="0"`}},
	{alert: "LimelightStageDown", when: "is silent when the replica is back within a minute", at: "3m",
		input: join(ready(0, 0), state(1, 0, "1x2 0 1x30", "0x40", "0x2 1 0x30"))},

	{alert: "LimelightReplicaDown", when: "when one of two replicas is down", at: "3m",
		input: join(ready(0, 0), ready(1, 0), down(1, 1)),
		fires: []string{`LimelightReplicaDown severity="ticket", stage="1", replica="1", model_name="m", instance="a:9400"`}},
	{alert: "LimelightReplicaDown", when: "is silent while a replica that leaves drains for 90 s", at: "4m",
		input: join(ready(0, 0), ready(1, 0), state(1, 1, "1x2 0x2 stale", "0x5 stale", "0x2 1x2 stale"))},

	{alert: "LimelightReplicaEjected", when: "when a server fails again and again", at: "6m",
		input: []series{on("limelight_replica_ejections_total", code2wav, "0 0 1 1 2 2 3x20")},
		fires: []string{`LimelightReplicaEjected severity="ticket", stage="2", replica="0"`}},
	{alert: "LimelightReplicaEjected", when: "is silent after one bad moment", at: "6m",
		input: []series{on("limelight_replica_ejections_total", code2wav, "0 0 1 1 1 2x20")}},

	{alert: "LimelightQueueStuck", when: "when requests wait for a stage that has room", at: "3m",
		input: join(full(0, 0), ready(1, 0), full(1, 1), []series{waiting("3x60")}),
		fires: []string{`LimelightQueueStuck severity="page", stage="1", model_name="m", instance="a:9400"`}},
	{alert: "LimelightQueueStuck", when: "is silent when the stage that they wait for has none", at: "3m",
		input: join(ready(0, 0), full(1, 0), full(1, 1), []series{waiting("3x60")})},
	{alert: "LimelightQueueStuck", when: "is silent when the queue was empty for a moment", at: "4m",
		input: join(ready(0, 0), ready(1, 0), []series{waiting("3x6 0 3x50")})},

	{alert: "LimelightQueueGrows", when: "when its stage is full, others are not, and more and more requests wait", at: "11m",
		input: join(ready(0, 0), full(1, 0), full(1, 1), []series{waiting("0+2x60")}),
		fires: []string{`LimelightQueueGrows severity="ticket", stage="1"`}},
	{alert: "LimelightQueueGrows", when: "is silent when the queue is as long as before", at: "11m",
		input: join(ready(0, 0), full(1, 0), full(1, 1), []series{waiting("40x60")})},
	{alert: "LimelightQueueGrows", when: "is silent when everything is full", at: "11m",
		input: join(full(0, 0), full(1, 0), full(1, 1), []series{waiting("0+2x60")})},

	{alert: "LimelightReplicaImbalance", when: "when requests wait at one replica and the other has nothing to do", at: "12m",
		input: []series{waitingFor("0", "capacity", "4x60"), engine("0", "vllm:num_requests_running", "64x60"), engine("1", "vllm:num_requests_running", "0x60")},
		fires: []string{`LimelightReplicaImbalance severity="ticket", stage="1", replica="0"`}},
	{alert: "LimelightReplicaImbalance", when: "is silent when the other one works", at: "12m",
		input: []series{waitingFor("0", "capacity", "4x60"), engine("0", "vllm:num_requests_running", "64x60"), engine("1", "vllm:num_requests_running", "0 1x59")}},
	{alert: "LimelightReplicaImbalance", when: "is silent when requests wait for their text", at: "12m",
		input: []series{waitingFor("0", "deferred", "4x60"), engine("0", "vllm:num_requests_running", "0x60"), engine("1", "vllm:num_requests_running", "0x60")}},

	{alert: "LimelightKVCacheSaturated", when: "when the cache is full and requests are preempted", at: "6m",
		input: []series{engine("0", "vllm:kv_cache_usage_perc", "0.97x40"), engine("0", "vllm:num_preemptions_total", "0+1x40")},
		fires: []string{`LimelightKVCacheSaturated severity="ticket", stage="1", replica="0"`}},
	{alert: "LimelightKVCacheSaturated", when: "is silent when a full cache preempts nobody", at: "6m",
		input: []series{engine("0", "vllm:kv_cache_usage_perc", "0.99x40"), engine("0", "vllm:num_preemptions_total", "7x40")}},
	{alert: "LimelightKVCacheSaturated", when: "is silent when requests were preempted, but the cache is not full", at: "6m",
		input: []series{engine("0", "vllm:kv_cache_usage_perc", "0.8x40"), engine("0", "vllm:num_preemptions_total", "0+1x40")}},

	{alert: "LimelightSlowHop", when: "when a hop takes 30 % of the requests' time", at: "6m",
		input: hops("0+3x40"),
		fires: []string{`LimelightSlowHop severity="ticket", seen_in="receipts", stage="2", replica="0"`}},
	{alert: "LimelightSlowHop", when: "is silent at 15 %", at: "6m",
		input: hops("0+1.5x40")},
	{alert: "LimelightSlowHop", when: "when an edge takes 300 ms in its three parts", at: "6m",
		input: transfers("0+1x40", "0+1.5x40", "0+0.5x40"),
		fires: []string{`LimelightSlowHop severity="ticket", seen_in="transfers", from_stage="1", from_replica="0", to_stage="2", to_replica="1"`}},
	{alert: "LimelightSlowHop", when: "is silent when an edge takes 200 ms", at: "6m",
		input: transfers("0+1x40", "0+0.5x40", "0+0.5x40")},
}
