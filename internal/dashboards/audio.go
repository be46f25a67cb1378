package dashboards

import "github.com/limelight-omni/limelight/internal/promql"

// audioBoard shows what listeners hear.
func audioBoard() board {
	ttfp, rtf := of("vllm:omni_audio_ttfp_s"), of("vllm:omni_audio_rtf")
	underrun, ok := of("vllm:omni_audio_underrun_s"), of("vllm:omni_audio_continuity_ok_total")
	within := of("vllm:omni_audio_continuity_ok_total", `threshold_ms="100"`)
	duration, interval := of("vllm:omni_audio_duration_s"), of("limelight_audio_chunk_interval_seconds")
	skipped, silent := of("vllm:omni_audio_skipped_requests_total"), of("limelight_audio_silent_requests_total")
	// Late is the share of requests whose factor is above 1.
	late := func(by ...string) string {
		return promql.Ratio(promql.Count(rtf, by...)+" - "+promql.Under(1, rtf, by...), promql.Count(rtf, by...))
	}
	return board{
		name: "audio", title: "Audio", description: "What listeners hear: how soon, whether speech keeps up with them, whether there are gaps, and whether there is any sound.",
		choices: places(),
		rows: []row{{"What do listeners hear now?", []panel{
			{title: "First packet, p90", kind: number, unit: "s", red: 1, queries: []query{quantile(.9, ttfp)}, runbook: "LimelightFirstSoundLate"},
			{title: "Real-time factor, p99", kind: number, unit: "none", red: 1, queries: []query{quantile(.99, rtf)}, runbook: "LimelightSpeechTooSlow"},
			{title: "Without a gap", kind: number, unit: "percentunit", red: .995, low: true, queries: one("within 100 ms", promql.Ratio(promql.Rate(within), promql.Count(underrun))), runbook: "LimelightAudioGaps",
				about: "Share of streamed replies no chunk of which came more than 100 ms late."},
			{title: "Skipped", kind: number, unit: "reqps", red: .001, queries: one("skipped", promql.Rate(skipped)), runbook: "LimelightAudioSkipped"},
			{title: "Silent", kind: number, unit: "reqps", red: .001, queries: one("silent", promql.Rate(silent)), runbook: "LimelightSilentAudio"},
			{title: "Sound made", kind: number, unit: "suffix: s/s", queries: one("sound", promql.Sum(duration)), about: "Seconds of sound a second: as many listeners are served in real time."},
		}}, {"How soon do they hear something?", []panel{
			{title: "First packet", unit: "s", red: 1, exemplars: true, queries: quantiles(ttfp), runbook: "LimelightFirstSoundLate"},
			{title: "First packet by replica, p90", unit: "s", red: 1, queries: []query{quantile(.9, ttfp, replica...)}},
			{title: "First packet, all requests", kind: heat, unit: "s", queries: distribution(ttfp)},
		}}, {"Does speech keep up with them?", []panel{
			{title: "Real-time factor", unit: "none", red: 1, queries: quantiles(rtf), about: "Above the red line sound is made more slowly than it is heard.", runbook: "LimelightSpeechTooSlow"},
			{title: "Real-time factor by replica, p99", unit: "none", red: 1, queries: []query{quantile(.99, rtf, replica...)}},
			{title: "Real-time factor, all requests", kind: heat, unit: "none", queries: distribution(rtf)},
			{title: "Slower than real time", unit: "percentunit", red: .01, queries: each(late(replica...), replica...), about: "Share of requests whose factor was above 1."},
			{title: "Sound made", kind: stack, unit: "suffix: s/s", queries: each(promql.Sum(duration, replica...), replica...), about: "Seconds of sound a second, when their request ends."},
			{title: "Frames made", kind: stack, unit: "suffix: frames/s", queries: rates(of("vllm:omni_audio_frames_total"), replica...)},
		}}, {"Do they hear gaps?", []panel{
			{title: "Without a gap", unit: "percentunit", max: 1, red: .995, low: true, runbook: "LimelightAudioGaps", about: "Share of streamed replies no chunk of which came later than the threshold.",
				queries: []query{{promql.Share(promql.Rate(ok, "threshold_ms"), promql.Count(underrun)), "within {{threshold_ms}} ms"}}},
			{title: "Without a gap by replica", unit: "percentunit", max: 1, red: .995, low: true, runbook: "LimelightReplicaAudioGaps", about: "Within 100 ms.",
				queries: each(promql.Ratio(promql.Rate(within, replica...), promql.Count(underrun, replica...)), replica...)},
			{title: "Gaps by cause", kind: stack, unit: "reqps", queries: rates(of("limelight_audio_underruns_total"), "cause"),
				about: "slow_client is the listener's own line; late_production is ours."},
			{title: "Longest lag of a reply", unit: "s", red: .1, queries: quantiles(underrun)},
			{title: "Longest lag of a reply by replica, p99", unit: "s", red: .1, queries: []query{quantile(.99, underrun, replica...)}},
			{title: "Longest lag, all requests", kind: heat, unit: "s", queries: distribution(underrun)},
			{title: "Between two chunks", unit: "s", queries: quantiles(interval), about: "A chunk has to come before the one in front of it has been played."},
			{title: "Between two chunks by replica, p99", unit: "s", queries: []query{quantile(.99, interval, replica...)}},
			{title: "Gaps by cause and replica", kind: stack, unit: "reqps", queries: rates(of("limelight_audio_underruns_total"), "stage", "replica", "cause")},
		}}, {"Is there sound at all?", []panel{
			{title: "Skipped by reason", kind: stack, unit: "reqps", queries: rates(skipped, "reason"), runbook: "LimelightAudioSkipped"},
			{title: "Silent by replica", kind: stack, unit: "reqps", queries: rates(silent, replica...), runbook: "LimelightSilentAudio"},
			{title: "Length of the sound", unit: "s", queries: quantiles(duration)},
		}}},
	}
}
