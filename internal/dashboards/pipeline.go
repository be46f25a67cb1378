package dashboards

import "github.com/limelight-omni/limelight/internal/promql"

// pipelineBoard shows requests as their clients see them.
func pipelineBoard() board {
	running, waiting := of("vllm:omni_num_requests_running"), of("vllm:omni_num_requests_waiting")
	ends, e2e := of("vllm:omni_requests_success_total"), of("vllm:omni_e2e_request_latency_s")
	errors := of("vllm:omni_requests_success_total", `finished_reason="error"`)
	requestPart, stagePart := of("limelight_request_part_seconds"), of("limelight_stage_part_seconds")
	residual := of("limelight_request_residual_seconds")
	// A kind of end that never came has no series at vLLM-Omni: then it is none of all.
	errorShare := promql.Ratio(promql.Rate(errors)+" or "+promql.Rate(ends)+" * 0", promql.Rate(ends))
	// Every natural end has one residual.
	perRequest := func(part promql.Series, by ...string) string {
		return promql.Share(promql.Sum(part, by...), promql.Count(residual))
	}
	// Of several jobs that serve the model the worst counts.
	budget := promql.Aggregate("min", objective("budget:remaining_ratio"), "objective")
	burn := promql.Share(promql.Aggregate("max", objective("bad:ratio_rate1h"), "objective"), "1 - objective:limelight_objective_target:ratio", "objective")
	const aboutBudget = "What is left of what an objective allows to go wrong: 1 is all, and below 0 the objective is missed. It needs the rules of `deploy/prometheus/rules`."
	partsOfStages := []string{"stage", "part"}
	return board{
		name: "pipeline", title: "Pipeline", description: "Requests as their clients see them: how they end, how long they take, and where their time goes.",
		choices: places(),
		rows: []row{{"How is it now?", []panel{
			{title: "Running", kind: number, unit: "short", queries: one("running", promql.Aggregate("sum", running.Instant()))},
			{title: "Waiting", kind: number, unit: "short", queries: one("waiting", promql.Aggregate("sum", waiting.Instant())), runbook: "LimelightQueueGrows"},
			{title: "Ends a second", kind: number, unit: "reqps", queries: one("ends", promql.Rate(ends))},
			{title: "Errors", kind: number, unit: "percentunit", red: .001, queries: one("errors", errorShare), runbook: "LimelightRequestsFail",
				about: "Share of the ends that were errors. Aborts are the clients' own doing and count among the ends."},
			{title: "End to end, p90", kind: number, unit: "s", queries: []query{quantile(.9, e2e)}, runbook: "LimelightRepliesSlow"},
			{title: "First packet, p90", kind: number, unit: "s", red: 1, queries: []query{quantile(.9, of("vllm:omni_audio_ttfp_s"))}, runbook: "LimelightFirstSoundLate"},
		}}, {"Are the objectives met?", []panel{
			{title: "Error budgets", kind: number, unit: "percentunit", red: .1, low: true, width: 8, about: aboutBudget, queries: each(budget, "objective")},
			{title: "Error budgets left", unit: "percentunit", max: 1, red: .1, low: true, about: aboutBudget, queries: each(budget, "objective")},
			{title: "Burn rate over an hour", unit: "none", red: 14.4, about: "How many times faster than allowed the error budget goes: at 1 it lasts exactly as long as it has to. The red line is where somebody is woken.",
				queries: each(burn, "objective")},
		}}, {"Do requests come through?", []panel{
			{title: "Ends by reason", kind: stack, unit: "reqps", queries: rates(ends, "finished_reason")},
			{title: "Errors of all ends", unit: "percentunit", red: .001, queries: one("errors", errorShare), runbook: "LimelightRequestsFail",
				about: "The red line is at 0.1 %, what an availability of 99.9 % leaves."},
			{title: "Admitted and refused", unit: "reqps", queries: []query{
				{promql.Rate(of("limelight_requests_admitted_total")), "admitted"},
				{promql.Rate(of("limelight_requests_refused_total")), "refused"},
			}},
			{title: "Running and waiting", kind: stack, unit: "short", runbook: "LimelightQueueGrows", queries: []query{
				{promql.Aggregate("sum", running.Instant()), "running"},
				{promql.Aggregate("sum", waiting.Instant()), "waiting"},
			}},
			{title: "Waiting for a place, by stage", kind: stack, unit: "short", queries: values(of("limelight_stage_requests_waiting"), "stage"), runbook: "LimelightQueueStuck"},
			{title: "Failures by stage", unit: "reqps", queries: append(rates(of("limelight_stage_failures_total"), "stage"),
				query{promql.Rate(of("limelight_requests_expired_total"), "part"), "time is up: {{part}}"}),
				about: "The stage that failed first. The Gateway dashboard has the causes. With --request-timeout also what requests had come to when their time was up; of those in the stages the one that was waited for has failed."},
		}}, {"How long do replies take?", []panel{
			{title: "End to end", unit: "s", width: 12, exemplars: true, queries: quantiles(e2e), runbook: "LimelightRepliesSlow"},
			{title: "End to end, all requests", kind: heat, unit: "s", width: 12, queries: distribution(e2e)},
		}}, {"Where does the time go?", []panel{
			{title: "Time of one request by part", kind: stack, unit: "s", width: 16, about: "Mean over all requests that ended naturally: the height is their end-to-end time. A stage that most requests do not come to has little of it.",
				queries: []query{
					{perRequest(stagePart, partsOfStages...), "stage {{stage}} {{part}}"},
					{perRequest(requestPart, "part"), "{{part}}"},
					{promql.Mean(residual), "unexplained"},
				}},
			{title: "Parts of the slowest stages, p99", unit: "s", queries: []query{{promql.Quantile(.99, stagePart, partsOfStages...), "stage {{stage}} {{part}}"}}},
			{title: "Outside of the stages, p99", unit: "s", queries: []query{{promql.Quantile(.99, requestPart, "part"), "{{part}}"}}},
			{title: "Unexplained", unit: "s", queries: quantiles(residual), about: "The accounts of a request add up but for this."},
		}}, {"What was made in vain?", []panel{
			{title: "Wasted tokens", kind: stack, unit: "suffix: tokens/s", width: 12, queries: rates(of("limelight_wasted_tokens_total"), "stage", "finished_reason")},
			{title: "Wasted audio", kind: stack, unit: "suffix: s/s", width: 12, queries: rates(of("limelight_wasted_audio_seconds_total"), "stage", "finished_reason"),
				about: "Seconds of sound a second."},
		}}},
	}
}

// objective selects a recorded series of the objectives.
func objective(name string) string {
	return promql.Series{Name: "job_model:limelight_objective_" + name, Match: `model_name=~"$model_name"`}.Instant()
}
