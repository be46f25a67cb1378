package dashboards

import "github.com/limelight-omni/limelight/internal/promql"

// gatewayBoard shows the servers themselves and the engines behind them.
func gatewayBoard() board {
	state := func(s string) string {
		return promql.Aggregate("max", atServer("limelight_replica_state", `state="`+s+`"`).Instant(), replica...)
	}
	handlers := atServer("http_request_duration_seconds")
	mean := func(summary string) []query { return each(promql.Mean(atServer(summary), "handler"), "handler") }
	gauge := func(name string) string {
		return promql.Aggregate("sum", atServer(name).Instant(), "instance")
	}
	other := func(name string) string {
		return promql.Aggregate("sum", promql.Series{Name: name, Match: `instance=~"$instance"`}.Instant(), "instance")
	}
	return board{
		name: "gateway", title: "Gateway", description: "The servers themselves, and the engines behind them: replicas, refusals, failures, scrapes, HTTP, processes.",
		choices: append(places(), servers()...),
		rows: []row{{"Which replicas take work?", []panel{
			{title: "State of each replica", kind: states, unit: "none", red: 2, width: 12, queries: each(state("full")+" + 2 * "+state("down"), replica...), runbook: "LimelightReplicaDown"},
			{title: "Replicas by state", kind: stack, unit: "short", width: 12, queries: values(atServer("limelight_replica_state"), "stage", "state"), runbook: "LimelightStageDown"},
			{title: "Places in use", unit: "percentunit", about: "Above 1 requests wait inside the replica.",
				queries: each(promql.Ratio(promql.Aggregate("sum", atServer("limelight_replica_requests").Instant(), replica...), promql.Aggregate("sum", atServer("limelight_replica_places").Instant(), replica...)), replica...)},
			{title: "Tried on another replica", kind: stack, unit: "ops", queries: rates(atServer("limelight_stage_retries_total"), replica...)},
			{title: "Ejections", kind: stack, unit: "ops", queries: rates(atServer("limelight_replica_ejections_total"), replica...), runbook: "LimelightReplicaEjected"},
		}}, {"What is turned away, and what fails?", []panel{
			{title: "Refusals by reason", kind: stack, rare: true, unit: "reqps", queries: rates(atServer("limelight_requests_refused_total"), "reason")},
			{title: "Failures by stage and cause", kind: stack, rare: true, unit: "reqps", queries: []query{{promql.Rate(atServer("limelight_stage_failures_total"), "stage", "cause"), "stage {{stage}} {{cause}}"}}, runbook: "LimelightRequestsFail"},
			{title: "Admitted", kind: stack, unit: "reqps", queries: rates(atServer("limelight_requests_admitted_total"), "model_name")},
		}}, {"Are the engines' pages fresh?", []panel{
			{title: "Age of the newest page", unit: "s", red: 60, queries: each(promql.Aggregate("max", atServer("limelight_engine_page_age_seconds").Instant(), replica...), replica...), runbook: "LimelightEnginePageStale"},
			{title: "Failed scrapes by reason", kind: stack, rare: true, unit: "ops", queries: rates(atServer("limelight_engine_scrape_failures_total"), "stage", "replica", "reason"), runbook: "LimelightEngineScrapeFailing"},
			{title: "Time of a scrape, p99", unit: "s", queries: []query{quantile(.99, atServer("limelight_engine_scrape_duration_seconds"), replica...)}},
			{title: "Size of a page", unit: "bytes", queries: values(atServer("limelight_engine_page_bytes"), replica...)},
			{title: "Series of a page", unit: "short", queries: values(atServer("limelight_engine_page_series"), replica...)},
			{title: "Faults of pages", unit: "ops", queries: []query{
				{promql.Rate(atServer("limelight_engine_page_malformed_lines_total"), replica...), "{{stage}}/{{replica}} malformed lines"},
				{promql.Rate(atServer("limelight_engine_page_conflicts_total"), replica...), "{{stage}}/{{replica}} families of another type"},
			}},
		}}, {"What does HTTP see?", []panel{
			{title: "Requests by route and status", kind: stack, unit: "reqps", queries: rates(atServer("http_requests_total"), "handler", "status")},
			{title: "Time of a request, all routes", unit: "s", queries: quantiles(atServer("http_request_duration_highr_seconds")), about: "To the end of the response, streams included."},
			{title: "Time of a request by route, mean", unit: "s", queries: each(promql.Mean(handlers, "handler"), "handler")},
			{title: "Body of a request, mean", unit: "bytes", queries: mean("http_request_size_bytes")},
			{title: "Body of a response, mean", unit: "bytes", about: "Streams declare no length.", queries: mean("http_response_size_bytes")},
		}}, {"How is the process?", []panel{
			{title: "CPU", unit: "suffix: cores", queries: rates(atServer("process_cpu_seconds_total"), "instance")},
			{title: "Memory", unit: "bytes", queries: []query{
				{gauge("process_resident_memory_bytes"), "{{instance}} resident"},
				{gauge("process_virtual_memory_bytes"), "{{instance}} virtual"},
				{other("go_memstats_heap_inuse_bytes"), "{{instance}} heap"},
			}},
			{title: "Goroutines", unit: "short", queries: []query{{other("go_goroutines"), "{{instance}}"}}, about: "`go_goroutines`: goroutines of the process. Each request has some; without requests they come back to where they were."},
			{title: "Open files", unit: "percentunit", max: 1, red: .9, queries: each(promql.Ratio(gauge("process_open_fds"), gauge("process_max_fds")), "instance"), about: "Share of the limit."},
			{title: "Time since the start", unit: "s", queries: one("{{instance}}", "time() - "+promql.Aggregate("max", atServer("process_start_time_seconds").Instant(), "instance"))},
			{title: "Versions", kind: stack, unit: "short", queries: each(promql.Aggregate("sum", atServer("limelight_build_info").Instant(), "version"), "version")},
		}}},
	}
}
