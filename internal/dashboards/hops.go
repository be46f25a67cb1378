package dashboards

import "github.com/limelight-omni/limelight/internal/promql"

// hopsBoard shows what goes between stages, by the edge from one replica to
// another.
func hopsBoard() board {
	size, tx := of("vllm:omni_transfer_size_bytes"), of("vllm:omni_transfer_tx_s")
	flight, rx := of("vllm:omni_transfer_in_flight_s"), of("vllm:omni_transfer_rx_s")
	stagePart, requestPart := of("limelight_stage_part_seconds"), of("limelight_request_part_seconds")
	hop := of("limelight_stage_part_seconds", `part="hop"`)
	all := promql.Sum(stagePart) + " + " + promql.Sum(requestPart) + " + " + promql.Sum(of("limelight_request_residual_seconds"))
	return board{
		name: "hops", title: "Hops", description: "What goes between stages, by the edge from one replica to another: stage and replica at the top are the receiving end.",
		choices: ends(),
		rows: []row{{"Which hop is slow?", []panel{
			{title: "One hop: send, in flight, receive", kind: stack, unit: "s", about: "Mean of each of the three times, over the chosen edges. They do not overlap.", queries: []query{
				{promql.Mean(tx), "send"}, {promql.Mean(flight), "in flight"}, {promql.Mean(rx), "receive"},
			}},
			{title: "One hop by edge, mean", unit: "s", about: "Send, in flight and receive together.", runbook: "LimelightSlowHop",
				queries: each(promql.Mean(tx, edge...)+" + "+promql.Mean(flight, edge...)+" + "+promql.Mean(rx, edge...), edge...)},
			{title: "Hops' share of the requests' time", unit: "percentunit", about: "Of the path that led to the reply's last byte, as far as it was spent on a hop.", runbook: "LimelightSlowHop",
				queries: []query{{promql.Share(promql.Sum(hop, "stage"), all), "to stage {{stage}}"}}},
			{title: "Send by edge, p99", unit: "s", queries: []query{quantile(.99, tx, edge...)}},
			{title: "In flight by edge, p99", unit: "s", queries: []query{quantile(.99, flight, edge...)}},
			{title: "Receive by edge, p99", unit: "s", queries: []query{quantile(.99, rx, edge...)}},
		}}, {"How much goes over it?", []panel{
			{title: "Hops by edge", kind: stack, unit: "ops", queries: each(promql.Count(size, edge...), edge...)},
			{title: "Bytes by edge", kind: stack, unit: "Bps", queries: each(promql.Sum(size, edge...), edge...)},
			{title: "Size of a hop by edge", unit: "bytes", queries: []query{quantile(.5, size, edge...), quantile(.99, size, edge...)}},
		}}, {"How are all hops spread?", []panel{
			{title: "Size", kind: heat, unit: "bytes", width: 12, queries: distribution(size)},
			{title: "Send", kind: heat, unit: "s", width: 12, queries: distribution(tx)},
			{title: "In flight", kind: heat, unit: "s", width: 12, queries: distribution(flight)},
			{title: "Receive", kind: heat, unit: "s", width: 12, queries: distribution(rx)},
		}}},
	}
}
