package rules

import "fmt"

// measured is a histogram whose count grows by all and whose bucket by good,
// every half minute for twenty minutes.
func measured(family, labels, bound string, all, good int) []series {
	if labels != "" {
		labels += ", "
	}
	return []series{
		on(family+"_count", labels[:max(0, len(labels)-2)], fmt.Sprintf("0+%dx40", all)),
		on(family+"_bucket", labels+`le="`+bound+`"`, fmt.Sprintf("0+%dx40", good)),
	}
}

// ended counts requests that ended for a reason, every half minute.
func ended(reason string, each int) series {
	return on("vllm:omni_requests_success_total", `finished_reason="`+reason+`"`, fmt.Sprintf("0+%dx40", each))
}

// streamed are streams of which some have a gap, with what else their page
// shows.
func streamed(all, without int) []series {
	return append(measured("vllm:omni_audio_underrun_s", code2wav, "0.1", all, without), measured("vllm:omni_audio_ttfp_s", code2wav, "1", all, all)...)
}

// answered are requests that ended naturally, in time, and others.
func answered(stop int, others ...series) []series {
	return append(append(others, ended("stop", stop)), measured("vllm:omni_e2e_request_latency_s", "", "30", stop, stop)...)
}

const code2wav = `stage="2", replica="0"`

// burning are the alerts of an objective over windows.
func burning(alert, objective string, windows ...string) []string {
	var all []string
	for _, w := range windows {
		severity := page
		if w == "1d" || w == "3d" {
			severity = ticket
		}
		all = append(all, fmt.Sprintf("%s severity=%q, objective=%q, window=%q", alert, severity, objective, w))
	}
	return all
}

// A service that is younger than a window is judged by what there is of it, so
// that twenty minutes show all windows.
var objectiveCases = []promCase{
	{alert: "LimelightFirstSoundLate", when: "when 80 % of the first packets are late: 16 times the budget", at: "5m",
		input: measured("vllm:omni_audio_ttfp_s", code2wav, "1", 10, 2),
		fires: burning("LimelightFirstSoundLate", "ttfp", "1h", "6h", "1d", "3d"),
		also: map[string][]string{
			`round(job_model:limelight_objective_bad:ratio_rate1h, 0.01)`: {`{job="limelight", model_name="m", objective="ttfp"} 0.8`},
			`round(job_model:limelight_objective_budget:remaining_ratio)`: {`{job="limelight", model_name="m", objective="ttfp"} -15`},
		}},
	{alert: "LimelightFirstSoundLate", when: "over six hours only, at 70 %: 14 times", at: "5m",
		input: measured("vllm:omni_audio_ttfp_s", code2wav, "1.0", 10, 3), // as vLLM-Omni and Prometheus 3 write the bound
		fires: burning("LimelightFirstSoundLate", "ttfp", "6h", "1d", "3d")},
	{alert: "LimelightFirstSoundLate", when: "as a ticket only, at 20 %: 4 times", at: "5m",
		input: measured("vllm:omni_audio_ttfp_s", code2wav, "1", 10, 8),
		fires: burning("LimelightFirstSoundLate", "ttfp", "1d", "3d")},
	{alert: "LimelightFirstSoundLate", when: "over three days only, at 10 %: twice", at: "5m",
		input: measured("vllm:omni_audio_ttfp_s", code2wav, "1", 10, 9),
		fires: burning("LimelightFirstSoundLate", "ttfp", "3d")},
	{alert: "LimelightFirstSoundLate", when: "is silent at 4 %, less than the budget", at: "5m",
		input: measured("vllm:omni_audio_ttfp_s", code2wav, "1", 100, 96)},
	{alert: "LimelightFirstSoundLate", when: "is silent at night, when four requests all are late", at: "5m",
		input: []series{on("vllm:omni_audio_ttfp_s_count", code2wav, "0x2 1 1 2 2 3 3 4x20"), on("vllm:omni_audio_ttfp_s_bucket", code2wav+`, le="1"`, "0x40")}},
	{alert: "LimelightFirstSoundLate", when: "is silent without traffic: there is no share, and all of the budget", at: "5m",
		input: []series{on("vllm:omni_audio_ttfp_s_count", code2wav, "7x40"), on("vllm:omni_audio_ttfp_s_bucket", code2wav+`, le="1"`, "0x40")},
		also: map[string][]string{
			`{__name__=~"job_model:limelight_objective_bad:ratio_.*"}`:  nil,
			`job_model:limelight_objective_budget:remaining_ratio`:      {`job_model:limelight_objective_budget:remaining_ratio{job="limelight", model_name="m", objective="ttfp"} 1`},
			`job_model:limelight_objective_bad:increase1h{job!="none"}`: {`job_model:limelight_objective_bad:increase1h{job="limelight", model_name="m", objective="ttfp"} 0`},
		}},
	{alert: "LimelightSpeechTooSlow", when: "when a fifth of the replies are slower than they sound", at: "5m",
		input: measured("vllm:omni_audio_rtf", code2wav, "1", 10, 8),
		fires: burning("LimelightSpeechTooSlow", "rtf", "1h", "6h", "1d", "3d")},
	{alert: "LimelightSpeechTooSlow", when: "is silent at 0.9 %, though one replica has them all", at: "5m",
		input: append(measured("vllm:omni_audio_rtf", code2wav, "1", 900, 900), measured("vllm:omni_audio_rtf", `stage="2", replica="1"`, "1", 100, 91)...)},

	{alert: "LimelightAudioGaps", when: "when 10 % of the streams have a gap", at: "5m",
		input: streamed(10, 9),
		fires: append(burning("LimelightAudioGaps", "continuity", "1h", "6h", "1d", "3d"), `LimelightReplicaAudioGaps severity="ticket"`)},
	{alert: "LimelightAudioGaps", when: "is silent when gaps are shorter than 100 ms", at: "5m",
		input: append(streamed(10, 10), on("vllm:omni_audio_underrun_s_bucket", code2wav+`, le="0.05"`, "0+2x40"))},

	{alert: "LimelightRequestsFail", when: "when 2 % end as an error", at: "5m",
		input: answered(98, ended("error", 2), ended("abort", 50)),
		fires: burning("LimelightRequestsFail", "availability", "1h", "6h", "1d", "3d")},
	{alert: "LimelightRequestsFail", when: "when the queue is full", at: "5m",
		input: answered(98, on("limelight_requests_refused_total", `reason="queue_full"`, "0+2x40")),
		fires: burning("LimelightRequestsFail", "availability", "1h", "6h", "1d", "3d")},
	{alert: "LimelightRequestsFail", when: "stops to page over an hour five minutes after the last failure, which six hours remember", at: "16m",
		input: answered(98, on("vllm:omni_requests_success_total", `finished_reason="error"`, "0+10x20 200x20")),
		fires: burning("LimelightRequestsFail", "availability", "6h", "1d", "3d"),
		also: map[string][]string{
			`job_model:limelight_objective_bad:ratio_rate5m{objective="availability"}`:              {`job_model:limelight_objective_bad:ratio_rate5m{job="limelight", model_name="m", objective="availability"} 0`},
			`round(job_model:limelight_objective_bad:ratio_rate1h{objective="availability"}, 0.01)`: {`{job="limelight", model_name="m", objective="availability"} 0.07`},
		}},
	{alert: "LimelightRequestsFail", when: "is silent when clients leave or ask for nonsense", at: "5m",
		input: answered(50, ended("abort", 50), on("limelight_requests_refused_total", `reason="bad_request"`, "0+50x40"))},
	{alert: "LimelightRequestsFail", when: "is silent when one request that is tried three times fails at night", at: "5m",
		input: []series{on("vllm:omni_requests_success_total", `finished_reason="stop"`, "0x2 1x31"), on("vllm:omni_requests_success_total", `finished_reason="error"`, "0x2 1 2 3x29")}},

	{alert: "LimelightRepliesSlow", when: "when a tenth takes more than 30 s", at: "5m",
		input: measured("vllm:omni_e2e_request_latency_s", "", "30", 10, 8),
		fires: burning("LimelightRepliesSlow", "e2e", "1h", "6h", "1d", "3d")},
	{alert: "LimelightRepliesSlow", when: "is silent at 0.5 %", at: "5m",
		input: measured("vllm:omni_e2e_request_latency_s", "", "30", 200, 199)},
}
