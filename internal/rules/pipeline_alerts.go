package rules

import "time"

// pipelineAlerts are about stages, their replicas and the hops between them.
var pipelineAlerts = []alert{{
	name: "LimelightStageDown", severity: page, wait: time.Minute, dashboard: stagesDashboard,
	expr: `
max by (job, instance, model_name, stage) (limelight_replica_state{state=~"ready|full"}) == 0`,
	summary:     "Stage {{ $labels.stage }} of " + theModel + " has no replica left",
	description: "Every replica of stage {{ $labels.stage }} is down: what needs the stage is refused with 503.",
}, {
	name: "LimelightReplicaDown", severity: ticket, wait: 2 * time.Minute, dashboard: stagesDashboard,
	expr: `
max by (job, instance, model_name, stage, replica) (limelight_replica_state{state="down"}) == 1`,
	summary:     "Replica {{ $labels.stage }}/{{ $labels.replica }} of " + theModel + " is down",
	description: "The process of " + theReplica + " was lost, or does not pass its health check; others do its work.",
}, {
	name: "LimelightReplicaEjected", severity: ticket, dashboard: gatewayDashboard,
	expr: `
increase(limelight_replica_ejections_total[30m]) >= 3`,
	summary:     "Replica {{ $labels.stage }}/{{ $labels.replica }} of " + theModel + " fails again and again",
	description: "The server behind " + theReplica + " failed at several requests in a row and was left out for a while, {{ $value | humanize }} times within the last half hour.",
}, {
	// A free place takes a waiting request at once, so that both are never seen
	// together for long.
	name: "LimelightQueueStuck", severity: page, dashboard: pipelineDashboard,
	expr: `
min_over_time(limelight_stage_requests_waiting[2m]) > 0
and on (job, instance, model_name, stage)
max by (job, instance, model_name, stage) (min_over_time(limelight_replica_state{state="ready"}[2m])) == 1`,
	summary:     "Requests to " + theModel + " wait for stage {{ $labels.stage }}, which has room",
	description: "For two minutes there were always at least {{ $value | humanize }} requests in the queue for stage {{ $labels.stage }}, while a replica of it had a free place all the time: nobody dispatches them.",
}, {
	name: "LimelightQueueGrows", severity: ticket, dashboard: pipelineDashboard,
	expr: `
(
  avg_over_time(limelight_stage_requests_waiting[5m]) > 1.2 * avg_over_time(limelight_stage_requests_waiting[5m] offset 5m)
  and min_over_time(limelight_stage_requests_waiting[5m]) > 0
)
and on (job, instance, model_name, stage)
max by (job, instance, model_name, stage) (max_over_time(limelight_replica_state{state="ready"}[5m])) == 0
and on (job, instance, model_name)
max by (job, instance, model_name) (min_over_time(limelight_replica_state{state="ready"}[5m])) == 1`,
	summary:     "The queue of " + theModel + " for stage {{ $labels.stage }} grows, while other replicas are idle",
	description: "{{ $value | humanize }} requests wait for stage {{ $labels.stage }} on average, a fifth more than five minutes before. A replica of another stage had room all the time: stage {{ $labels.stage }} is the narrow one.",
}, {
	name: "LimelightReplicaImbalance", severity: ticket, wait: 5 * time.Minute, dashboard: stagesDashboard,
	expr: `
min_over_time(vllm:num_requests_waiting_by_reason{reason="capacity"}[5m]) > 0
and on (job, instance, model_name, stage)
max_over_time(vllm:num_requests_running[5m]) == 0`,
	summary:     "Requests wait at replica {{ $labels.stage }}/{{ $labels.replica }} of " + theModel + " while another one of its stage is idle",
	description: "There were always at least {{ $value | humanize }} requests without a place or KV blocks at " + theReplica + ", and another replica of stage {{ $labels.stage }} ran nothing.",
}, {
	name: "LimelightKVCacheSaturated", severity: ticket, dashboard: stagesDashboard,
	expr: `
avg_over_time(vllm:kv_cache_usage_perc[10m]) > 0.9
and
increase(vllm:num_preemptions_total[10m]) >= 3`,
	summary:     "The KV cache of replica {{ $labels.stage }}/{{ $labels.replica }} of " + theModel + " is full, and requests are preempted",
	description: "On average {{ $value | humanizePercentage }} of the KV blocks of " + theReplica + " were in use over ten minutes, and requests lost theirs and were computed again.",
}, {
	// The hop's part of the path that led to the last byte, as the receipts have it.
	// It waits, since VictoriaMetrics takes the first value of a new series for an
	// increase if it is small: the time of an edge then counts before its hops do.
	name: "LimelightSlowHop", severity: ticket, wait: 2 * time.Minute, labels: map[string]string{"seen_in": "receipts"}, dashboard: hopsDashboard,
	expr: `
(replica:limelight_hop_seconds:increase10m / (replica:limelight_hops:increase10m >= 10))
/ on (job, instance, model_name) group_left ()
(model:omni_e2e_seconds:increase10m / on (job, instance, model_name) (model:omni_e2e_requests:increase10m > 0))
> 0.2
and
replica:limelight_hop_seconds:increase10m / (replica:limelight_hops:increase10m > 0) > 0.05`,
	summary:     "Requests of " + theModel + " spend their time on the way to replica {{ $labels.stage }}/{{ $labels.replica }}",
	description: "A request whose way goes to " + theReplica + " spent {{ $value | humanize }} times as long on that hop as an average request of the server takes in all, over the last ten minutes.",
}, {
	// The edges, which vLLM-Omni's page has as well. A chunk of the shortest first
	// hop is 0.32 s of sound.
	name: "LimelightSlowHop", severity: ticket, wait: 2 * time.Minute, labels: map[string]string{"seen_in": "transfers"}, dashboard: hopsDashboard,
	expr: `
edge:omni_transfer_seconds:increase10m / (edge:omni_transfers:increase10m >= 10) > 0.25`,
	summary:     "The hop {{ $labels.from_stage }}/{{ $labels.from_replica }} -> {{ $labels.to_stage }}/{{ $labels.to_replica }} of " + theModel + " is slow",
	description: "A payload took {{ $value | humanizeDuration }} from replica {{ $labels.from_stage }}/{{ $labels.from_replica }} to {{ $labels.to_stage }}/{{ $labels.to_replica }} of {{ $labels.model_name }} at {{ $labels.instance }}, on average over the last ten minutes.",
}}
